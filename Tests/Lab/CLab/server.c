// The server: a FUSE file system with one file, `image`, whose writes and fsyncs go onto the tape.
//
// One thread reads requests and answers them one by one, so the tape's order is the order in which the kernel's requests
// were served: a write that was answered before a flush came in stands before it. Every name but `image` is looked up in
// vain and noted as a mark. The file is opened for direct I/O: the kernel keeps nothing of it, so it may be changed
// below while no file system is mounted on the device.

#include "tape.h"

#include <errno.h>

#if defined(__linux__)

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE_MAX = 1 << 20, BUFFER = WRITE_MAX + 8192, IMAGE_NODE = 2 };

struct cblocklog {
    int fuse, image, end;
    uint64_t size;
    pthread_t thread;
    // Guards what follows.
    pthread_mutex_t lock;
    cblocktape *tape;
    int failing_writes, failing_flushes;
    // The server's own: the connection's number among its own descriptors.
    int connection;
    uint8_t *buffer;
    // Posted when the server has its descriptors, or has failed.
    sem_t ready;
    int failed;
    char *folder;
};

// With the lock held: writes, and puts what it replaced onto the tape.
static int write_noted(cblocklog *log, const uint8_t *bytes, uint32_t length, uint64_t offset) {
    if (offset > log->size || length > log->size - offset) return EIO;
    return tape_write(log->tape, log->image, bytes, length, offset);
}

// With the lock held: whether this one is to fail.
static int takes_failure(int *left) {
    if (*left > 0) {
        (*left)--;
        return 1;
    }
    return *left < 0;
}

// MARK: Requests

static void reply(cblocklog *log, uint64_t unique, int error, const void *body, size_t length) {
    struct fuse_out_header head = {
        .len = (uint32_t)(sizeof head + (error ? 0 : length)), .error = -error, .unique = unique};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)body, length}};
    // Fails with ENOENT where the request was interrupted meanwhile: nobody waits for it then.
    ssize_t written = writev(log->connection, parts, error || length == 0 ? 1 : 2);
    (void)written;
}

static void fill(cblocklog *log, uint64_t node, struct fuse_attr *attr) {
    attr->ino = node;
    attr->nlink = 1;
    attr->blksize = 4096;
    attr->mode = S_IFDIR | 0755;
    if (node == IMAGE_NODE) {
        attr->mode = S_IFREG | 0600;
        attr->size = log->size;
        attr->blocks = log->size / 512;
    }
}

static void look_up(cblocklog *log, const struct fuse_in_header *in, const char *name) {
    if (strcmp(name, "image") == 0) {
        struct fuse_entry_out out = {.nodeid = IMAGE_NODE, .entry_valid = 3600, .attr_valid = 3600};
        fill(log, IMAGE_NODE, &out.attr);
        return reply(log, in->unique, 0, &out, sizeof out);
    }
    char *copy = strdup(name);
    pthread_mutex_lock(&log->lock);
    int result = copy ? tape_add(log->tape, CBLOCKLOG_MARK, 0, 0, (uint8_t *)copy) : ENOMEM;
    pthread_mutex_unlock(&log->lock);
    reply(log, in->unique, result == 0 ? ENOENT : result, NULL, 0);
}

static void initialize(cblocklog *log, const struct fuse_in_header *in, const struct fuse_init_in *wanted) {
    // A kernel of another minor version makes do with ours: it knows all that are older than itself.
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = wanted->max_readahead,
        .flags = wanted->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES),
        .max_background = 32,
        .congestion_threshold = 24,
        .max_write = WRITE_MAX,
        .time_gran = 1,
        .max_pages = WRITE_MAX / 4096,
    };
    reply(log, in->unique, 0, &out, sizeof out);
}

