/*
 * Faults: the N-th call of some classes fails, once, or from then on.
 *
 * Calls are counted from the moment a fault is set, for the files under one folder, in the order in which they come.
 * SQLite gets what its VFS for Unix makes of the kernel's error (os_unix.c): the extended code, errno, and the file's
 * own note of it. So an EIO of a read is SQLITE_IOERR_CORRUPTFS. No space is SQLITE_FULL for a write, but
 * SQLITE_IOERR_SHMSIZE for the index of the WAL.
 *
 * One fault for a folder at a time, one lock for all.
 */
#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef SQLITE_IOERR_CORRUPTFS
#define SQLITE_IOERR_CORRUPTFS (SQLITE_IOERR | (33 << 8))
#endif

enum { names_max = 32 };

/* What is counted, and what fails, under one folder. A watch is never freed, so calls need not ask whether it is
 * there. */
struct watch {
    char *folder, *store;
    bool is_on;
    struct backstay_fault fault;
    struct backstay_fault_tally tally;
    uint8_t *trace;
    size_t trace_room;
    char *failed_names[names_max]; /* files whose sync has failed */
    int failed_count;
    struct watch *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(int) watching; /* how many are on */
static struct watch *watches;

/* ---- What fails how ---- */

static uint32_t bit(enum backstay_fault_class class) { return 1u << class; }

uint32_t backstay_fault_applies_to(enum backstay_fault_kind kind) {
    const uint32_t files = bit(BACKSTAY_FAULT_READ) | bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE)
        | bit(BACKSTAY_FAULT_SIZE) | bit(BACKSTAY_FAULT_DELETE) | bit(BACKSTAY_FAULT_ACCESS);
    const uint32_t space = bit(BACKSTAY_FAULT_OPEN) | bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE)
        | bit(BACKSTAY_FAULT_SYNC) | bit(BACKSTAY_FAULT_SHM_MAP);
    switch (kind) {
    case BACKSTAY_FAULT_EIO: return BACKSTAY_FAULT_ANY;
    case BACKSTAY_FAULT_ENOSPC:
    case BACKSTAY_FAULT_EDQUOT: return space;
    /* The system's VFS tries again if a read or write was interrupted, and does not if a sync was. */
    case BACKSTAY_FAULT_EINTR: return bit(BACKSTAY_FAULT_SYNC);
    case BACKSTAY_FAULT_ENOMEM: return files | bit(BACKSTAY_FAULT_OPEN) | bit(BACKSTAY_FAULT_SHM_MAP);
    case BACKSTAY_FAULT_EMFILE: return bit(BACKSTAY_FAULT_OPEN) | bit(BACKSTAY_FAULT_SHM_MAP);
    case BACKSTAY_FAULT_EROFS:
        return bit(BACKSTAY_FAULT_OPEN) | bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE)
            | bit(BACKSTAY_FAULT_DELETE);
    case BACKSTAY_FAULT_BUSY: return bit(BACKSTAY_FAULT_LOCK) | bit(BACKSTAY_FAULT_SHM_LOCK);
    case BACKSTAY_FAULT_SHORT: return bit(BACKSTAY_FAULT_READ);
    case BACKSTAY_FAULT_HALF_EIO:
    case BACKSTAY_FAULT_HALF_ENOSPC: return bit(BACKSTAY_FAULT_WRITE);
    case BACKSTAY_FAULT_FOLDER_EIO: return bit(BACKSTAY_FAULT_DELETE);
    }
    return 0;
}

static int errno_of(enum backstay_fault_kind kind) {
    switch (kind) {
    case BACKSTAY_FAULT_ENOSPC:
    case BACKSTAY_FAULT_HALF_ENOSPC: return ENOSPC;
    case BACKSTAY_FAULT_EDQUOT: return EDQUOT;
    case BACKSTAY_FAULT_EINTR: return EINTR;
    case BACKSTAY_FAULT_ENOMEM: return ENOMEM;
    case BACKSTAY_FAULT_EMFILE: return EMFILE;
    case BACKSTAY_FAULT_EROFS: return EROFS;
    case BACKSTAY_FAULT_BUSY: return EAGAIN;
    case BACKSTAY_FAULT_SHORT: return 0;
    default: return EIO;
    }
}

