// Compares the declarations of CPeers.h with the engines' own headers, where those are installed: a difference fails the
// build. Nothing here is ever run, and nothing is linked: an assignment inside sizeof is checked but not made.

#if __has_include(<lmdb.h>)
#include <lmdb.h>
#endif
#if __has_include(<leveldb/c.h>)
#include <leveldb/c.h>
#endif
#if __has_include(<rocksdb/c.h>)
#include <rocksdb/c.h>
#endif

#include "CPeers.h"

#define SAME(type, prefix, name) (void)sizeof(((struct type *)0)->name = prefix##name);

#if __has_include(<lmdb.h>)
_Static_assert(PEERS_MDB_NOSYNC == MDB_NOSYNC && PEERS_MDB_RDONLY == MDB_RDONLY, "LMDB's flags");
_Static_assert(PEERS_MDB_CREATE == MDB_CREATE && PEERS_MDB_WRITEMAP == MDB_WRITEMAP, "LMDB's flags");
_Static_assert(PEERS_MDB_NOTLS == MDB_NOTLS && PEERS_MDB_NORDAHEAD == MDB_NORDAHEAD, "LMDB's flags");
_Static_assert((int)PEERS_MDB_FIRST == (int)MDB_FIRST && (int)PEERS_MDB_NEXT == (int)MDB_NEXT, "LMDB's cursor");
_Static_assert(PEERS_MDB_NOTFOUND == MDB_NOTFOUND, "LMDB's results");
#define LMDB_SAME(result, name, parameters) SAME(peers_lmdb, mdb_, name)
void peers_check_lmdb(void);
void peers_check_lmdb(void) { PEERS_LMDB(LMDB_SAME) }
#endif

#if __has_include(<leveldb/c.h>)
#define LEVELDB_SAME(result, name, parameters) SAME(peers_leveldb, leveldb_, name)
void peers_check_leveldb(void);
void peers_check_leveldb(void) { PEERS_LEVELDB(LEVELDB_SAME) }
#endif

#if __has_include(<rocksdb/c.h>)
#define ROCKSDB_SAME(result, name, parameters) SAME(peers_rocksdb, rocksdb_, name)
void peers_check_rocksdb(void);
void peers_check_rocksdb(void) { PEERS_ROCKSDB(ROCKSDB_SAME) }
#endif
