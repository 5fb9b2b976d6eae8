/*
 * What went through the VFS, file by file. Counters are only ever added to, so reading one needs no lock. The list of
 * files only grows, at its head.
 */
#include "counts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    char *path;
    _Atomic(uint64_t) writes, bytes, grown, syncs, truncations, sizes;
    struct counts *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counts *all;

struct counts *backstay_counts_find(const char *path) {
    pthread_mutex_lock(&lock);
    struct counts *found = all;
    while (found != NULL && strcmp(found->path, path) != 0) found = found->next;
    if (found == NULL && (found = calloc(1, sizeof *found)) != NULL) {
        found->path = strdup(path);
        if (found->path == NULL) abort(); /* A test that goes on without its counts proves nothing. */
        found->next = all;
        all = found;
    }
    pthread_mutex_unlock(&lock);
    if (found == NULL) abort();
    return found;
}

void backstay_counts_wrote(struct counts *counts, uint64_t bytes, uint64_t grown) {
    if (counts == NULL) return;
    atomic_fetch_add(&counts->writes, 1);
    atomic_fetch_add(&counts->bytes, bytes);
    atomic_fetch_add(&counts->grown, grown);
}

void backstay_counts_synced(struct counts *counts) {
    if (counts != NULL) atomic_fetch_add(&counts->syncs, 1);
}

void backstay_counts_truncated(struct counts *counts) {
    if (counts != NULL) atomic_fetch_add(&counts->truncations, 1);
}

void backstay_counts_sized(struct counts *counts) {
    if (counts != NULL) atomic_fetch_add(&counts->sizes, 1);
}

struct backstay_io_counts backstay_fault_counts(const char *path) {
    struct counts *counts = backstay_counts_find(path);
    return (struct backstay_io_counts){
        .writes = atomic_load(&counts->writes),
        .bytes = atomic_load(&counts->bytes),
        .grown = atomic_load(&counts->grown),
        .syncs = atomic_load(&counts->syncs),
        .truncations = atomic_load(&counts->truncations),
        .sizes = atomic_load(&counts->sizes),
    };
}
