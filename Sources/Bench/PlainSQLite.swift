// Plain SQLite: what an application would write that keeps its values in a table by itself.
//
// WAL mode, one INSERT OR REPLACE per commit with prepared statements, SQLite's own checkpoints left on.

internal import CSQLite
internal import WriteAheadJournal

final class PlainSQLite {
    private var handle: OpaquePointer?
    private var begin: OpaquePointer?
    private var insert: OpaquePointer?
    private var commit: OpaquePointer?

    /// - Parameter level: `synchronous`: FULL survives power loss, NORMAL the process.
    init(_ path: String, _ level: String) throws {
        try check(sqlite3_open(path, &handle))
        for sql in [
            "PRAGMA journal_mode=WAL", "PRAGMA synchronous=\(level)",
            "CREATE TABLE kv(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        ] { try check(sqlite3_exec(handle, sql, nil, nil, nil)) }
        try check(sqlite3_prepare_v2(handle, "BEGIN", -1, &begin, nil))
        try check(sqlite3_prepare_v2(handle, "INSERT OR REPLACE INTO kv VALUES(?,?)", -1, &insert, nil))
        try check(sqlite3_prepare_v2(handle, "COMMIT", -1, &commit, nil))
    }

    deinit {
        for statement in [begin, insert, commit] { sqlite3_finalize(statement) }
        sqlite3_close(handle)
    }

    /// One insert, one commit; at FULL one sync.
    func set(_ key: String, _ value: [UInt8]) throws {
        try step(begin)
        try key.withCString { key in
            try value.withUnsafeBytes { value in
                sqlite3_bind_text(insert, 1, key, -1, nil)
                sqlite3_bind_blob(insert, 2, value.baseAddress, Int32(value.count), nil)
                try step(insert)
            }
        }
        try step(commit)
    }

    private func step(_ statement: OpaquePointer?) throws {
        let result = sqlite3_step(statement)
        sqlite3_reset(statement)
        if result != SQLITE_DONE { try check(result) }
    }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else {
            throw StoreError(.ioError, "plain SQLite: \(String(cString: sqlite3_errmsg(handle)))", cause: result)
        }
    }
}
