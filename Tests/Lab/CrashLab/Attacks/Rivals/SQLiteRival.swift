// Plain SQLite as a rival: a table of keys and values, one insert a transaction, checkpoints as they come.
//
// Why the pointers are right: connection and statement live as long as this object; a text that is bound without a copy
// outlives the step, and is bound anew before the next.

internal import CSQLite

/// Used by one thread, in a child or in the one that judges.
final class SQLiteRival: RivalStore {
    private var handle: OpaquePointer?
    private var insert: OpaquePointer?

    init(_ folder: String, _ mode: String, _ level: String, vfs: String?) throws {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        try check(sqlite3_open_v2(folder + "/app.db", &handle, flags, vfs))
        sqlite3_busy_timeout(handle, 5_000)
        for sql in [
            "PRAGMA journal_mode=\(mode)", "PRAGMA synchronous=\(level)",
            "CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, value TEXT)",
        ] { try check(sqlite3_exec(handle, sql, nil, nil, nil)) }
        try check(sqlite3_prepare_v2(handle, "INSERT OR REPLACE INTO entries VALUES(?,?)", -1, &insert, nil))
    }

    deinit {
        sqlite3_finalize(insert)
        sqlite3_close_v2(handle)
    }

    func put(_ key: String, _ value: String) throws {
        try key.withCString { key in
            try value.withCString { value in
                sqlite3_bind_text(insert, 1, key, -1, nil)
                sqlite3_bind_text(insert, 2, value, -1, nil)
                let result = sqlite3_step(insert)
                sqlite3_reset(insert)
                if result != SQLITE_DONE { try check(result) }
            }
        }
    }

    /// With SQLite's own examination, which few applications run at each start: what it finds counts as noticed.
    func entries() throws -> [String: String] {
        let finding = try rows("PRAGMA integrity_check(1)").first?.0 ?? "nothing"
        guard finding == "ok" else { throw Noticed(what: finding) }
        var entries: [String: String] = [:]
        for (key, value) in try rows("SELECT key, value FROM entries") { entries[key] = value }
        return entries
    }

    private func rows(_ sql: String) throws -> [(String, String)] {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        var rows: [(String, String)] = []
        while true {
            let result = sqlite3_step(statement)
            if result == SQLITE_DONE { return rows }
            guard result == SQLITE_ROW else { throw Noticed(what: String(cString: sqlite3_errmsg(handle))) }
            func text(_ column: Int32) -> String {
                guard column < sqlite3_column_count(statement), let text = sqlite3_column_text(statement, column) else {
                    return ""
                }
                let count = Int(sqlite3_column_bytes(statement, column))
                return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
            }
            rows.append((text(0), text(1)))
        }
    }

    func close() throws {
        sqlite3_finalize(insert)
        insert = nil
        try check(sqlite3_close(handle))
        handle = nil
    }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else { throw Noticed(what: String(cString: sqlite3_errmsg(handle))) }
    }
}
