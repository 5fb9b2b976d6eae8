// One statement of a connection: its parameters, its steps, the columns of its row.
//
// Why `@unchecked Sendable` is right: whoever owns the connection lets one thread in at a time.
//
// Why unsafe pointers are right: the pointers handed to SQLite are the caller's, for one call. `emptyBytes` is an
// address that nobody reads or writes.

internal import CSQLite
internal import SystemC

/// SQLite's value for "copy these bytes now".
private let transient = unsafe_transient()
private func unsafe_transient() -> sqlite3_destructor_type? {
    unsafeBitCast(-1, to: sqlite3_destructor_type?.self)
}

/// A prepared statement.
final class SQLiteStatement: @unchecked Sendable {
    /// Nil once it is finalized.
    private var statement: OpaquePointer?
    private let connection: SQLiteConnection

    init(_ statement: OpaquePointer, _ connection: SQLiteConnection) {
        self.statement = statement
        self.connection = connection
    }

    deinit { finalize() }

    /// Gives the statement back to SQLite, which closes a connection's files only after its last statement. It may not
    /// be used again.
    func finalize() {
        sqlite3_finalize(statement)
        statement = nil
    }

    /// The result of binding parameters and reading columns. Either fails for want of memory, and SQLite then continues
    /// with NULL and reports nothing more. The next step throws it; `checkRead` does if no step follows.
    private var failed: Int32 = SQLITE_OK
    private func note(_ result: Int32) {
        if result != SQLITE_OK { failed = result }
    }

    func bind(_ index: Int32, _ value: Int64) { note(sqlite3_bind_int64(statement, index, value)) }
    func bind(_ index: Int32, _ value: Double) { note(sqlite3_bind_double(statement, index, value)) }
    func bind(_ index: Int32, _ value: String) { note(sqlite3_bind_text(statement, index, value, -1, transient)) }
    func bindNull(_ index: Int32) { note(sqlite3_bind_null(statement, index)) }

    /// - Throws: an error if a value that was read from the row is not what the row has.
    func checkRead() throws(StoreError) {
        guard failed != SQLITE_OK else { return }
        let error = connection.failure(failed, "reading or writing")
        failed = SQLITE_OK
        sqlite3_reset(statement)
        throw error
    }

    /// The bytes are not copied: they must outlive the next `reset`.
    func bindText(_ index: Int32, borrowed bytes: UnsafeRawBufferPointer) {
        let start = bytes.baseAddress ?? emptyBytes
        note(
            sqlite3_bind_text64(
                statement, index, start.assumingMemoryBound(to: CChar.self), UInt64(bytes.count), nil,
                UInt8(SQLITE_UTF8)))
    }

    /// The bytes are not copied: they must outlive the next `reset`.
    func bindBlob(_ index: Int32, borrowed bytes: UnsafeRawBufferPointer) {
        note(sqlite3_bind_blob64(statement, index, bytes.baseAddress ?? emptyBytes, UInt64(bytes.count), nil))
    }

    /// Steps to the next row. True if there is one. After false or an error the statement is reset.
    func step() throws(StoreError) -> Bool {
        try checkRead()
        errno = 0
        let result = sqlite3_step(statement)
        if result == SQLITE_ROW { return true }
        if result == SQLITE_DONE {
            sqlite3_reset(statement)
            return false
        }
        let error = connection.failure(result, "reading or writing", errno)
        sqlite3_reset(statement)
        throw error
    }

    /// Runs a statement that has no rows.
    func run() throws(StoreError) {
        while try step() {}
    }

    func reset() { sqlite3_reset(statement) }

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }
    func double(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
    func isInteger(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_INTEGER }
    func isReal(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_FLOAT }
    func isText(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_TEXT }

    func text(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(statement, column) else {
            // The column may be NULL, or SQLite may have made it NULL for want of memory.
            if connection.lacksMemory { note(SQLITE_NOMEM) }
            return nil
        }
        let length = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
    }

    /// The bytes of a text or blob, valid until the next step.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(statement, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
    }
}

/// SQLite takes a null pointer for NULL, so an empty value needs an address.
private nonisolated(unsafe) let emptyBytes = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