static int code_of(enum backstay_fault_class class, enum backstay_fault_kind kind) {
    const bool no_space = kind == BACKSTAY_FAULT_ENOSPC || kind == BACKSTAY_FAULT_HALF_ENOSPC;
    const bool no_memory = kind == BACKSTAY_FAULT_ENOMEM;
    switch (class) {
    case BACKSTAY_FAULT_OPEN: return no_memory ? SQLITE_NOMEM : SQLITE_CANTOPEN;
    case BACKSTAY_FAULT_READ:
        if (kind == BACKSTAY_FAULT_SHORT) return SQLITE_IOERR_SHORT_READ;
        return no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_CORRUPTFS;
    case BACKSTAY_FAULT_WRITE: return no_space ? SQLITE_FULL : no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_WRITE;
    case BACKSTAY_FAULT_TRUNCATE: return no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_TRUNCATE;
    case BACKSTAY_FAULT_SYNC: return SQLITE_IOERR_FSYNC;
    case BACKSTAY_FAULT_SIZE: return no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_FSTAT;
    case BACKSTAY_FAULT_DELETE:
        if (kind == BACKSTAY_FAULT_FOLDER_EIO) return SQLITE_IOERR_DIR_FSYNC;
        return no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_DELETE;
    case BACKSTAY_FAULT_ACCESS: return no_memory ? SQLITE_IOERR_NOMEM : SQLITE_IOERR_ACCESS;
    case BACKSTAY_FAULT_LOCK: return kind == BACKSTAY_FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    case BACKSTAY_FAULT_SHM_MAP:
        switch (kind) {
        case BACKSTAY_FAULT_ENOSPC:
        case BACKSTAY_FAULT_EDQUOT: return SQLITE_IOERR_SHMSIZE;
        case BACKSTAY_FAULT_ENOMEM: return SQLITE_IOERR_NOMEM;
        case BACKSTAY_FAULT_EMFILE: return SQLITE_CANTOPEN;
        default: return SQLITE_IOERR_SHMMAP;
        }
    case BACKSTAY_FAULT_SHM_LOCK: return kind == BACKSTAY_FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_SHMLOCK;
    case BACKSTAY_FAULT_CLASSES: break;
    }
    return SQLITE_IOERR;
}

/* ---- Under the lock ---- */

static struct watch *find(const char *folder) {
    struct watch *watch = watches;
    while (watch != NULL && strcmp(watch->folder, folder) != 0) watch = watch->next;
    return watch;
}

static void turn(struct watch *watch, bool on) {
    if (watch->is_on != on) atomic_fetch_add(&watching, on ? 1 : -1);
    watch->is_on = on;
}

static bool is_under(const char *name, const char *place) {
    size_t length = strlen(place);
    return strncmp(name, place, length) == 0 && (name[length] == '/' || name[length] == 0);
}

static void note_call(struct watch *watch, enum backstay_fault_class class) {
    if (watch->tally.calls >= watch->trace_room) {
        size_t room = watch->trace_room == 0 ? 4096 : watch->trace_room * 2;
        uint8_t *grown = realloc(watch->trace, room);
        if (grown == NULL) abort(); /* A test that goes on without its counts proves nothing. */
        watch->trace = grown;
        watch->trace_room = room;
    }
    watch->trace[watch->tally.calls++] = (uint8_t)class;
}

static bool is_failed(const struct watch *watch, const char *name) {
    for (int at = 0; at < watch->failed_count; at++)
        if (strcmp(watch->failed_names[at], name) == 0) return true;
    return false;
}

