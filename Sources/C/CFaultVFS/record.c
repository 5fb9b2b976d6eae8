/*
 * The recorder: what SQLite did to the files of one folder, in order, with every byte, kept in memory.
 *
 * Beside SQLite's files there are two that the store maps, `run` and `tail`. Nobody is told of a store into a
 * mapping. So their pages are compared whenever anything else is recorded, and changed pages are put into the log
 * before that. A page in the log is therefore one that was in the file at such a moment. Other versions of it may be
 * missing.
 *
 * The log is right under two rules:
 *   1. An event is recorded after it happened, and before whoever asked for it hears of it.
 *   2. A sync counts only if it reached the system's VFS: a lying one is not recorded.
 *
 * Events come from any thread; one lock for all.
 */
#include "CFaultVFS.h"
#include "record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { files_max = 32, name_max = 64, path_max = 4096, page = 4096 };

/* A file that the store maps, as it was when last compared. */
struct mapped {
    const char *name;
    uint8_t *bytes;
    int64_t size; /* -1: not there */
    ino_t inode;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t recording; /* the recording's number, counting up; 0 before the first */
static bool is_on;
static char folder[path_max];
/* Names are never forgotten: a number means the same file name for the life of the process. */
static char names[files_max][name_max];
static int32_t name_count;
static struct mapped mapped[] = {{.name = "run"}, {.name = "tail"}};

static struct backstay_event *events;
static size_t event_count, event_room;
static uint8_t *bytes;
static size_t byte_count, byte_room;

/* ---- Under the lock ---- */

static void *grown(void *old, size_t *room, size_t needed, size_t size) {
    if (needed <= *room) return old;
    *room = needed * 2;
    void *made = realloc(old, *room * size);
    if (made == NULL) abort(); /* A recording with a hole proves nothing. */
    return made;
}

static void add(struct backstay_event event, const void *data) {
    event.at = byte_count;
    if (data != NULL && event.count > 0) {
        bytes = grown(bytes, &byte_room, byte_count + (size_t)event.count, 1);
        memcpy(bytes + byte_count, data, (size_t)event.count);
        byte_count += (size_t)event.count;
    }
    events = grown(events, &event_room, event_count + 1, sizeof *events);
    events[event_count++] = event;
}

/* The number of a file of the folder; -1 for any other. */
static int32_t number_of(const char *name) {
    size_t length = strlen(folder);
    if (length == 0 || strncmp(name, folder, length) != 0 || name[length] != '/') return -1;
    const char *base = name + length + 1;
    if (strchr(base, '/') != NULL || strlen(base) >= name_max) return -1;
    for (int32_t at = 0; at < name_count; at++)
        if (strcmp(names[at], base) == 0) return at;
    if (name_count == files_max) abort();
    strcpy(names[name_count], base);
    return name_count++;
}

static int32_t number_of_base(const char *base) {
    char path[path_max + name_max];
    snprintf(path, sizeof path, "%s/%s", folder, base);
    return number_of(path);
}

/* The file as it is now; its bytes are the caller's. */
static struct mapped read_mapped(const char *base) {
    struct mapped now = {.name = base, .size = -1};
    char path[path_max + name_max];
    snprintf(path, sizeof path, "%s/%s", folder, base);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) return now;
    struct stat status;
    if (fstat(descriptor, &status) != 0) abort();
    now.inode = status.st_ino;
    now.bytes = malloc((size_t)status.st_size + 1);
    if (now.bytes == NULL) abort();
    now.size = 0;
    while (now.size < status.st_size) {
        ssize_t got = pread(descriptor, now.bytes + now.size, (size_t)(status.st_size - now.size), now.size);
        if (got <= 0) break;
        now.size += got;
    }
    close(descriptor);
    return now;
}

/* Puts the changes of the mapped files into the log. The first time it only remembers the files. */
static void look_at_mapped(bool is_first) {
    for (size_t index = 0; index < sizeof mapped / sizeof *mapped; index++) {
        struct mapped *seen = &mapped[index];
        struct mapped now = read_mapped(seen->name);
        struct backstay_event event = {.file = number_of_base(seen->name)};
        if (is_first) {
        } else if (now.size < 0) {
            event.kind = BACKSTAY_EVENT_DELETE;
            if (seen->size >= 0) add(event, NULL);
        } else if (seen->size != now.size || seen->inode != now.inode) {
            event.kind = BACKSTAY_EVENT_REPLACE;
            event.count = now.size;
            add(event, now.bytes);
        } else {
            event.kind = BACKSTAY_EVENT_PAGE;
            for (int64_t at = 0; at < now.size; at += page) {
                event.offset = at;
                event.count = now.size - at < page ? now.size - at : page;
                if (memcmp(seen->bytes + at, now.bytes + at, (size_t)event.count) != 0) add(event, now.bytes + at);
            }
        }
        free(seen->bytes);
        *seen = now;
    }
}

static bool belongs(const struct recorded *file) { return is_on && file->recording == recording; }

/* ---- From the VFS ---- */

