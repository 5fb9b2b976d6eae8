/*
 * An SQLite VFS for crash tests: "backstay-powerloss". It passes every call on to the system's VFS. Beside that it
 *
 *   - keeps a shadow folder: what would be on the disk after a power cut. Bytes get there when SQLite syncs the file
 *     they are in. So what was written and not synced is not in it.
 *   - can end the process by SIGKILL inside the N-th writing call, in the middle of a write.
 *   - counts what is done to each file, for tests: counts are steady, times are not.
 *   - fails the N-th call of some classes, once or for good, with what kernels do to the pages after a failed sync.
 *   - records what is done to the files of one folder, in order. From that, every disk that a crash can leave can be
 *     built.
 *
 * Only SQLite's files go through it. A process has one configuration, which is set before a database is opened
 * through the VFS. It may have several shadow folders.
 */
#ifndef BACKSTAY_CFAULTVFS_H
#define BACKSTAY_CFAULTVFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKSTAY_FAULT_VFS_NAME "backstay-powerloss"

struct backstay_fault_options {
    /* The folder whose files are shadowed: absolute, links resolved. NULL: no shadow. */
    const char *folder;
    /* Where the shadows are; it holds a copy of `folder` as the disk has it when the run begins. */
    const char *shadow;
    /* A control: xSync reports success and makes nothing durable. */
    bool sync_lies;
    /* Before any sync, sectors of 512 bytes reach the disk in random order: on average half of those written. */
    bool tears;
    /* The seed of the tearing. */
    uint64_t seed;
    /* If the shadow folder lacks a file when it is first opened, the file is on the disk as it is then. */
    bool adopts;
};

/* Registers the VFS, not as the default. A later call adds what else is asked for. 0, or an SQLite error code. Strings
 * are copied. */
int backstay_fault_register(const struct backstay_fault_options *options);

/* Writes, syncs, truncations and deletions so far. */
uint64_t backstay_fault_calls(void);

/* The process is killed in the `calls`-th such call from now on; 1 is the next call, 0 cancels the kill. */
void backstay_fault_kill_in(uint64_t calls);

/* Ends the folder's shadow. None of its files may be open. */
void backstay_fault_unshadow(const char *folder);

/* Does what a start does to the disk before it opens anything: it syncs the files as they are. With `rewrites` it
 * replaces them by new ones with the same bytes. None of them may be open. False if the shadow cannot be written. */
bool backstay_fault_settle(const char *folder, bool rewrites);

/* ---- Faults ---- */

enum backstay_fault_class {
    BACKSTAY_FAULT_OPEN,
    BACKSTAY_FAULT_READ,
    BACKSTAY_FAULT_WRITE,
    BACKSTAY_FAULT_TRUNCATE,
    BACKSTAY_FAULT_SYNC,
    BACKSTAY_FAULT_SIZE,
    BACKSTAY_FAULT_DELETE,
    BACKSTAY_FAULT_ACCESS,
    BACKSTAY_FAULT_LOCK,     /* taking a lock, not giving it back */
    BACKSTAY_FAULT_SHM_MAP,
    BACKSTAY_FAULT_SHM_LOCK, /* taking a lock */
    BACKSTAY_FAULT_CLASSES
};

/* Every class, as a set of bits 1 << class. */
#define BACKSTAY_FAULT_ANY 0x7FFu

enum backstay_fault_kind {
    BACKSTAY_FAULT_EIO,
    BACKSTAY_FAULT_ENOSPC,
    BACKSTAY_FAULT_EDQUOT,
    BACKSTAY_FAULT_EINTR,
    BACKSTAY_FAULT_ENOMEM,
    BACKSTAY_FAULT_EMFILE,
    BACKSTAY_FAULT_EROFS,      /* of an opening: the descriptor is read-only if the file exists */
    BACKSTAY_FAULT_BUSY,
    BACKSTAY_FAULT_SHORT,      /* a read that finds the file's end in its middle */
    BACKSTAY_FAULT_HALF_EIO,   /* half of the bytes are written, then EIO */
    BACKSTAY_FAULT_HALF_ENOSPC,
    BACKSTAY_FAULT_FOLDER_EIO, /* the name is deleted, its folder's sync fails */
};

/* What becomes of the pages whose sync failed (https://www.usenix.org/conference/atc20/presentation/rebello). */
enum backstay_fault_pages {
    BACKSTAY_PAGES_STAY_DIRTY, /* a later sync brings them to the disk */
    BACKSTAY_PAGES_CLEAN,      /* reads see them, the disk never gets them */
    BACKSTAY_PAGES_REVERTED,   /* reads see what the disk has */
    BACKSTAY_PAGES_PARTLY,     /* some got there, the others are clean */
};

