// The C interfaces of three engines, as far as the comparison calls them, looked up when the program runs.
//
// Nothing is linked and no header of theirs is needed: the comparison builds everywhere, and an engine that is not
// installed is named in the report. Where their headers are installed, check.c compares every declaration here with
// them while it is compiled.
//
// The interfaces: http://www.lmdb.tech/doc/ · leveldb/c.h · rocksdb/c.h

#ifndef CPEERS_H
#define CPEERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: LMDB

#ifndef _LMDB_H_ // check.c includes the real one before this.
typedef struct MDB_env MDB_env;
typedef struct MDB_txn MDB_txn;
typedef struct MDB_cursor MDB_cursor;
typedef unsigned int MDB_dbi;
typedef struct MDB_val {
    size_t mv_size;
    void *mv_data;
} MDB_val;
#endif

enum {
    PEERS_MDB_NOSYNC = 0x10000,
    PEERS_MDB_RDONLY = 0x20000,
    PEERS_MDB_CREATE = 0x40000,
    PEERS_MDB_WRITEMAP = 0x80000,
    PEERS_MDB_NOTLS = 0x200000,
    PEERS_MDB_NORDAHEAD = 0x800000,
    PEERS_MDB_FIRST = 0,
    PEERS_MDB_NEXT = 8,
    PEERS_MDB_NOTFOUND = -30798,
};

#define PEERS_LMDB(F)                                                                                                  \
    F(char *, version, (int *, int *, int *))                                                                          \
    F(char *, strerror, (int))                                                                                         \
    F(int, env_create, (MDB_env **))                                                                                   \
    F(int, env_set_mapsize, (MDB_env *, size_t))                                                                       \
    F(int, env_open, (MDB_env *, const char *, unsigned int, mode_t))                                                  \
    F(int, env_sync, (MDB_env *, int))                                                                                 \
    F(void, env_close, (MDB_env *))                                                                                    \
    F(int, txn_begin, (MDB_env *, MDB_txn *, unsigned int, MDB_txn **))                                                \
    F(int, txn_commit, (MDB_txn *))                                                                                    \
    F(void, txn_abort, (MDB_txn *))                                                                                    \
    F(void, txn_reset, (MDB_txn *))                                                                                    \
    F(int, txn_renew, (MDB_txn *))                                                                                     \
    F(int, dbi_open, (MDB_txn *, const char *, unsigned int, MDB_dbi *))                                               \
    F(int, put, (MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned int))                                              \
    F(int, get, (MDB_txn *, MDB_dbi, MDB_val *, MDB_val *))                                                            \
    F(int, cursor_open, (MDB_txn *, MDB_dbi, MDB_cursor **))                                                           \
    F(int, cursor_get, (MDB_cursor *, MDB_val *, MDB_val *, unsigned int))                                             \
    F(void, cursor_close, (MDB_cursor *))

// MARK: LevelDB

typedef struct leveldb_t leveldb_t;
typedef struct leveldb_options_t leveldb_options_t;
typedef struct leveldb_readoptions_t leveldb_readoptions_t;
typedef struct leveldb_writeoptions_t leveldb_writeoptions_t;
typedef struct leveldb_writebatch_t leveldb_writebatch_t;
typedef struct leveldb_iterator_t leveldb_iterator_t;
typedef struct leveldb_filterpolicy_t leveldb_filterpolicy_t;