/* Whether this call, which is counted, fails. */
static bool fails(const struct watch *watch, enum backstay_fault_class class) {
    if (watch->fault.call == 0) return false;
    if (watch->tally.failed > 0 && watch->fault.lasts) return (watch->fault.lasting_classes & bit(class)) != 0;
    return watch->tally.failed == 0 && watch->tally.calls == watch->fault.call;
}

/* ---- Setting ---- */

void backstay_fault_set(const struct backstay_fault *wanted) {
    pthread_mutex_lock(&lock);
    struct watch *watch = find(wanted->folder);
    if (watch == NULL) {
        watch = calloc(1, sizeof *watch);
        if (watch == NULL || (watch->folder = strdup(wanted->folder)) == NULL) abort();
        watch->next = watches;
        watches = watch;
    }
    free(watch->store);
    if ((watch->store = strdup(wanted->store)) == NULL) abort();
    while (watch->failed_count > 0) free(watch->failed_names[--watch->failed_count]);
    watch->fault = *wanted;
    watch->tally = (struct backstay_fault_tally){0};
    turn(watch, true);
    pthread_mutex_unlock(&lock);
}

void backstay_fault_lift(const char *folder) {
    pthread_mutex_lock(&lock);
    struct watch *watch = find(folder);
    if (watch != NULL) watch->fault.call = 0;
    pthread_mutex_unlock(&lock);
}

void backstay_fault_end(const char *folder) {
    pthread_mutex_lock(&lock);
    struct watch *watch = find(folder);
    if (watch != NULL) {
        watch->fault.call = 0;
        turn(watch, false);
    }
    pthread_mutex_unlock(&lock);
}

struct backstay_fault_tally backstay_fault_tally_of(const char *folder) {
    struct backstay_fault_tally tally = {0};
    pthread_mutex_lock(&lock);
    struct watch *watch = find(folder);
    if (watch != NULL) tally = watch->tally;
    pthread_mutex_unlock(&lock);
    return tally;
}

uint64_t backstay_fault_trace(const char *folder, uint8_t *classes, uint64_t room) {
    uint64_t count = 0;
    pthread_mutex_lock(&lock);
    struct watch *watch = find(folder);
    if (watch != NULL) count = watch->tally.calls < room ? watch->tally.calls : room;
    if (count > 0) memcpy(classes, watch->trace, count);
    pthread_mutex_unlock(&lock);
    return count;
}

/* What a call met: its result, and the fault that it comes from. */
struct hit {
    int code; /* SQLITE_OK: the call is to be made */
    enum backstay_fault_kind kind;
    struct backstay_fault fault;
};

static struct hit hit(enum backstay_fault_class class, const char *name, struct faulty *file) {
    struct hit hit = {.code = SQLITE_OK};
    if (atomic_load_explicit(&watching, memory_order_relaxed) == 0 || name == NULL) return hit;
    pthread_mutex_lock(&lock);
    struct watch *watch = watches;
    while (watch != NULL && !(watch->is_on && is_under(name, watch->folder))) watch = watch->next;
    if (watch == NULL) {
        pthread_mutex_unlock(&lock);
        return hit;
    }
    note_call(watch, class);
    const uint32_t changing = bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE) | bit(BACKSTAY_FAULT_SYNC)
        | bit(BACKSTAY_FAULT_DELETE);
    const bool is_store = is_under(name, watch->store);
    if (is_store && (changing & bit(class)) != 0) watch->tally.changing++;
    if (is_store && class == BACKSTAY_FAULT_SYNC && is_failed(watch, name)) watch->tally.resynced++;
    int system = 0;
    if (fails(watch, class)) {
        /* Another thread's call came in between, so this call may be of another class than the one that was counted. It
         * then fails by EIO, as any call can. */
        hit.fault = watch->fault;
        hit.kind = (backstay_fault_applies_to(watch->fault.kind) & bit(class)) != 0 ? watch->fault.kind
                                                                                     : BACKSTAY_FAULT_EIO;
        hit.code = code_of(class, hit.kind);
        system = errno_of(hit.kind);
        if (watch->tally.failed++ == 0) watch->tally.failed_class = class;
        if (class == BACKSTAY_FAULT_SYNC && !is_failed(watch, name) && watch->failed_count < names_max) {
            if ((watch->failed_names[watch->failed_count] = strdup(name)) == NULL) abort();
            watch->failed_count++;
        }
    }
    pthread_mutex_unlock(&lock);
    const uint32_t noted = bit(BACKSTAY_FAULT_READ) | bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE)
        | bit(BACKSTAY_FAULT_SYNC) | bit(BACKSTAY_FAULT_SIZE);
    if (hit.code != SQLITE_OK) {
        if (file != NULL && (noted & bit(class)) != 0) file->last_errno = hit.code == SQLITE_FULL ? 0 : system;
        errno = system;
    }
    return hit;
}