struct recorded backstay_record_opening(const char *name, int flags) {
    struct recorded file = {0};
    pthread_mutex_lock(&lock);
    if (is_on && name != NULL && number_of(name) >= 0) {
        file.recording = recording;
        file.file = number_of(name);
        bool creates = (flags & SQLITE_OPEN_CREATE) != 0;
        file.is_new = creates && access(name, F_OK) != 0;
        /* The system's VFS syncs the folder with the first sync of such a file: os_unix.c, UNIXFILE_DIRSYNC. */
        file.syncs_folder =
            creates && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    }
    pthread_mutex_unlock(&lock);
    return file;
}

void backstay_record_opened(const struct recorded *file) {
    if (file->recording == 0 || !file->is_new) return;
    pthread_mutex_lock(&lock);
    if (belongs(file)) {
        look_at_mapped(false);
        add((struct backstay_event){.kind = BACKSTAY_EVENT_CREATE, .file = file->file}, NULL);
    }
    pthread_mutex_unlock(&lock);
}

void backstay_record_wrote(const struct recorded *file, const void *data, int count, int64_t offset) {
    if (file->recording == 0) return;
    pthread_mutex_lock(&lock);
    if (belongs(file)) {
        look_at_mapped(false);
        struct backstay_event event = {
            .kind = BACKSTAY_EVENT_WRITE, .file = file->file, .offset = offset, .count = count};
        add(event, data);
    }
    pthread_mutex_unlock(&lock);
}

void backstay_record_truncated(const struct recorded *file, int64_t size) {
    if (file->recording == 0) return;
    pthread_mutex_lock(&lock);
    if (belongs(file)) {
        look_at_mapped(false);
        add((struct backstay_event){.kind = BACKSTAY_EVENT_TRUNCATE, .file = file->file, .offset = size}, NULL);
    }
    pthread_mutex_unlock(&lock);
}

void backstay_record_synced(struct recorded *file) {
    if (file->recording == 0) return;
    pthread_mutex_lock(&lock);
    if (belongs(file)) {
        look_at_mapped(false);
        add((struct backstay_event){.kind = BACKSTAY_EVENT_SYNC, .file = file->file}, NULL);
        if (file->syncs_folder) add((struct backstay_event){.kind = BACKSTAY_EVENT_FOLDER_SYNC, .file = -1}, NULL);
        file->syncs_folder = false;
    }
    pthread_mutex_unlock(&lock);
}

void backstay_record_deleted(const char *name, bool is_durable) {
    pthread_mutex_lock(&lock);
    if (is_on && number_of(name) >= 0) {
        look_at_mapped(false);
        add((struct backstay_event){.kind = BACKSTAY_EVENT_DELETE, .file = number_of(name)}, NULL);
        if (is_durable) add((struct backstay_event){.kind = BACKSTAY_EVENT_FOLDER_SYNC, .file = -1}, NULL);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- From Swift ---- */

bool backstay_record_begin(const char *path) {
    if (strlen(path) >= path_max) return false;
    pthread_mutex_lock(&lock);
    strcpy(folder, path);
    recording++;
    is_on = true;
    event_count = byte_count = 0;
    look_at_mapped(true);
    pthread_mutex_unlock(&lock);
    return true;
}

void backstay_record_end(void) {
    pthread_mutex_lock(&lock);
    if (is_on) look_at_mapped(false);
    is_on = false;
    pthread_mutex_unlock(&lock);
}

void backstay_record_mark(uint64_t mark) {
    pthread_mutex_lock(&lock);
    if (is_on) {
        look_at_mapped(false);
        add((struct backstay_event){.kind = BACKSTAY_EVENT_MARK, .file = -1, .mark = mark}, NULL);
    }
    pthread_mutex_unlock(&lock);
}

/* The path of an open file. */
static bool path_of(int descriptor, char *path) {
#if defined(__APPLE__)
    return fcntl(descriptor, F_GETPATH, path) == 0;
#else
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, path_max - 1);
    if (length < 0) return false;
    path[length] = 0;
    return true;
#endif
}

void backstay_record_descriptor_synced(int descriptor) {
    pthread_mutex_lock(&lock);
    char path[path_max];
    if (is_on && path_of(descriptor, path)) {
        bool is_folder = strcmp(path, folder) == 0;
        if (is_folder || number_of(path) >= 0) {
            look_at_mapped(false);
            uint32_t kind = is_folder ? BACKSTAY_EVENT_FOLDER_SYNC : BACKSTAY_EVENT_SYNC;
            add((struct backstay_event){.kind = kind, .file = is_folder ? -1 : number_of(path)}, NULL);
        }
    }
    pthread_mutex_unlock(&lock);
}

struct backstay_recording backstay_record_read(void) {
    pthread_mutex_lock(&lock);
    struct backstay_recording read = {events, event_count, bytes, byte_count};
    pthread_mutex_unlock(&lock);
    return read;
}

const char *backstay_record_file(int32_t file) {
    pthread_mutex_lock(&lock);
    const char *name = file >= 0 && file < name_count ? names[file] : NULL;
    pthread_mutex_unlock(&lock);
    return name;
}
