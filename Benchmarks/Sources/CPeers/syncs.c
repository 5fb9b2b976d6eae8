// Counts the syncs that this process asks for.
//
// An engine that says a change survives power loss must have synced it: the comparison looks, rather than believe a setting.
// The functions below stand before the C library's: a program's own definition is found first, also by the libraries that
// it loads. What is opened with O_DSYNC syncs without a call and is not seen.

#include "CPeers.h"

#if defined(__linux__)

#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_long syncs;

static int counted(const char *name, int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    return real(descriptor);
}

int fsync(int descriptor) { return counted("fsync", descriptor); }
int fdatasync(int descriptor) { return counted("fdatasync", descriptor); }

long peers_syncs(void) { return atomic_load_explicit(&syncs, memory_order_relaxed); }

#else

long peers_syncs(void) { return -1; }

#endif