/* ---- The calls ---- */

int backstay_faults_call(enum backstay_fault_class class, const char *name, struct faulty *file) {
    return hit(class, name, file).code;
}

int backstay_faults_open(const char *name, int *flags) {
    struct hit met = hit(BACKSTAY_FAULT_OPEN, name, NULL);
    const bool writes = (*flags & SQLITE_OPEN_READWRITE) != 0;
    if (met.code == SQLITE_OK || met.kind != BACKSTAY_FAULT_EROFS || !writes) return met.code;
    *flags = (*flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    return SQLITE_OK;
}

int backstay_faults_read(struct faulty *file, sqlite3_file *real, void *bytes, int count, int64_t offset) {
    struct hit met = hit(BACKSTAY_FAULT_READ, file->name, file);
    if (met.code == SQLITE_IOERR_SHORT_READ) {
        int rc = real->pMethods->xRead(real, bytes, count, offset);
        if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) return rc;
        memset((char *)bytes + count / 2, 0, (size_t)(count - count / 2));
    }
    return met.code;
}

int backstay_faults_write(struct faulty *file, int *count) {
    struct hit met = hit(BACKSTAY_FAULT_WRITE, file->name, file);
    const bool half = met.kind == BACKSTAY_FAULT_HALF_EIO || met.kind == BACKSTAY_FAULT_HALF_ENOSPC;
    if (met.code != SQLITE_OK) *count = half ? *count / 2 : 0;
    return met.code;
}

bool backstay_faults_sync(struct faulty *file, struct shadow *shadow, sqlite3_file *real, int flags, int *result) {
    struct hit met = hit(BACKSTAY_FAULT_SYNC, file->name, file);
    *result = met.code;
    if (met.code == SQLITE_OK) return false;
    int system = errno;
    backstay_shadow_sync_failed(shadow, real, met.fault.pages, met.fault.seed);
    switch (met.fault.flaw) {
    case BACKSTAY_FLAW_NONE: break;
    case BACKSTAY_FLAW_SWALLOWS_SYNC_ERROR: *result = SQLITE_OK; break;
    case BACKSTAY_FLAW_RETRIES_SYNC:
        *result = real->pMethods->xSync(real, flags);
        if (*result == SQLITE_OK) *result = backstay_shadow_synced(shadow, real);
        break;
    }
    errno = system;
    return true;
}

int backstay_faults_delete(const char *name, bool *goes) {
    struct hit met = hit(BACKSTAY_FAULT_DELETE, name, NULL);
    *goes = met.code == SQLITE_IOERR_DIR_FSYNC;
    return met.code;
}

bool backstay_faults_last_errno(const struct faulty *file, void *answer) {
    if (file->last_errno == 0) return false;
    *(int *)answer = file->last_errno;
    return true;
}

bool backstay_faults_keep_awake(void) { return atomic_load_explicit(&watching, memory_order_relaxed) > 0; }
