/*
 * The shadow folder.
 *
 * For each file: which sectors were written since its last sync, and how short it was cut. A sync copies those sectors
 * as they are now, all of them, whoever wrote them, as fsync does. With tearing, some are copied before, in random order:
 * the system writes back when it likes. A sector gets to the disk whole and as it is at that moment, never as it was
 * before: the page cache has one copy.
 *
 * The process may be killed anywhere in here. What is then in the shadow is a state that a cut during the sync can leave,
 * and nobody has been told that this sync succeeded.
 *
 * One lock for all: there are four files and two threads that write them.
 */
#include "shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { sector = 512, piece = 128 };

struct shadow {
    char *path;
    int descriptor;  /* -1 until the first byte gets there */
    uint8_t *dirty;  /* one byte a sector */
    int64_t sectors; /* its length */
    int64_t count;   /* dirty ones */
    int64_t cut_to;  /* the least size since the last sync, -1 for none */
    struct shadow *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *real_folder, *shadow_folder;
static struct shadow *all;
static bool tearing;
static uint64_t random_state;

/* xorshift64*: https://en.wikipedia.org/wiki/Xorshift */
static uint64_t next_random(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

bool backstay_shadow_begin(const char *folder, const char *shadow, bool tears, uint64_t seed) {
    pthread_mutex_lock(&lock);
    real_folder = strdup(folder);
    shadow_folder = strdup(shadow);
    tearing = tears;
    random_state = seed | 1;
    bool ok = real_folder != NULL && shadow_folder != NULL;
    pthread_mutex_unlock(&lock);
    return ok;
}

static struct shadow *add(const char *base) {
    struct shadow *made = calloc(1, sizeof *made);
    size_t room = strlen(shadow_folder) + strlen(base) + 2;
    if (made != NULL) made->path = malloc(room);
    if (made == NULL || made->path == NULL) abort(); /* A test that goes on without its shadow proves nothing. */
    snprintf(made->path, room, "%s/%s", shadow_folder, base);
    made->descriptor = -1;
    made->cut_to = -1;
    made->next = all;
    all = made;
    return made;
}

struct shadow *backstay_shadow_find(const char *name) {
    struct shadow *shadow = NULL;
    pthread_mutex_lock(&lock);
    size_t length = real_folder == NULL ? 0 : strlen(real_folder);
    if (length > 0 && strncmp(name, real_folder, length) == 0 && name[length] == '/') {
        const char *base = name + length + 1;
        if (strchr(base, '/') == NULL) {
            shadow = all;
            while (shadow != NULL && strcmp(strrchr(shadow->path, '/') + 1, base) != 0) shadow = shadow->next;
            if (shadow == NULL) shadow = add(base);
        }
    }
    pthread_mutex_unlock(&lock);
    return shadow;
}

/* ---- Under the lock ---- */

static bool is_open(struct shadow *shadow) {
    if (shadow->descriptor < 0) shadow->descriptor = open(shadow->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return shadow->descriptor >= 0;
}

static void grow(struct shadow *shadow, int64_t sectors) {
    if (sectors <= shadow->sectors) return;
    int64_t room = sectors * 2;
    uint8_t *dirty = realloc(shadow->dirty, (size_t)room);
    if (dirty == NULL) abort();
    memset(dirty + shadow->sectors, 0, (size_t)(room - shadow->sectors));
    shadow->dirty = dirty;
    shadow->sectors = room;
}

/* Copies dirty sectors first..<end as they are now; what lies behind the end of the file is not there to copy. */
static bool copy(struct shadow *shadow, sqlite3_file *real, int64_t size, int64_t first, int64_t end) {
    static uint8_t buffer[piece * sector];
    while (first < end) {
        int64_t count = end - first < piece ? end - first : piece;
        int64_t offset = first * sector;
        int64_t bytes = count * sector;
        if (offset + bytes > size) bytes = size - offset;
        if (bytes > 0) {
            if (real->pMethods->xRead(real, buffer, (int)bytes, offset) != SQLITE_OK) return false;
            if (!is_open(shadow) || pwrite(shadow->descriptor, buffer, (size_t)bytes, offset) != bytes) return false;
        }
        first += count;
    }
    return true;
}

/* Some sectors get to the disk unasked. */
static void leak(struct shadow *shadow, sqlite3_file *real, int64_t written) {
    sqlite3_int64 size = 0;
    if (real->pMethods->xFileSize(real, &size) != SQLITE_OK) return;
    for (int64_t left = (int64_t)(next_random() % (uint64_t)(written + 1)); left > 0; left--) {
        int64_t at = (int64_t)(next_random() % (uint64_t)shadow->sectors);
        for (int64_t tried = 0; tried < shadow->sectors && !shadow->dirty[at]; tried++) at = (at + 1) % shadow->sectors;
        /* It stays dirty: written once more at the sync, it is the same. */
        if (shadow->dirty[at]) copy(shadow, real, size, at, at + 1);
    }
}

/* ---- Events ---- */

void backstay_shadow_wrote(struct shadow *shadow, sqlite3_file *real, int64_t offset, int64_t count) {
    if (shadow == NULL || count <= 0) return;
    int64_t first = offset / sector, end = (offset + count + sector - 1) / sector;
    pthread_mutex_lock(&lock);
    grow(shadow, end);
    for (int64_t at = first; at < end; at++) {
        shadow->count += !shadow->dirty[at];
        shadow->dirty[at] = 1;
    }
    if (tearing) leak(shadow, real, end - first);
    pthread_mutex_unlock(&lock);
}

void backstay_shadow_truncated(struct shadow *shadow, int64_t size) {
    if (shadow == NULL) return;
    pthread_mutex_lock(&lock);
    if (shadow->cut_to < 0 || size < shadow->cut_to) shadow->cut_to = size;
    for (int64_t at = (size + sector - 1) / sector; at < shadow->sectors; at++) {
        shadow->count -= shadow->dirty[at];
        shadow->dirty[at] = 0;
    }
    if (tearing && next_random() & 1 && is_open(shadow) && ftruncate(shadow->descriptor, size) != 0) abort();
    pthread_mutex_unlock(&lock);
}

void backstay_shadow_deleted(struct shadow *shadow, bool is_durable) {
    if (shadow == NULL) return;
    pthread_mutex_lock(&lock);
    if (shadow->descriptor >= 0) close(shadow->descriptor);
    shadow->descriptor = -1;
    shadow->cut_to = -1;
    shadow->count = 0;
    if (shadow->sectors > 0) memset(shadow->dirty, 0, (size_t)shadow->sectors);
    if (is_durable || (tearing && next_random() & 1)) unlink(shadow->path);
    pthread_mutex_unlock(&lock);
}

int backstay_shadow_synced(struct shadow *shadow, sqlite3_file *real) {
    if (shadow == NULL) return SQLITE_OK;
    pthread_mutex_lock(&lock);
    sqlite3_int64 size = 0;
    bool ok = real->pMethods->xFileSize(real, &size) == SQLITE_OK && is_open(shadow);
    if (ok && shadow->cut_to >= 0) ok = ftruncate(shadow->descriptor, shadow->cut_to) == 0;
    for (int64_t at = 0; ok && shadow->count > 0 && at < shadow->sectors; at++) {
        int64_t end = at;
        while (end < shadow->sectors && shadow->dirty[end]) end++;
        if (end == at) continue;
        ok = copy(shadow, real, size, at, end);
        memset(shadow->dirty + at, 0, (size_t)(end - at));
        shadow->count -= end - at;
        at = end;
    }
    if (ok) shadow->cut_to = -1;
    pthread_mutex_unlock(&lock);
    return ok ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}
