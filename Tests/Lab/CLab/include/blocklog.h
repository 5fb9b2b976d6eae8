// A block device that remembers what is written to it, and in which order with its flushes.
//
// It is a loop device over the one file of a FUSE file system of ours: the loop driver turns a flush of the device into an
// fsync of its file, so the server of that file system sees every block write and every flush of the file system above.
// What it sees goes onto a tape, with the bytes that were there before: a tape can be undone, and played again in part.
//
// The protocol of /dev/fuse is spoken directly (https://docs.kernel.org/filesystems/fuse.html, <linux/fuse.h>), so
// that nothing but the system's headers is needed to build this. Linux only; elsewhere every call answers ENOSYS.
//
// Functions return 0 or an errno, unless they say otherwise. A device and its tapes belong to one thread; the server has
// its own.
#ifndef BACKSTAY_CLAB_BLOCKLOG_H
#define BACKSTAY_CLAB_BLOCKLOG_H

#include <stddef.h>
#include <stdint.h>

enum {
    CBLOCKLOG_WRITE = 0,
    CBLOCKLOG_FLUSH = 1,
    // A name that was looked up beside the device's file: how a process says something at its place in the order.
    CBLOCKLOG_MARK = 2,
};

typedef struct cblocktape cblocktape;

size_t cblocktape_count(const cblocktape *tape);
int cblocktape_kind(const cblocktape *tape, size_t index);
// Bytes of a write; 0 for others.
uint32_t cblocktape_length(const cblocktape *tape, size_t index);
// The name of a mark; empty for others.
const char *cblocktape_name(const cblocktape *tape, size_t index);
void cblocktape_free(cblocktape *tape);

typedef struct cblocklog cblocklog;

// Serves the file `image` as `folder`/image: mounts the FUSE file system at the folder and starts its thread.
int cblocklog_start(const char *image, const char *folder, cblocklog **log);
// Ends the server. The device must not be in use any more; where it is, its calls fail from here on.
void cblocklog_stop(cblocklog *log);

// The tape so far; a new, empty one takes its place.
cblocktape *cblocklog_take(cblocklog *log);
// Puts back what the tape's writes have replaced, the last one first.
int cblocklog_undo(cblocklog *log, const cblocktape *tape);
// Does the tape's writes of `from` to `to` again; not on the present tape.
int cblocklog_advance(cblocklog *log, const cblocktape *tape, size_t from, size_t to);
// Does a part of one write of the tape again, on the present tape, so that it can be undone.
int cblocklog_put(cblocklog *log, const cblocktape *tape, size_t index, uint32_t first, uint32_t length);
// Writes, flushes or says something as if it had come through the device, while nothing is mounted on it: for what was
// recorded elsewhere.
int cblocklog_write(cblocklog *log, const void *bytes, uint32_t length, uint64_t offset);
int cblocklog_flush(cblocklog *log);
int cblocklog_mark(cblocklog *log, const char *name);
// Copies the image to a file; zeros become holes.
int cblocklog_save(cblocklog *log, const char *path);
// The next so many writes, and flushes, answer EIO and do nothing: -1 all, 0 none.
void cblocklog_fail(cblocklog *log, int writes, int flushes);

// Makes a loop device over the file, and puts its path into `device` (64 bytes). It goes when the descriptor that is
// returned, and the last mount, are closed. Negative: an errno.
int cblocklog_attach(const char *file, char *device);
// Drops what the kernel caches of the device behind the descriptor: needed where the file was changed below it.
int cblocklog_forget(int descriptor);

// From here on this thread, and those and the processes that it starts, have mounts of their own: nobody else sees them,
// and the kernel takes them away with the last of these, however it ends.
int cblocklog_own_mounts(void);

// mount(2) and umount2(2), which Swift's C library has not everywhere. `lazily`: also where it is in use.
int cblocklog_mount(const char *device, const char *folder, const char *type, const char *options);
int cblocklog_unmount(const char *folder, int lazily);
// syncfs(2) on the file system that has this path.
int cblocklog_sync(const char *path);

#endif
