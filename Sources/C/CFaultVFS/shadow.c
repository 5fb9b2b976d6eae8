/*
 * Shadow folders: one for each folder that has one.
 *
 * A shadow knows of each file which sectors were written since its last sync, and the least size to which it was
 * truncated. A sync copies all those sectors as they are now, whoever wrote them, as fsync does. With tearing, some are
 * copied before that, in random order: the system writes back at any time. A sector gets to the disk whole and as it is
 * at that moment, never as it was before: the page cache has one copy.
 *
 * The process may be killed anywhere in this file. What is then in the shadow is a state that a cut during the sync can
 * leave, and nobody has been told that this sync succeeded.
 *
 * A failed sync leaves pages dirty, clean, or as the disk has them. Which of these is a kernel's choice; here the fault
 * says it.
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
    int64_t cut_to;  /* the least size since the last sync; -1 for none */
    bool tearing;
    struct shadow *next;
};

/* One folder that has a shadow. */
struct root {
    char *real, *shadow;
    bool tearing, adopts;
    struct shadow *files;
    struct root *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct root *roots;
static uint64_t random_state;

/* xorshift64*: https://en.wikipedia.org/wiki/Xorshift */
static uint64_t next_random(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

bool backstay_shadow_begin(const char *folder, const char *shadow, bool tears, uint64_t seed, bool adopts) {
    struct root *made = calloc(1, sizeof *made);
    if (made == NULL) return false;
    made->real = strdup(folder);
    made->shadow = strdup(shadow);
    made->tearing = tears;
    made->adopts = adopts;
    pthread_mutex_lock(&lock);
    made->next = roots;
    roots = made;
    random_state = seed | 1;
    pthread_mutex_unlock(&lock);
    return made->real != NULL && made->shadow != NULL;
}

void backstay_fault_unshadow(const char *folder) {
    pthread_mutex_lock(&lock);
    struct root **place = &roots;
    while (*place != NULL && strcmp((*place)->real, folder) != 0) place = &(*place)->next;
    struct root *root = *place;
    if (root != NULL) {
        *place = root->next;
        for (struct shadow *file = root->files, *next; file != NULL; file = next) {
            next = file->next;
            if (file->descriptor >= 0) close(file->descriptor);
            free(file->path);
            free(file->dirty);
            free(file);
        }
        free(root->real);
        free(root->shadow);
        free(root);
    }
    pthread_mutex_unlock(&lock);
}

/* Copies the whole file as it is, in place of what the shadow has. */
static bool copy_whole(const char *from, const char *to) {
    static uint8_t buffer[piece * sector];
    int input = open(from, O_RDONLY | O_CLOEXEC);
    if (input < 0) return false;
    int output = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got = -1;
    while (output >= 0 && (got = read(input, buffer, sizeof buffer)) > 0)
        if (write(output, buffer, (size_t)got) != got) break;
    if (output >= 0) close(output);
    close(input);
    return got == 0;
}

static struct shadow *add(struct root *root, const char *base, const char *name) {
    struct shadow *made = calloc(1, sizeof *made);
    size_t room = strlen(root->shadow) + strlen(base) + 2;
    if (made != NULL) made->path = malloc(room);
    if (made == NULL || made->path == NULL) abort(); /* A test that goes on without its shadow proves nothing. */
    snprintf(made->path, room, "%s/%s", root->shadow, base);
    made->descriptor = -1;
    made->cut_to = -1;
    made->tearing = root->tearing;
    made->next = root->files;
    root->files = made;
    if (root->adopts && access(made->path, F_OK) != 0 && access(name, F_OK) == 0 && !copy_whole(name, made->path))
        abort();
    return made;
}

struct shadow *backstay_shadow_find(const char *name) {
    struct shadow *shadow = NULL;
    pthread_mutex_lock(&lock);
    for (struct root *root = roots; root != NULL && shadow == NULL; root = root->next) {
        size_t length = strlen(root->real);
        if (strncmp(name, root->real, length) != 0 || name[length] != '/') continue;
        const char *base = name + length + 1;
        if (strchr(base, '/') != NULL) continue;
        shadow = root->files;
        while (shadow != NULL && strcmp(strrchr(shadow->path, '/') + 1, base) != 0) shadow = shadow->next;
        if (shadow == NULL) shadow = add(root, base, name);
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

/* Copies dirty sectors first..<end as they are now. Sectors after the end of the file do not exist, and are left
 * out. */
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

/* Some sectors get to the disk without a sync. */
static void leak(struct shadow *shadow, sqlite3_file *real, int64_t written) {
    sqlite3_int64 size = 0;
    if (real->pMethods->xFileSize(real, &size) != SQLITE_OK) return;
    for (int64_t left = (int64_t)(next_random() % (uint64_t)(written + 1)); left > 0; left--) {
        int64_t at = (int64_t)(next_random() % (uint64_t)shadow->sectors);
        for (int64_t tried = 0; tried < shadow->sectors && !shadow->dirty[at]; tried++) at = (at + 1) % shadow->sectors;
        /* The sector stays dirty: writing it once more at the sync does no harm. */
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
    if (shadow->tearing) leak(shadow, real, end - first);
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
    if (shadow->tearing && next_random() & 1 && is_open(shadow) && ftruncate(shadow->descriptor, size) != 0) abort();
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
    if (is_durable || (shadow->tearing && next_random() & 1)) unlink(shadow->path);
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

/* ---- A sync that failed ---- */

static void put_back(struct shadow *shadow, sqlite3_file *real, int64_t size, int64_t at) {
    uint8_t bytes[sector] = {0};
    int64_t offset = at * sector, count = offset + sector > size ? size - offset : sector;
    if (count <= 0) return;
    /* What the disk does not have reads as zeros. */
    if (is_open(shadow) && pread(shadow->descriptor, bytes, (size_t)count, offset) < 0) abort();
    if (real->pMethods->xWrite(real, bytes, (int)count, offset) != SQLITE_OK) abort();
}

void backstay_shadow_sync_failed(
    struct shadow *shadow, sqlite3_file *real, enum backstay_fault_pages pages, uint64_t seed
) {
    if (shadow == NULL || pages == BACKSTAY_PAGES_STAY_DIRTY) return;
    const int64_t page = 4096 / sector;
    pthread_mutex_lock(&lock);
    sqlite3_int64 size = 0;
    if (real->pMethods->xFileSize(real, &size) != SQLITE_OK) abort();
    uint64_t before = random_state;
    random_state = seed * 2 + 1;
    for (int64_t first = 0; first < shadow->sectors; first += page) {
        bool gets_there = pages == BACKSTAY_PAGES_PARTLY && (next_random() >> 32 & 1) != 0;
        for (int64_t at = first; at < first + page && at < shadow->sectors; at++) {
            if (!shadow->dirty[at]) continue;
            if (pages == BACKSTAY_PAGES_REVERTED) put_back(shadow, real, size, at);
            if (gets_there && !copy(shadow, real, size, at, at + 1)) abort();
            shadow->dirty[at] = 0;
            shadow->count--;
        }
    }
    random_state = before;
    pthread_mutex_unlock(&lock);
}

static bool settle(struct shadow *shadow, const char *name, bool rewrites) {
    if (rewrites) {
        if (shadow->descriptor >= 0) close(shadow->descriptor);
        shadow->descriptor = -1;
        if (shadow->sectors > 0) memset(shadow->dirty, 0, (size_t)shadow->sectors);
        shadow->count = 0;
        shadow->cut_to = -1;
        return copy_whole(name, shadow->path);
    }
    if (shadow->count == 0 && shadow->cut_to < 0) return true;
    int input = open(name, O_RDONLY | O_CLOEXEC);
    bool ok = input >= 0 && is_open(shadow);
    if (ok && shadow->cut_to >= 0) ok = ftruncate(shadow->descriptor, shadow->cut_to) == 0;
    for (int64_t at = 0; ok && at < shadow->sectors; at++) {
        if (!shadow->dirty[at]) continue;
        uint8_t bytes[sector];
        ssize_t got = pread(input, bytes, sector, at * sector);
        ok = got >= 0 && pwrite(shadow->descriptor, bytes, (size_t)got, at * sector) == got;
        shadow->dirty[at] = 0;
    }
    shadow->count = 0;
    shadow->cut_to = -1;
    if (input >= 0) close(input);
    return ok;
}

bool backstay_fault_settle(const char *folder, bool rewrites) {
    bool ok = true;
    pthread_mutex_lock(&lock);
    for (struct root *root = roots; root != NULL; root = root->next) {
        if (strcmp(root->real, folder) != 0) continue;
        for (struct shadow *file = root->files; file != NULL; file = file->next) {
            const char *base = strrchr(file->path, '/') + 1;
            size_t room = strlen(folder) + strlen(base) + 2;
            char *name = malloc(room);
            if (name == NULL) abort();
            snprintf(name, room, "%s/%s", folder, base);
            if (access(name, F_OK) == 0) ok = settle(file, name, rewrites) && ok;
            free(name);
        }
    }
    pthread_mutex_unlock(&lock);
    return ok;
}