static void serve(cblocklog *log, const struct fuse_in_header *in, const void *body) {
    int result = 0;
    switch (in->opcode) {
    case FUSE_INIT: return initialize(log, in, body);
    case FUSE_LOOKUP: return look_up(log, in, body);
    case FUSE_GETATTR: {
        struct fuse_attr_out out = {.attr_valid = 3600};
        fill(log, in->nodeid, &out.attr);
        return reply(log, in->unique, 0, &out, sizeof out);
    }
    case FUSE_STATFS: {
        struct fuse_statfs_out out = {.st = {.blocks = log->size / 4096, .bsize = 4096, .frsize = 4096, .namelen = 255}};
        return reply(log, in->unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
        struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO};
        return reply(log, in->unique, in->nodeid == IMAGE_NODE ? 0 : EISDIR, &out, sizeof out);
    }
    case FUSE_READ: {
        const struct fuse_read_in *asked = body;
        static const uint8_t nothing = 0;
        if (asked->size > WRITE_MAX) return reply(log, in->unique, EINVAL, &nothing, 0);
        uint64_t offset = asked->offset;
        uint32_t size = asked->size;
        if (offset >= log->size) size = 0;
        else if (size > log->size - offset) size = (uint32_t)(log->size - offset);
        // The answer takes the place of the request.
        uint64_t unique = in->unique;
        result = image_read(log->image, log->buffer, size, offset);
        return reply(log, unique, result, log->buffer, size);
    }
    case FUSE_WRITE: {
        const struct fuse_write_in *asked = body;
        pthread_mutex_lock(&log->lock);
        result = takes_failure(&log->failing_writes)
                     ? EIO
                     : write_noted(log, (const uint8_t *)(asked + 1), asked->size, asked->offset);
        pthread_mutex_unlock(&log->lock);
        struct fuse_write_out out = {.size = asked->size};
        return reply(log, in->unique, result, &out, sizeof out);
    }
    case FUSE_FSYNC:
        pthread_mutex_lock(&log->lock);
        result = takes_failure(&log->failing_flushes) ? EIO : tape_add(log->tape, CBLOCKLOG_FLUSH, 0, 0, NULL);
        pthread_mutex_unlock(&log->lock);
        return reply(log, in->unique, result, NULL, 0);
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_DESTROY: return reply(log, in->unique, 0, NULL, 0);
    // These want no answer.
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    default: return reply(log, in->unique, ENOSYS, NULL, 0);
    }
}

// A process that is killed while one of its threads mounts or unmounts waits for that thread, which waits for this one:
// the connection must end with this thread, not with the process. So the thread has descriptors of its own, and its
// starter closes the connection's.
static int keep_descriptors(cblocklog *log) {
    int mine[3] = {log->connection, log->image, log->end};
    if (unshare(CLONE_FILES) != 0) return errno;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned index = 0; index < 2; index++)
            if (mine[index] > mine[index + 1]) {
                int other = mine[index];
                mine[index] = mine[index + 1];
                mine[index + 1] = other;
            }
    unsigned from = 3;
    for (unsigned index = 0; index < 3; index++) {
        if ((unsigned)mine[index] > from) close_range(from, (unsigned)mine[index] - 1, 0);
        from = (unsigned)mine[index] + 1;
    }
    close_range(from, ~0u, 0);
    return 0;
}

static void serve_all(cblocklog *log);

static void *run(void *argument) {
    cblocklog *log = argument;
    log->failed = keep_descriptors(log);
    sem_post(&log->ready);
    if (log->failed == 0) serve_all(log);
    return NULL;
}

static void serve_all(cblocklog *log) {
    for (;;) {
        ssize_t got = read(log->connection, log->buffer, BUFFER);
        if (got < 0 && (errno == EINTR || errno == ENOENT)) continue;
        if (got < 0 && errno == EAGAIN) {
            struct pollfd wanted[2] = {{log->connection, POLLIN, 0}, {log->end, POLLIN, 0}};
            if (poll(wanted, 2, -1) < 0 && errno != EINTR) return;
            if (wanted[1].revents) return;
            continue;
        }
        // ENODEV: unmounted.
        if (got < (ssize_t)sizeof(struct fuse_in_header)) return;
        const struct fuse_in_header *in = (const void *)log->buffer;
        serve(log, in, in + 1);
    }
}

// MARK: Beginning and end

static void release(cblocklog *log) {
    if (log->fuse >= 0) close(log->fuse);
    if (log->image >= 0) close(log->image);
    if (log->end >= 0) close(log->end);
    cblocktape_free(log->tape);
    pthread_mutex_destroy(&log->lock);
    sem_destroy(&log->ready);
    free(log->buffer);
    free(log->folder);
    free(log);
}

int cblocklog_start(const char *image, const char *folder, cblocklog **made) {
    cblocklog *log = calloc(1, sizeof *log);
    if (!log) return ENOMEM;
    pthread_mutex_init(&log->lock, NULL);
    sem_init(&log->ready, 0, 0);
    log->image = open(image, O_RDWR | O_CLOEXEC);
    log->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    log->end = eventfd(0, EFD_CLOEXEC);
    log->tape = tape_make();
    log->buffer = malloc(BUFFER);
    log->folder = strdup(folder);
    struct stat status = {0};
    int result = 0;
    if (log->image < 0 || log->fuse < 0 || log->end < 0 || fstat(log->image, &status) != 0) result = errno;
    else if (!log->tape || !log->buffer || !log->folder) result = ENOMEM;
    char options[96];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", log->fuse);
    if (result == 0 && mount("backstay", folder, "fuse", MS_NOSUID | MS_NODEV, options) != 0) result = errno;
    if (result != 0) {
        release(log);
        return result;
    }
    log->size = (uint64_t)status.st_size;
    log->connection = log->fuse;
    // Signals are the program's other threads' business.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&log->thread, NULL, run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0) {
        while (sem_wait(&log->ready) != 0) {}
        result = log->failed;
        if (result != 0) pthread_join(log->thread, NULL);
    }
    // The thread has its own. Where it has failed this ends the connection.
    close(log->fuse);
    log->fuse = -1;
    if (result != 0) {
        umount2(folder, MNT_DETACH);
        release(log);
        return result;
    }
    *made = log;
    return 0;
}