#define PEERS_LEVELDB(F)                                                                                               \
    F(int, major_version, (void))                                                                                      \
    F(int, minor_version, (void))                                                                                      \
    F(void, free, (void *))                                                                                            \
    F(leveldb_options_t *, options_create, (void))                                                                     \
    F(void, options_destroy, (leveldb_options_t *))                                                                    \
    F(void, options_set_create_if_missing, (leveldb_options_t *, uint8_t))                                             \
    F(void, options_set_filter_policy, (leveldb_options_t *, leveldb_filterpolicy_t *))                                \
    F(leveldb_filterpolicy_t *, filterpolicy_create_bloom, (int))                                                      \
    F(void, filterpolicy_destroy, (leveldb_filterpolicy_t *))                                                          \
    F(leveldb_t *, open, (const leveldb_options_t *, const char *, char **))                                           \
    F(void, close, (leveldb_t *))                                                                                      \
    F(leveldb_writeoptions_t *, writeoptions_create, (void))                                                           \
    F(void, writeoptions_destroy, (leveldb_writeoptions_t *))                                                          \
    F(void, writeoptions_set_sync, (leveldb_writeoptions_t *, uint8_t))                                                \
    F(leveldb_readoptions_t *, readoptions_create, (void))                                                             \
    F(void, readoptions_destroy, (leveldb_readoptions_t *))                                                            \
    F(void, put,                                                                                                       \
      (leveldb_t *, const leveldb_writeoptions_t *, const char *, size_t, const char *, size_t, char **))              \
    F(char *, get, (leveldb_t *, const leveldb_readoptions_t *, const char *, size_t, size_t *, char **))              \
    F(leveldb_writebatch_t *, writebatch_create, (void))                                                               \
    F(void, writebatch_destroy, (leveldb_writebatch_t *))                                                              \
    F(void, writebatch_clear, (leveldb_writebatch_t *))                                                                \
    F(void, writebatch_put, (leveldb_writebatch_t *, const char *, size_t, const char *, size_t))                      \
    F(void, write, (leveldb_t *, const leveldb_writeoptions_t *, leveldb_writebatch_t *, char **))                     \
    F(leveldb_iterator_t *, create_iterator, (leveldb_t *, const leveldb_readoptions_t *))                             \
    F(void, iter_destroy, (leveldb_iterator_t *))                                                                      \
    F(uint8_t, iter_valid, (const leveldb_iterator_t *))                                                               \
    F(void, iter_seek_to_first, (leveldb_iterator_t *))                                                                \
    F(void, iter_next, (leveldb_iterator_t *))                                                                         \
    F(const char *, iter_key, (const leveldb_iterator_t *, size_t *))                                                  \
    F(const char *, iter_value, (const leveldb_iterator_t *, size_t *))                                                \
    F(void, iter_get_error, (const leveldb_iterator_t *, char **))

// MARK: RocksDB

typedef struct rocksdb_t rocksdb_t;
typedef struct rocksdb_options_t rocksdb_options_t;
typedef struct rocksdb_readoptions_t rocksdb_readoptions_t;
typedef struct rocksdb_writeoptions_t rocksdb_writeoptions_t;
typedef struct rocksdb_writebatch_t rocksdb_writebatch_t;
typedef struct rocksdb_iterator_t rocksdb_iterator_t;
typedef struct rocksdb_pinnableslice_t rocksdb_pinnableslice_t;
typedef struct rocksdb_filterpolicy_t rocksdb_filterpolicy_t;
typedef struct rocksdb_block_based_table_options_t rocksdb_block_based_table_options_t;

