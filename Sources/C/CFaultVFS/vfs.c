/*
 * The VFS: which calls are watched, and the kill inside a call. The shadow folder: shadow.c. What is counted:
 * counts.c. What is recorded: record.c. Calls that fail: faults.c.
 *
 * Rules:
 *   1. Every call reaches the system's VFS with its arguments unchanged. There are three exceptions: a lying sync, a
 *      lock that a read-only descriptor cannot have, and a fault that was set.
 *   2. The shadow is updated after the real sync and before SQLite hears of it. So whoever was told "synced" finds it
 *      there.
 *   3. No mapped I/O: methods of version 2, so that no write passes by.
 *
 * https://www.sqlite.org/vfs.html
 */
#include "CFaultVFS.h"
#include "counts.h"
#include "faults.h"
#include "record.h"
#include "shadow.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct fault_file {
    sqlite3_file base;
    struct shadow *shadow; /* NULL for files that are not shadowed */
    struct counts *counts; /* NULL for temporary files */
    struct faulty faulty;
    struct recorded recorded;
    int64_t size;          /* as counted; writes of other processes are not seen */
    bool read_only;
    /* The system's file object follows in memory. */
};

static sqlite3_vfs *system_vfs;
static sqlite3_vfs fault_vfs;
static bool sync_lies;
static _Atomic(uint64_t) calls;
static _Atomic(uint64_t) kill_at; /* the value of `calls` to die at; 0 for never */

static sqlite3_file *real(sqlite3_file *file) { return (sqlite3_file *)((struct fault_file *)file + 1); }
static struct shadow *shadow_of(sqlite3_file *file) { return ((struct fault_file *)file)->shadow; }
static struct counts *counts_of(sqlite3_file *file) { return ((struct fault_file *)file)->counts; }
static struct faulty *faulty(sqlite3_file *file) { return &((struct fault_file *)file)->faulty; }

static int failing(enum backstay_fault_class class, sqlite3_file *file) {
    return backstay_faults_call(class, faulty(file)->name, faulty(file));
}
static struct recorded *recorded_of(sqlite3_file *file) { return &((struct fault_file *)file)->recorded; }

/* ---- The kill ---- */

static bool is_last_call(void) {
    uint64_t number = atomic_fetch_add(&calls, 1) + 1, last = atomic_load(&kill_at);
    return last != 0 && number >= last;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

uint64_t backstay_fault_calls(void) { return atomic_load(&calls); }

void backstay_fault_kill_in(uint64_t count) {
    atomic_store(&kill_at, count == 0 ? 0 : atomic_load(&calls) + count);
}

/* ---- Files ---- */

static int on_close(sqlite3_file *file) {
    /* The shadow stays: unsynced data in the system outlives the descriptor. */
    return real(file)->pMethods->xClose(real(file));
}

static int on_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    int failure = backstay_faults_read(faulty(file), real(file), bytes, count, offset);
    if (failure != SQLITE_OK) return failure;
    return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

static void count_write(sqlite3_file *file, int64_t end, int64_t bytes) {
    struct fault_file *fault = (struct fault_file *)file;
    int64_t grown = end > fault->size ? end - fault->size : 0;
    if (grown > 0) fault->size = end;
    backstay_counts_wrote(fault->counts, (uint64_t)bytes, (uint64_t)(grown < bytes ? grown : bytes));
}

static int on_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    if (is_last_call()) {
        real(file)->pMethods->xWrite(real(file), bytes, count / 2, offset);
        die();
    }
    int failure = backstay_faults_write(faulty(file), &count);
    if (count == 0) return failure;
    int rc = real(file)->pMethods->xWrite(real(file), bytes, count, offset);
    if (rc == SQLITE_OK) {
        backstay_shadow_wrote(shadow_of(file), real(file), offset, count);
        backstay_record_wrote(recorded_of(file), bytes, count, offset);
        count_write(file, offset + count, count);
    }
    return failure != SQLITE_OK ? failure : rc;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size) {
    if (is_last_call()) die();
    int failure = failing(BACKSTAY_FAULT_TRUNCATE, file);
    if (failure != SQLITE_OK) return failure;
    int rc = real(file)->pMethods->xTruncate(real(file), size);
    if (rc == SQLITE_OK) {
        backstay_shadow_truncated(shadow_of(file), size);
        backstay_record_truncated(recorded_of(file), size);
        backstay_counts_truncated(counts_of(file));
        ((struct fault_file *)file)->size = size;
    }
    return rc;
}

static int on_sync(sqlite3_file *file, int flags) {
    if (is_last_call()) die();
    backstay_counts_synced(counts_of(file));
    if (sync_lies) return SQLITE_OK;
    int failure;
    if (backstay_faults_sync(faulty(file), shadow_of(file), real(file), flags, &failure)) return failure;
    int rc = real(file)->pMethods->xSync(real(file), flags);
    if (rc == SQLITE_OK) rc = backstay_shadow_synced(shadow_of(file), real(file));
    if (rc == SQLITE_OK) backstay_record_synced(recorded_of(file));
    return rc;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    backstay_counts_sized(counts_of(file));
    int failure = failing(BACKSTAY_FAULT_SIZE, file);
    if (failure != SQLITE_OK) return failure;
    return real(file)->pMethods->xFileSize(real(file), size);
}

/*
 * If SQLite keeps the index of the WAL in memory (locking_mode=EXCLUSIVE), it takes an exclusive lock, which a
 * read-only descriptor cannot have. The store asks for that only while its own lock keeps every writer out. So no
 * lock is taken.
 */
static int on_lock(sqlite3_file *file, int level) {
    int failure = failing(BACKSTAY_FAULT_LOCK, file);
    if (failure != SQLITE_OK) return failure;
    if (((struct fault_file *)file)->read_only && level > SQLITE_LOCK_SHARED) return SQLITE_OK;
    return real(file)->pMethods->xLock(real(file), level);
}

