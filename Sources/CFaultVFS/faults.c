/*
 * Faults: the N-th call of some classes fails, once, or from then on.
 *
 * Calls are counted from the moment a fault is set, for the files under one folder, in the order in which they come. What
 * SQLite gets is what its VFS for Unix makes of the kernel's error (os_unix.c): the extended code, errno, and the file's
 * own note of it. So an EIO of a read is SQLITE_IOERR_CORRUPTFS, and no space is SQLITE_FULL for a write, but
 * SQLITE_IOERR_SHMSIZE for the index of the WAL.
 *
 * One fault at a time, one lock for all.
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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(bool) is_watching;
static char *folder, *store;
static struct backstay_fault fault;
static struct backstay_fault_tally tally;
static uint8_t *trace;
static size_t trace_room;
/* Files whose sync has failed. */
static char *failed_names[names_max];
static int failed_count;

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
    /* The system's VFS tries again where a read or write was interrupted, not where a sync was. */
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

/* ---- Setting ---- */

static void forget(void) {
    for (int at = 0; at < failed_count; at++) free(failed_names[at]);
    failed_count = 0;
    tally = (struct backstay_fault_tally){0};
}

void backstay_fault_set(const struct backstay_fault *wanted) {
    pthread_mutex_lock(&lock);
    free(folder);
    free(store);
    folder = strdup(wanted->folder);
    store = strdup(wanted->store);
    if (folder == NULL || store == NULL) abort(); /* A test that goes on without its fault proves nothing. */
    fault = *wanted;
    forget();
    atomic_store(&is_watching, true);
    pthread_mutex_unlock(&lock);
}

void backstay_fault_lift(void) {
    pthread_mutex_lock(&lock);
    fault.call = 0;
    pthread_mutex_unlock(&lock);
}

void backstay_fault_end(void) {
    pthread_mutex_lock(&lock);
    fault.call = 0;
    atomic_store(&is_watching, false);
    pthread_mutex_unlock(&lock);
}

struct backstay_fault_tally backstay_fault_tally_now(void) {
    pthread_mutex_lock(&lock);
    struct backstay_fault_tally now = tally;
    pthread_mutex_unlock(&lock);
    return now;
}

uint64_t backstay_fault_trace(uint8_t *classes, uint64_t room) {
    pthread_mutex_lock(&lock);
    uint64_t count = tally.calls < room ? tally.calls : room;
    if (count > trace_room) count = trace_room;
    if (count > 0) memcpy(classes, trace, count);
    pthread_mutex_unlock(&lock);
    return count;
}

/* ---- Under the lock ---- */

static bool is_under(const char *name, const char *place) {
    size_t length = strlen(place);
    return name != NULL && strncmp(name, place, length) == 0 && (name[length] == '/' || name[length] == 0);
}

static void note_call(enum backstay_fault_class class) {
    if (tally.calls >= trace_room) {
        size_t room = trace_room == 0 ? 4096 : trace_room * 2;
        uint8_t *grown = realloc(trace, room);
        if (grown == NULL) abort();
        trace = grown;
        trace_room = room;
    }
    trace[tally.calls++] = (uint8_t)class;
}

static bool is_failed(const char *name) {
    for (int at = 0; at < failed_count; at++)
        if (strcmp(failed_names[at], name) == 0) return true;
    return false;
}

/* Whether this call, which is counted, fails. */
static bool fails(enum backstay_fault_class class) {
    if (fault.call == 0) return false;
    if (tally.failed > 0 && fault.lasts) return (fault.lasting_classes & bit(class)) != 0;
    return tally.failed == 0 && tally.calls == fault.call;
}

