// The tape: block writes, flushes and marks in the order in which the server met them.

#include "tape.h"

#include <errno.h>
#include <stdlib.h>

cblocktape *tape_make(void) { return calloc(1, sizeof(cblocktape)); }

int tape_add(cblocktape *tape, int kind, uint64_t offset, uint32_t length, uint8_t *bytes) {
    if (tape->count == tape->room) {
        size_t room = tape->room ? tape->room * 2 : 256;
        struct entry *entries = realloc(tape->entries, room * sizeof(struct entry));
        if (!entries) {
            free(bytes);
            return ENOMEM;
        }
        tape->entries = entries;
        tape->room = room;
    }
    tape->entries[tape->count++] = (struct entry){.kind = kind, .length = length, .offset = offset, .bytes = bytes};
    return 0;
}

void cblocktape_free(cblocktape *tape) {
    if (!tape) return;
    for (size_t index = 0; index < tape->count; index++) free(tape->entries[index].bytes);
    free(tape->entries);
    free(tape);
}

size_t cblocktape_count(const cblocktape *tape) { return tape->count; }
int cblocktape_kind(const cblocktape *tape, size_t index) { return tape->entries[index].kind; }
uint64_t cblocktape_offset(const cblocktape *tape, size_t index) { return tape->entries[index].offset; }
uint32_t cblocktape_length(const cblocktape *tape, size_t index) { return tape->entries[index].length; }

const char *cblocktape_name(const cblocktape *tape, size_t index) {
    return tape->entries[index].kind == CBLOCKLOG_MARK ? (const char *)tape->entries[index].bytes : "";
}
