/*
 * Descriptors that a forked child closes at once. A lock taken with flock() lives as long as any copy of its
 * descriptor. So a child that continues without exec would keep its parent's store locked long after the parent was
 * killed.
 *
 * The handler runs in the child, with one thread, before fork() returns there. It makes system calls and touches this
 * table, nothing else. A child of vfork(), posix_spawn() or a bare clone() does not run it: its exec closes them.
 */
#include "filesystem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { places = 256 };

/* Descriptor + 1; 0 for a free place. */
static _Atomic(int) held[places];

static void in_child(void) {
    for (int i = 0; i < places; i++) {
        int descriptor = atomic_exchange(&held[i], 0) - 1;
        if (descriptor >= 0) close(descriptor);
    }
}

static void prepare(void) { pthread_atfork(NULL, NULL, in_child); }

int cfilesystem_close_in_children(int descriptor) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    for (int i = 0; i < places; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&held[i], &none, descriptor + 1)) return 1;
    }
    return 0;
}

int cfilesystem_still_held(int descriptor) {
    for (int i = 0; i < places; i++) {
        int mine = descriptor + 1;
        if (atomic_compare_exchange_strong(&held[i], &mine, 0)) return 1;
    }
    return 0;
}