/* Controls: what a faulty engine would do. */
enum backstay_flaw {
    BACKSTAY_FLAW_NONE,
    BACKSTAY_FLAW_SWALLOWS_SYNC_ERROR,
    BACKSTAY_FLAW_RETRIES_SYNC,
};

struct backstay_fault {
    /* Calls are counted for the files under this folder. Absolute, links resolved. */
    const char *folder;
    /* The store's folder, whose changing calls and repeated syncs are counted. */
    const char *store;
    /* The number of the call that fails; 1 is the next call, 0 means that calls are only counted. */
    uint64_t call;
    enum backstay_fault_kind kind;
    /* Whether every later call of `lasting_classes` fails, too. */
    bool lasts;
    uint32_t lasting_classes;
    enum backstay_fault_pages pages;
    uint64_t seed;
    enum backstay_flaw flaw;
};

struct backstay_fault_tally {
    uint64_t calls;
    uint64_t failed;
    enum backstay_fault_class failed_class; /* of the first call that failed */
    uint64_t changing; /* writes, truncations, syncs and deletions of the store's files */
    uint64_t resynced; /* syncs of a file of the store whose sync had failed */
};

/* Classes whose calls can fail in this way, as bits. */
uint32_t backstay_fault_applies_to(enum backstay_fault_kind kind);

/* Begins to count under its folder, and sets the fault in place of an earlier one there. Strings are copied. */
void backstay_fault_set(const struct backstay_fault *fault);
/* Lifts the fault. Counting continues. */
void backstay_fault_lift(const char *folder);
/* Ends the counting. */
void backstay_fault_end(const char *folder);
struct backstay_fault_tally backstay_fault_tally_of(const char *folder);
/* The class of each call counted, in order. Returns how many were copied. */
uint64_t backstay_fault_trace(const char *folder, uint8_t *classes, uint64_t room);

/* ---- Allocations of SQLite ---- */

/* Once, before SQLite is used in this process. False if it is too late. */
bool backstay_allocations_install(void);
/* Counts from 0 again. The `call`-th allocation fails; 0 for none. With `for_good` all later ones fail, too. */
void backstay_allocations_fail(uint64_t call, bool for_good);
void backstay_allocations_lift(void);
void backstay_allocations_end(void);
uint64_t backstay_allocations_counted(void);
uint64_t backstay_allocations_failed(void);

/* What was done through the VFS to one file by this process, whichever connection did it. */
struct backstay_io_counts {
    uint64_t writes;
    uint64_t bytes;
    uint64_t grown; /* of these, after the end of the file */
    uint64_t syncs;
    uint64_t truncations;
    uint64_t sizes; /* looks at its size */
};

/* The counts of the database, WAL or journal at this path, as SQLite names it: absolute, links resolved. */
struct backstay_io_counts backstay_fault_counts(const char *path);

/* ---- The recorder ---- */

enum {
    /* `count` bytes went to `offset` of the file. */
    BACKSTAY_EVENT_WRITE = 1,
    /* The file was truncated to `offset` bytes. */
    BACKSTAY_EVENT_TRUNCATE,
    /* What had been done to the file is durable. */
    BACKSTAY_EVENT_SYNC,
    /* The name is new in the folder. */
    BACKSTAY_EVENT_CREATE,
    /* The name is gone. */
    BACKSTAY_EVENT_DELETE,
    /* A page of a mapped file was seen to have changed: `count` bytes at `offset`. */
    BACKSTAY_EVENT_PAGE,
    /* A mapped file was seen to be replaced by another one, of `count` bytes. */
    BACKSTAY_EVENT_REPLACE,
    /* What had been done to the folder's names is durable. */
    BACKSTAY_EVENT_FOLDER_SYNC,
    /* `mark` was put into the log. */
    BACKSTAY_EVENT_MARK,
};

struct backstay_event {
    uint32_t kind;
    int32_t file; /* see backstay_record_file; -1 for none */
    int64_t offset;
    int64_t count;
    uint64_t at; /* where its bytes begin among the recording's */
    uint64_t mark;
};

struct backstay_recording {
    const struct backstay_event *events;
    size_t count;
    const uint8_t *bytes;
    size_t byte_count;
};

/* Forgets what was recorded, and begins anew with the folder (absolute, links resolved). What is done to its files is
 * recorded if they are opened from now on through the VFS. False if the path is too long. */
bool backstay_record_begin(const char *folder);

/* Ends the recording. */
void backstay_record_end(void);

/* Puts a number into the sequence. */
void backstay_record_mark(uint64_t mark);

/* Reports a sync that did not go through the VFS. A sync in another folder is not recorded. */
void backstay_record_descriptor_synced(int descriptor);

/* What was recorded. Call it after the recording has ended; the result is valid until the next one begins. */
struct backstay_recording backstay_record_read(void);

/* The name of a file within the folder; NULL for a number that none has. */
const char *backstay_record_file(int32_t file);

#endif
