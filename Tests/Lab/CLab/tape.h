// What the files of this module share: the tape, and how it is played on a file.
#ifndef BACKSTAY_TAPE_H
#define BACKSTAY_TAPE_H

#include "blocklog.h"

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

// Writes to the file, and notes that, with what was there before.
int tape_write(cblocktape *tape, int file, const uint8_t *bytes, uint32_t length, uint64_t offset);
int tape_undo(const cblocktape *tape, int file);
int tape_advance(const cblocktape *tape, int file, size_t from, size_t to);

// All of it, or an errno. Behind the file's end there are zeros.
int image_read(int file, uint8_t *bytes, size_t length, uint64_t offset);
int image_write(int file, const uint8_t *bytes, size_t length, uint64_t offset);
int image_save(int image, uint64_t size, const char *path);

static inline const uint8_t *entry_before(const struct entry *entry) { return entry->bytes; }
static inline const uint8_t *entry_after(const struct entry *entry) { return entry->bytes + entry->length; }

#endif
