/*
 * SQLite's allocations: the N-th fails, once, or from then on. These functions stand before SQLite's default allocator.
 * They count only while somebody asked for it, so that setting up costs nothing.
 *
 * https://www.sqlite.org/c3ref/mem_methods.html
 */
#include "CFaultVFS.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

static sqlite3_mem_methods system_methods;
static _Atomic(bool) is_counting;
static _Atomic(uint64_t) count, fail_at, failed;
static _Atomic(bool) lasts;

static bool fails(void) {
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed)) return false;
    uint64_t number = atomic_fetch_add(&count, 1) + 1, wanted = atomic_load(&fail_at);
    if (wanted == 0 || !(number == wanted || (number > wanted && atomic_load(&lasts)))) return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

static void *on_malloc(int size) { return fails() ? NULL : system_methods.xMalloc(size); }

static void *on_realloc(void *old, int size) { return fails() ? NULL : system_methods.xRealloc(old, size); }

bool backstay_allocations_install(void) {
    static bool is_installed;
    if (is_installed) return true;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_methods) != SQLITE_OK) return false;
    if (system_methods.xMalloc == NULL) return false;
    sqlite3_mem_methods ours = system_methods;
    ours.xMalloc = on_malloc;
    ours.xRealloc = on_realloc;
    is_installed = sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK;
    return is_installed;
}

void backstay_allocations_fail(uint64_t call, bool for_good) {
    atomic_store(&count, 0);
    atomic_store(&failed, 0);
    atomic_store(&lasts, for_good);
    atomic_store(&fail_at, call);
    atomic_store(&is_counting, true);
}

void backstay_allocations_lift(void) { atomic_store(&fail_at, 0); }

void backstay_allocations_end(void) {
    atomic_store(&fail_at, 0);
    atomic_store(&is_counting, false);
}

uint64_t backstay_allocations_counted(void) { return atomic_load(&count); }

uint64_t backstay_allocations_failed(void) { return atomic_load(&failed); }
