// A database as SQLite reads it, for the reader without checks.

internal import CSQLite
internal import Drill
internal import WriteAheadJournal

/// One database, opened as any program would.
final class RotNaiveDatabase {
    private var handle: OpaquePointer?

    init(_ path: String) throws {
        try check(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil))
        // Nothing of it is for later.
        try check(sqlite3_exec(handle, "PRAGMA synchronous=OFF", nil, nil, nil))
    }

    deinit { sqlite3_close_v2(handle) }

    struct Row {
        fileprivate let statement: OpaquePointer?

        func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }

        func bytes(_ column: Int32) -> [UInt8] {
            let start = sqlite3_column_blob(statement, column)
            return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
        }

        func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
    }

    func each(_ sql: String, _ body: (Row) throws -> Void) throws {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        while true {
            let result = sqlite3_step(statement)
            if result == SQLITE_DONE { return }
            if result != SQLITE_ROW { try check(result) }
            try body(Row(statement: statement))
        }
    }

    private func check(_ result: Int32) throws {
        guard result != SQLITE_OK else { return }
        throw RotNaiveReader.Unreadable(what: String(cString: sqlite3_errmsg(handle)))
    }
}
