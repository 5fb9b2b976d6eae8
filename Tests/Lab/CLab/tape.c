// The tape: block writes, flushes and marks in the order in which the server met them; and what can be done with it.

#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
uint32_t cblocktape_length(const cblocktape *tape, size_t index) { return tape->entries[index].length; }

const char *cblocktape_name(const cblocktape *tape, size_t index) {
    return tape->entries[index].kind == CBLOCKLOG_MARK ? (const char *)tape->entries[index].bytes : "";
}

// MARK: The image

int image_read(int file, uint8_t *bytes, size_t length, uint64_t offset) {
    while (length > 0) {
        ssize_t got = pread(file, bytes, length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) {
            memset(bytes, 0, length);
            return 0;
        }
        bytes += got;
        length -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int image_write(int file, const uint8_t *bytes, size_t length, uint64_t offset) {
    while (length > 0) {
        ssize_t got = pwrite(file, bytes, length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? errno : EIO;
        bytes += got;
        length -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int image_save(int image, uint64_t size, const char *path) {
    static const uint8_t zeros[4096];
    uint8_t block[4096];
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int result = ftruncate(file, (off_t)size) == 0 ? 0 : errno;
    for (uint64_t offset = 0; result == 0 && offset < size; offset += sizeof block) {
        result = image_read(image, block, sizeof block, offset);
        if (result == 0 && memcmp(block, zeros, sizeof block) != 0)
            result = image_write(file, block, sizeof block, offset);
    }
    close(file);
    return result;
}

// MARK: Playing

int tape_write(cblocktape *tape, int file, const uint8_t *bytes, uint32_t length, uint64_t offset) {
    uint8_t *both = malloc((size_t)length * 2 + 1);
    if (!both) return ENOMEM;
    memcpy(both + length, bytes, length);
    int result = image_read(file, both, length, offset);
    if (result == 0) result = image_write(file, bytes, length, offset);
    if (result != 0) {
        free(both);
        return result;
    }
    return tape_add(tape, CBLOCKLOG_WRITE, offset, length, both);
}

int tape_undo(const cblocktape *tape, int file) {
    for (size_t index = tape->count; index-- > 0;) {
        const struct entry *entry = &tape->entries[index];
        if (entry->kind != CBLOCKLOG_WRITE) continue;
        int result = image_write(file, entry_before(entry), entry->length, entry->offset);
        if (result != 0) return result;
    }
    return 0;
}

int tape_advance(const cblocktape *tape, int file, size_t from, size_t to) {
    for (size_t index = from; index < to && index < tape->count; index++) {
        const struct entry *entry = &tape->entries[index];
        if (entry->kind != CBLOCKLOG_WRITE) continue;
        int result = image_write(file, entry_after(entry), entry->length, entry->offset);
        if (result != 0) return result;
    }
    return 0;
}