#define PEERS_ROCKSDB(F)                                                                                               \
    F(void, free, (void *))                                                                                            \
    F(rocksdb_options_t *, options_create, (void))                                                                     \
    F(void, options_destroy, (rocksdb_options_t *))                                                                    \
    F(void, options_set_create_if_missing, (rocksdb_options_t *, unsigned char))                                       \
    F(void, options_set_block_based_table_factory, (rocksdb_options_t *, rocksdb_block_based_table_options_t *))       \
    F(rocksdb_block_based_table_options_t *, block_based_options_create, (void))                                       \
    F(void, block_based_options_destroy, (rocksdb_block_based_table_options_t *))                                      \
    F(void, block_based_options_set_filter_policy,                                                                     \
      (rocksdb_block_based_table_options_t *, rocksdb_filterpolicy_t *))                                               \
    F(rocksdb_filterpolicy_t *, filterpolicy_create_bloom_full, (double))                                              \
    F(rocksdb_t *, open, (const rocksdb_options_t *, const char *, char **))                                           \
    F(void, close, (rocksdb_t *))                                                                                      \
    F(rocksdb_writeoptions_t *, writeoptions_create, (void))                                                           \
    F(void, writeoptions_destroy, (rocksdb_writeoptions_t *))                                                          \
    F(void, writeoptions_set_sync, (rocksdb_writeoptions_t *, unsigned char))                                          \
    F(rocksdb_readoptions_t *, readoptions_create, (void))                                                             \
    F(void, readoptions_destroy, (rocksdb_readoptions_t *))                                                            \
    F(void, put,                                                                                                       \
      (rocksdb_t *, const rocksdb_writeoptions_t *, const char *, size_t, const char *, size_t, char **))              \
    F(rocksdb_pinnableslice_t *, get_pinned,                                                                           \
      (rocksdb_t *, const rocksdb_readoptions_t *, const char *, size_t, char **))                                     \
    F(const char *, pinnableslice_value, (const rocksdb_pinnableslice_t *, size_t *))                                  \
    F(void, pinnableslice_destroy, (rocksdb_pinnableslice_t *))                                                        \
    F(rocksdb_writebatch_t *, writebatch_create, (void))                                                               \
    F(void, writebatch_destroy, (rocksdb_writebatch_t *))                                                              \
    F(void, writebatch_clear, (rocksdb_writebatch_t *))                                                                \
    F(void, writebatch_put, (rocksdb_writebatch_t *, const char *, size_t, const char *, size_t))                      \
    F(void, write, (rocksdb_t *, const rocksdb_writeoptions_t *, rocksdb_writebatch_t *, char **))                     \
    F(rocksdb_iterator_t *, create_iterator, (rocksdb_t *, const rocksdb_readoptions_t *))                             \
    F(void, iter_destroy, (rocksdb_iterator_t *))                                                                      \
    F(unsigned char, iter_valid, (const rocksdb_iterator_t *))                                                         \
    F(void, iter_seek_to_first, (rocksdb_iterator_t *))                                                                \
    F(void, iter_next, (rocksdb_iterator_t *))                                                                         \
    F(const char *, iter_key, (const rocksdb_iterator_t *, size_t *))                                                  \
    F(const char *, iter_value, (const rocksdb_iterator_t *, size_t *))                                                \
    F(void, iter_get_error, (const rocksdb_iterator_t *, char **))                                                     \
    F(int, property_int, (rocksdb_t *, const char *, uint64_t *))

// MARK: The functions, and how they are found

#define PEERS_FIELD(result, name, parameters) result(*name) parameters;
struct peers_lmdb { PEERS_LMDB(PEERS_FIELD) };
struct peers_leveldb { PEERS_LEVELDB(PEERS_FIELD) };
struct peers_rocksdb { PEERS_ROCKSDB(PEERS_FIELD) };
#undef PEERS_FIELD

/// Fills the functions in. Returns NULL, or what is missing: a library or one of its functions. The libraries stay
/// loaded until the process ends.
const char *peers_load_lmdb(struct peers_lmdb *functions);
const char *peers_load_leveldb(struct peers_leveldb *functions);
const char *peers_load_rocksdb(struct peers_rocksdb *functions);

/// The file that a loaded function came from, or NULL. Valid until the process ends.
const char *peers_file_of(const void *function);

// MARK: The raw limits

/// CRC-32C of the bytes, continuing `crc` (0 at the beginning): by the processor's instruction where it has one.
uint32_t peers_crc32c(uint32_t crc, const void *bytes, size_t count);

/// Keeps the compiler from leaving out work whose result nobody uses.
static inline void peers_use(const void *bytes) { __asm__ volatile("" : : "r"(bytes) : "memory"); }

// MARK: Syncs

/// How often this process has called fsync and fdatasync, its libraries included; -1 where it cannot be known.
long peers_syncs(void);

#endif
