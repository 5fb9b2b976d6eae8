/*
 * An SQLite VFS for crash tests: "backstay-powerloss". It passes every call on to the system's VFS, and beside that
 *
 *   - keeps a shadow folder: what would be on the disk after a power cut. Bytes get there when SQLite syncs the file they
 *     are in, not before; so what was written and not synced is not in it.
 *   - can end the process by SIGKILL inside the N-th writing call, in the middle of a write.
 *   - counts what is done to each file, for tests that assert on counts where times would flicker.
 *   - records what is done to the files of one folder, in order, for whoever wants to build every disk that a crash can
 *     leave.
 *
 * Only SQLite's files go through it. One configuration per process, set before a database of it is opened.
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
    /* A control: xSync answers that all is well and makes nothing durable. */
    bool sync_lies;
    /* Before any sync, sectors of 512 bytes reach the disk in random order: on average half of those written. */
    bool tears;
    /* What the tearing is drawn from. */
    uint64_t seed;
};

/* Registers the VFS, not as the default; again, it takes on what else is asked for. 0, or an SQLite error code. Strings
 * are copied. */
int backstay_fault_register(const struct backstay_fault_options *options);

/* Writes, syncs, truncations and deletions so far. */
uint64_t backstay_fault_calls(void);

/* The process is killed in the `calls`-th such call from now on, 1 being the next; 0 takes it back. */
void backstay_fault_kill_in(uint64_t calls);

/* What was done through the VFS to one file by this process, whichever connection did it. */
struct backstay_io_counts {
    uint64_t writes;
    uint64_t bytes;
    uint64_t grown; /* of these, behind the end of the file */
    uint64_t syncs;
    uint64_t truncations;
    uint64_t sizes; /* looks at its size */
};

/* Of the database, WAL or journal at this path, as SQLite names it: absolute, links resolved. */
struct backstay_io_counts backstay_fault_counts(const char *path);

/* ---- The recorder ---- */

enum {
    /* `count` bytes went to `offset` of the file. */
    BACKSTAY_EVENT_WRITE = 1,
    /* The file was cut to `offset` bytes. */
    BACKSTAY_EVENT_TRUNCATE,
    /* What had been done to the file is durable. */
    BACKSTAY_EVENT_SYNC,
    /* The name is new in the folder. */
    BACKSTAY_EVENT_CREATE,
    /* The name is gone. */
    BACKSTAY_EVENT_DELETE,
    /* A page of a mapped file was seen to have changed: `count` bytes at `offset`. */
    BACKSTAY_EVENT_PAGE,
    /* A mapped file was seen to be another one, of `count` bytes. */
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

/* Forgets what was recorded and records what is done from now on to files of the folder (absolute, links resolved) that
 * are opened from now on through the VFS. False where the path is too long. */
bool backstay_record_begin(const char *folder);

/* Ends it. */
void backstay_record_end(void);

/* Puts a number into the sequence. */
void backstay_record_mark(uint64_t mark);

/* Tells of a sync that did not go through the VFS; of one that belongs to another folder nothing is recorded. */
void backstay_record_descriptor_synced(int descriptor);

/* What was recorded: valid until the next beginning, and only once the recording has ended. */
struct backstay_recording backstay_record_read(void);

/* The name of a file within the folder; NULL for a number that none has. */
const char *backstay_record_file(int32_t file);

#endif
