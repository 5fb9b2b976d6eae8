// Plain SQLite: what an application would write that keeps its values in a table by itself.
//
// WAL mode, prepared statements, one statement a commit, a batch in one transaction. Cache, page size and SQLite's own
// checkpoints as they come.
//
// Why `@unchecked Sendable` is right: every call holds `lock`, so one connection serves all threads, one at a time.

import Foundation
import GRDBSQLite
import Synchronization

final class SQLiteEngine: Engine, @unchecked Sendable {
    private let lock = Mutex(())
    private var connection: OpaquePointer?
    private var insert: OpaquePointer?
    private var select: OpaquePointer?
    private var all: OpaquePointer?
    private var begin: OpaquePointer?
    private var commit: OpaquePointer?

    static var version: String { String(cString: sqlite3_libversion()) }

    /// - Parameter synchronous: NORMAL or FULL.
    init(_ folder: String, synchronous: String) throws {
        try check(sqlite3_open(folder + "/plain.db", &connection))
        for sql in [
            "PRAGMA journal_mode=WAL", "PRAGMA synchronous=\(synchronous)",
            // Debian builds it in; it writes zeros over what is deleted, which no other engine here does.
            "PRAGMA secure_delete=OFF",
            "CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        ] { try check(sqlite3_exec(connection, sql, nil, nil, nil)) }
        insert = try prepare("INSERT OR REPLACE INTO kv VALUES(?,?)")
        select = try prepare("SELECT value FROM kv WHERE key=?")
        all = try prepare("SELECT key,value FROM kv ORDER BY key")
        begin = try prepare("BEGIN IMMEDIATE")
        commit = try prepare("COMMIT")
    }

    private func prepare(_ sql: String) throws -> OpaquePointer? {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
        return statement
    }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else { throw Failure("SQLite: \(String(cString: sqlite3_errmsg(connection)))") }
    }

    private func step(_ statement: OpaquePointer?) throws {
        let result = sqlite3_step(statement)
        // The commit of a statement without a transaction ends here.
        let ended = sqlite3_reset(statement)
        guard result == SQLITE_DONE else {
            try check(result)
            return
        }
        try check(ended)
    }

    private func write(_ entry: Entry) throws {
        try entry.key.withBytes { key in
            try entry.value.withUnsafeBytes { value in
                // Bound without a copy: the bytes outlive the step.
                sqlite3_bind_text(
                    insert, 1, key.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(key.count), nil)
                sqlite3_bind_blob(insert, 2, value.baseAddress, Int32(value.count), nil)
                try step(insert)
            }
        }
    }

    func put(_ entry: Entry) throws { try lock.withLock { _ in try write(entry) } }

    func put(_ batch: [Entry]) throws {
        try lock.withLock { _ in
            try step(begin)
            for entry in batch { try write(entry) }
            try step(commit)
        }
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        try lock.withLock { _ in
            try key.withBytes { key in
                sqlite3_bind_text(
                    select, 1, key.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(key.count), nil)
                defer { sqlite3_reset(select) }
                let result = sqlite3_step(select)
                if result == SQLITE_DONE { return false }
                guard result == SQLITE_ROW else {
                    throw Failure("SQLite: \(String(cString: sqlite3_errmsg(connection)))")
                }
                try found(column(select, 0))
                return true
            }
        }
    }

    private func column(_ statement: OpaquePointer?, _ index: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: sqlite3_column_blob(statement, index), count: Int(sqlite3_column_bytes(statement, index)))
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        try lock.withLock { _ in
            defer { sqlite3_reset(all) }
            var result = sqlite3_step(all)
            while result == SQLITE_ROW {
                try entry(column(all, 0), column(all, 1))
                result = sqlite3_step(all)
            }
            guard result == SQLITE_DONE else { throw Failure("SQLite: \(String(cString: sqlite3_errmsg(connection)))") }
        }
    }

    func close() throws {
        for statement in [insert, select, all, begin, commit] { sqlite3_finalize(statement) }
        try check(sqlite3_close(connection))
    }
}
