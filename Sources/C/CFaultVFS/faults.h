/* Calls that fail as told; faults.c. Used by vfs.c alone. */
#ifndef BACKSTAY_CFAULTVFS_FAULTS_H
#define BACKSTAY_CFAULTVFS_FAULTS_H

#include "CFaultVFS.h"
#include "shadow.h"

#include <sqlite3.h>

/* What a file of the VFS remembers for this. */
struct faulty {
    const char *name; /* SQLite keeps it valid until the file is closed; NULL for temporary files */
    int last_errno;   /* as the system's VFS would tell it */
};

/*
 * Each is asked before the call is made. After SQLITE_OK the call is to be made. SQLite gets any other result instead.
 */
int backstay_faults_call(enum backstay_fault_class class, const char *name, struct faulty *file);

/* May turn the flags into those of a read-only descriptor, as the system's VFS does if it cannot have another. */
int backstay_faults_open(const char *name, int *flags);

/* If the read is to end short, the first half is read and the rest is zeroed. */
int backstay_faults_read(struct faulty *file, sqlite3_file *real, void *bytes, int count, int64_t offset);

/* `*count` becomes the number of bytes that are to be written, whatever is returned. */
int backstay_faults_write(struct faulty *file, int *count);

/* False: the sync is to be made. Otherwise `*result` is its result, and what the kernel does to the pages is done. */
bool backstay_faults_sync(struct faulty *file, struct shadow *shadow, sqlite3_file *real, int flags, int *result);

/* `*goes` is true if the name is to be deleted all the same, and only its folder's sync fails. */
int backstay_faults_delete(const char *name, bool *goes);

/* The answer to SQLITE_FCNTL_LAST_ERRNO, if a fault was the last error. */
bool backstay_faults_last_errno(const struct faulty *file, void *answer);

/* Nobody sleeps while calls are counted: SQLite's patience with a lock is seconds. */
bool backstay_faults_keep_awake(void);

#endif