/* SQLITE_OK, or the code that the call ends with. */
static int hit(enum backstay_fault_class class, const char *name, struct faulty *file, enum backstay_fault_kind *kind) {
    if (!atomic_load_explicit(&is_watching, memory_order_relaxed) || name == NULL) return SQLITE_OK;
    pthread_mutex_lock(&lock);
    if (!is_under(name, folder)) {
        pthread_mutex_unlock(&lock);
        return SQLITE_OK;
    }
    note_call(class);
    const uint32_t changing = bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE) | bit(BACKSTAY_FAULT_SYNC)
        | bit(BACKSTAY_FAULT_DELETE);
    const bool is_store = is_under(name, store);
    if (is_store && (changing & bit(class)) != 0) tally.changing++;
    if (is_store && class == BACKSTAY_FAULT_SYNC && is_failed(name)) tally.resynced++;
    int code = SQLITE_OK, system = 0;
    if (fails(class)) {
        /* A thread came in between, so this call is of another class than the one that was counted: fail it as any. */
        *kind = (backstay_fault_applies_to(fault.kind) & bit(class)) != 0 ? fault.kind : BACKSTAY_FAULT_EIO;
        code = code_of(class, *kind);
        system = errno_of(*kind);
        if (tally.failed++ == 0) tally.failed_class = class;
        if (class == BACKSTAY_FAULT_SYNC && !is_failed(name) && failed_count < names_max) {
            if ((failed_names[failed_count] = strdup(name)) == NULL) abort();
            failed_count++;
        }
    }
    pthread_mutex_unlock(&lock);
    const uint32_t noted = bit(BACKSTAY_FAULT_READ) | bit(BACKSTAY_FAULT_WRITE) | bit(BACKSTAY_FAULT_TRUNCATE)
        | bit(BACKSTAY_FAULT_SYNC) | bit(BACKSTAY_FAULT_SIZE);
    if (code != SQLITE_OK) {
        if (file != NULL && (noted & bit(class)) != 0) file->last_errno = code == SQLITE_FULL ? 0 : system;
        errno = system;
    }
    return code;
}

/* ---- The calls ---- */

int backstay_faults_call(enum backstay_fault_class class, const char *name, struct faulty *file) {
    enum backstay_fault_kind kind;
    return hit(class, name, file, &kind);
}

int backstay_faults_open(const char *name, int *flags) {
    enum backstay_fault_kind kind;
    int code = hit(BACKSTAY_FAULT_OPEN, name, NULL, &kind);
    if (code == SQLITE_OK || kind != BACKSTAY_FAULT_EROFS || (*flags & SQLITE_OPEN_READWRITE) == 0) return code;
    *flags = (*flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    return SQLITE_OK;
}

int backstay_faults_read(struct faulty *file, sqlite3_file *real, void *bytes, int count, int64_t offset) {
    enum backstay_fault_kind kind;
    int code = hit(BACKSTAY_FAULT_READ, file->name, file, &kind);
    if (code == SQLITE_IOERR_SHORT_READ) {
        int rc = real->pMethods->xRead(real, bytes, count, offset);
        if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) return rc;
        memset((char *)bytes + count / 2, 0, (size_t)(count - count / 2));
    }
    return code;
}

int backstay_faults_write(struct faulty *file, int *count) {
    enum backstay_fault_kind kind;
    int code = hit(BACKSTAY_FAULT_WRITE, file->name, file, &kind);
    if (code != SQLITE_OK)
        *count = kind == BACKSTAY_FAULT_HALF_EIO || kind == BACKSTAY_FAULT_HALF_ENOSPC ? *count / 2 : 0;
    return code;
}

bool backstay_faults_sync(struct faulty *file, struct shadow *shadow, sqlite3_file *real, int flags, int *result) {
    enum backstay_fault_kind kind;
    *result = hit(BACKSTAY_FAULT_SYNC, file->name, file, &kind);
    if (*result == SQLITE_OK) return false;
    int system = errno;
    backstay_shadow_sync_failed(shadow, real, fault.pages, fault.seed);
    switch (fault.flaw) {
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
    enum backstay_fault_kind kind;
    int code = hit(BACKSTAY_FAULT_DELETE, name, NULL, &kind);
    *goes = code == SQLITE_IOERR_DIR_FSYNC;
    return code;
}

bool backstay_faults_last_errno(const struct faulty *file, void *answer) {
    if (file->last_errno == 0) return false;
    *(int *)answer = file->last_errno;
    return true;
}

bool backstay_faults_keep_awake(void) { return atomic_load_explicit(&is_watching, memory_order_relaxed); }
