// Finds the engines' libraries and functions with dlopen and dlsym.
//
// The plain name comes with Debian's -dev package; the numbered ones with the library alone.

#include "CPeers.h"

#include <dlfcn.h>
#include <stdio.h>

struct wanted {
    const char *symbol;
    size_t offset;
};

/// The error lives here: loading happens once, on one thread.
static char message[256];

static const char *load(const char *const *libraries, const struct wanted *wanted, void *functions) {
    void *library = NULL;
    for (const char *const *name = libraries; *name != NULL && library == NULL; name++) {
        library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    }
    if (library == NULL) {
        snprintf(message, sizeof message, "%s is not installed", libraries[0]);
        return message;
    }
    for (; wanted->symbol != NULL; wanted++) {
        void *address = dlsym(library, wanted->symbol);
        if (address == NULL) {
            snprintf(message, sizeof message, "%s has no %s", libraries[0], wanted->symbol);
            return message;
        }
        *(void **)((char *)functions + wanted->offset) = address;
    }
    return NULL;
}

#define LMDB_WANTED(result, name, parameters) {"mdb_" #name, offsetof(struct peers_lmdb, name)},
#define LEVELDB_WANTED(result, name, parameters) {"leveldb_" #name, offsetof(struct peers_leveldb, name)},
#define ROCKSDB_WANTED(result, name, parameters) {"rocksdb_" #name, offsetof(struct peers_rocksdb, name)},

const char *peers_load_lmdb(struct peers_lmdb *functions) {
    static const char *const libraries[] = {"liblmdb.so", "liblmdb.so.0", "liblmdb.dylib", NULL};
    static const struct wanted wanted[] = {PEERS_LMDB(LMDB_WANTED){NULL, 0}};
    return load(libraries, wanted, functions);
}

const char *peers_load_leveldb(struct peers_leveldb *functions) {
    static const char *const libraries[] = {"libleveldb.so", "libleveldb.so.1d", "libleveldb.so.1", "libleveldb.dylib",
                                            NULL};
    static const struct wanted wanted[] = {PEERS_LEVELDB(LEVELDB_WANTED){NULL, 0}};
    return load(libraries, wanted, functions);
}

const char *peers_load_rocksdb(struct peers_rocksdb *functions) {
    static const char *const libraries[] = {"librocksdb.so", "librocksdb.so.7.8", "librocksdb.so.8.9",
                                            "librocksdb.so.9.10", "librocksdb.dylib", NULL};
    static const struct wanted wanted[] = {PEERS_ROCKSDB(ROCKSDB_WANTED){NULL, 0}};
    return load(libraries, wanted, functions);
}

const char *peers_file_of(const void *function) {
    Dl_info info;
    return dladdr(function, &info) != 0 ? info.dli_fname : NULL;
}