static int on_unlock(sqlite3_file *file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }

static int on_check_reserved_lock(sqlite3_file *file, int *result) {
    return real(file)->pMethods->xCheckReservedLock(real(file), result);
}

static int on_file_control(sqlite3_file *file, int op, void *argument) {
    if (op == SQLITE_FCNTL_LAST_ERRNO && backstay_faults_last_errno(faulty(file), argument)) return SQLITE_OK;
    return real(file)->pMethods->xFileControl(real(file), op, argument);
}

static int on_sector_size(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }

static int on_device_characteristics(sqlite3_file *file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map) {
    int failure = failing(BACKSTAY_FAULT_SHM_MAP, file);
    if (failure != SQLITE_OK) return failure;
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, map);
}

static int on_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    int failure = (flags & SQLITE_SHM_LOCK) != 0 ? failing(BACKSTAY_FAULT_SHM_LOCK, file) : SQLITE_OK;
    if (failure != SQLITE_OK) return failure;
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }

static int on_shm_unmap(sqlite3_file *file, int delete) {
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved_lock,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_device_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* ---- The VFS ---- */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    (void)vfs;
    struct fault_file *fault = (struct fault_file *)file;
    memset(fault, 0, sizeof *fault);
    int failure = backstay_faults_open(name, &flags);
    if (failure != SQLITE_OK) return failure;
    fault->faulty.name = name;
    int got = flags;
    struct recorded recorded = backstay_record_opening(name, flags);
    int rc = system_vfs->xOpen(system_vfs, name, real(file), flags, &got);
    if (out_flags != NULL) *out_flags = got;
    /* Without methods SQLite does not call xClose. The system's VFS leaves no methods if it failed. */
    if (real(file)->pMethods == NULL) return rc;
    fault->base.pMethods = &methods;
    fault->read_only = (got & SQLITE_OPEN_READONLY) != 0;
    const int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    if (rc == SQLITE_OK && name != NULL && (flags & kept) != 0) {
        fault->shadow = backstay_shadow_find(name);
        fault->counts = backstay_counts_find(name);
        fault->recorded = recorded;
        backstay_record_opened(recorded_of(file));
        sqlite3_int64 size = 0;
        if (real(file)->pMethods->xFileSize(real(file), &size) == SQLITE_OK) fault->size = size;
    }
    return rc;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    (void)vfs;
    if (is_last_call()) die();
    bool goes = true;
    int failure = backstay_faults_delete(name, &goes);
    if (failure != SQLITE_OK && !goes) return failure;
    if (failure != SQLITE_OK) sync_folder = 0;
    int rc = system_vfs->xDelete(system_vfs, name, sync_folder);
    /* A name is gone from the disk once its folder is synced. It may be gone before. */
    if (rc == SQLITE_OK) backstay_shadow_deleted(backstay_shadow_find(name), sync_folder != 0 && !sync_lies);
    if (rc == SQLITE_OK) backstay_record_deleted(name, sync_folder != 0 && !sync_lies);
    return failure != SQLITE_OK ? failure : rc;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    (void)vfs;
    int failure = backstay_faults_call(BACKSTAY_FAULT_ACCESS, name, NULL);
    if (failure != SQLITE_OK) return failure;
    return system_vfs->xAccess(system_vfs, name, flags, result);
}

static int on_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out) {
    (void)vfs;
    return system_vfs->xFullPathname(system_vfs, name, size, out);
}

static int on_randomness(sqlite3_vfs *vfs, int count, char *bytes) {
    (void)vfs;
    return system_vfs->xRandomness(system_vfs, count, bytes);
}

static int on_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    if (backstay_faults_keep_awake()) return microseconds;
    return system_vfs->xSleep(system_vfs, microseconds);
}

static int on_current_time(sqlite3_vfs *vfs, double *time) {
    (void)vfs;
    return system_vfs->xCurrentTime(system_vfs, time);
}

static int on_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *time) {
    (void)vfs;
    return system_vfs->xCurrentTimeInt64(system_vfs, time);
}

static int on_get_last_error(sqlite3_vfs *vfs, int size, char *text) {
    (void)vfs;
    return system_vfs->xGetLastError(system_vfs, size, text);
}

/* Call it once: an entry of SQLite's list that is filled in again loses its successors. */
static int add_to_sqlite(void) {
    system_vfs = sqlite3_vfs_find(NULL);
    if (system_vfs == NULL || system_vfs->iVersion < 2) return SQLITE_ERROR;
    fault_vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct fault_file) + system_vfs->szOsFile,
        .mxPathname = system_vfs->mxPathname,
        .zName = BACKSTAY_FAULT_VFS_NAME,
        .xOpen = on_open,
        .xDelete = on_delete,
        .xAccess = on_access,
        .xFullPathname = on_full_pathname,
        .xRandomness = on_randomness,
        .xSleep = on_sleep,
        .xCurrentTime = on_current_time,
        .xGetLastError = on_get_last_error,
        .xCurrentTimeInt64 = on_current_time_int64,
    };
    return sqlite3_vfs_register(&fault_vfs, 0);
}

int backstay_fault_register(const struct backstay_fault_options *options) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int rc = SQLITE_OK;
    pthread_mutex_lock(&lock);
    if (options->folder != NULL && options->shadow != NULL
        && !backstay_shadow_begin(options->folder, options->shadow, options->tears, options->seed, options->adopts))
        rc = SQLITE_NOMEM;
    sync_lies = options->sync_lies;
    if (rc == SQLITE_OK && fault_vfs.zName == NULL) rc = add_to_sqlite();
    pthread_mutex_unlock(&lock);
    return rc;
}
