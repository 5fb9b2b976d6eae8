// What the files of this module share: the tape.
#ifndef BACKSTAY_TAPE_H
#define BACKSTAY_TAPE_H

#include "CBlockLog.h"

struct entry {
    int kind;
    uint32_t length;
    uint64_t offset;
    // A write: the bytes before, then the bytes after. A mark: its name.
    uint8_t *bytes;
};

struct cblocktape {
    struct entry *entries;
    size_t count, room;
};

cblocktape *tape_make(void);
// Takes `bytes` over, also where it fails.
int tape_add(cblocktape *tape, int kind, uint64_t offset, uint32_t length, uint8_t *bytes);

static inline const uint8_t *entry_before(const struct entry *entry) { return entry->bytes; }
static inline const uint8_t *entry_after(const struct entry *entry) { return entry->bytes + entry->length; }

#endif