void cblocklog_stop(cblocklog *log) {
    uint64_t one = 1;
    // The thread serves until here: unmounting asks it, where the device is still open.
    umount2(log->folder, MNT_DETACH);
    ssize_t written = write(log->end, &one, sizeof one);
    (void)written;
    pthread_join(log->thread, NULL);
    release(log);
}

// MARK: Tapes

cblocktape *cblocklog_take(cblocklog *log) {
    cblocktape *next = tape_make();
    if (!next) return NULL;
    pthread_mutex_lock(&log->lock);
    cblocktape *tape = log->tape;
    log->tape = next;
    pthread_mutex_unlock(&log->lock);
    return tape;
}

int cblocklog_undo(cblocklog *log, const cblocktape *tape) { return tape_undo(tape, log->image); }

int cblocklog_advance(cblocklog *log, const cblocktape *tape, size_t from, size_t to) {
    return tape_advance(tape, log->image, from, to);
}

int cblocklog_put(cblocklog *log, const cblocktape *tape, size_t index, uint32_t first, uint32_t length) {
    const struct entry *entry = &tape->entries[index];
    if (entry->kind != CBLOCKLOG_WRITE || first > entry->length || length > entry->length - first) return EINVAL;
    pthread_mutex_lock(&log->lock);
    int result = write_noted(log, entry_after(entry) + first, length, entry->offset + first);
    pthread_mutex_unlock(&log->lock);
    return result;
}

int cblocklog_write(cblocklog *log, const void *bytes, uint32_t length, uint64_t offset) {
    pthread_mutex_lock(&log->lock);
    int result = write_noted(log, bytes, length, offset);
    pthread_mutex_unlock(&log->lock);
    return result;
}

static int add_noted(cblocklog *log, int kind, char *name) {
    pthread_mutex_lock(&log->lock);
    int result = tape_add(log->tape, kind, 0, 0, (uint8_t *)name);
    pthread_mutex_unlock(&log->lock);
    return result;
}

int cblocklog_flush(cblocklog *log) { return add_noted(log, CBLOCKLOG_FLUSH, NULL); }

int cblocklog_mark(cblocklog *log, const char *name) {
    char *copy = strdup(name);
    return copy ? add_noted(log, CBLOCKLOG_MARK, copy) : ENOMEM;
}

int cblocklog_save(cblocklog *log, const char *path) { return image_save(log->image, log->size, path); }

void cblocklog_fail(cblocklog *log, int writes, int flushes) {
    pthread_mutex_lock(&log->lock);
    log->failing_writes = writes;
    log->failing_flushes = flushes;
    pthread_mutex_unlock(&log->lock);
}

#else

int cblocklog_start(const char *image, const char *folder, cblocklog **log) {
    (void)image, (void)folder, (void)log;
    return ENOSYS;
}
void cblocklog_stop(cblocklog *log) { (void)log; }
cblocktape *cblocklog_take(cblocklog *log) { return (void)log, NULL; }
int cblocklog_undo(cblocklog *log, const cblocktape *tape) { return (void)log, (void)tape, ENOSYS; }
int cblocklog_advance(cblocklog *log, const cblocktape *tape, size_t from, size_t to) {
    return (void)log, (void)tape, (void)from, (void)to, ENOSYS;
}
int cblocklog_put(cblocklog *log, const cblocktape *tape, size_t index, uint32_t first, uint32_t length) {
    return (void)log, (void)tape, (void)index, (void)first, (void)length, ENOSYS;
}
int cblocklog_write(cblocklog *log, const void *bytes, uint32_t length, uint64_t offset) {
    return (void)log, (void)bytes, (void)length, (void)offset, ENOSYS;
}
int cblocklog_flush(cblocklog *log) { return (void)log, ENOSYS; }
int cblocklog_mark(cblocklog *log, const char *name) { return (void)log, (void)name, ENOSYS; }
int cblocklog_save(cblocklog *log, const char *path) { return (void)log, (void)path, ENOSYS; }
void cblocklog_fail(cblocklog *log, int writes, int flushes) { (void)log, (void)writes, (void)flushes; }

#endif
