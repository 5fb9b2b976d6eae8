// state.db: the state as of one LSN, in a table that plain SQL can read while the store is live.
//
// The rule that makes it valid: rows, checkpoint and digest change in one transaction. So whoever reads it, at any
// moment, sees the state after exactly the record `checkpoint_lsn`. The digest is the sum (modulo 2⁶⁴) of the rows'
// hashes. Loading recomputes it, which finds altered, missing and stale rows.
//
// A fold takes committed journal rows, never live memory. A crash in the middle of a fold leaves the state of the fold
// before. The journal still has every record after that, because it is trimmed up to the checkpoint before at most.
//
// Why `@unchecked Sendable` is right: one thread at a time uses it, first the opening one and then the checkpointer.

/// state.db of one store, open for writing.
package final class StateDatabase: @unchecked Sendable {
    private let connection: SQLiteConnection
    package private(set) var meta: StateMeta
    private var foreign = ForeignWrites()
    private let files: FileWatch
    private let framesMax: Int

    /// At this many frames in its SQLite WAL they are copied into the file.
    package static let framesMax = 1_024

    /// Opens state.db of a store whose lock is held.
    package init(
        folder: String, vfs: String?, paranoidSectors: Bool = false, framesMax: Int = StateDatabase.framesMax
    ) throws(StoreError) {
        self.framesMax = framesMax
        let path = folder + "/" + StateSchema.name
        guard Files.exists(path) else { throw Self.missing(path) }
        let names = [StateSchema.name, StateSchema.name + "-wal"]
        files = FileWatch(folder: folder, names: names)
        connection = try SQLiteConnection(path, .readWrite, vfs: vfs, paranoidSectors: paranoidSectors)
        try connection.configureForWriting()
        meta = try StateMeta.read(connection)
        try acceptVersion()
        connection.holdDescriptors()
        try files.check()
    }

    package func close() { connection.close() }

    static func missing(_ path: String) -> StoreError {
        StoreError(.damaged, "\(path) is missing", location: .init(file: path))
    }

    // MARK: Loading

    /// Passes on every row in key order, checked. The digest is checked at the end.
    package func load(_ each: StateRowBody) throws {
        try Self.load(connection, meta, each)
    }

    static func load(_ connection: SQLiteConnection, _ meta: StateMeta, _ each: StateRowBody) throws {
        let rows = try connection.prepare("SELECT name,key,type,value,crc FROM state ORDER BY name,key")
        var value: [UInt8] = []
        var scratch: [UInt8] = []
        var digest: UInt64 = 0
        var count = 0
        func take(_ kind: ValueKind, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
            let name = rows.bytes(0), key = rows.bytes(1), stored = UInt64(bitPattern: rows.int(4))
            let hash = StateRow.hash(name: name, key: key, kind: kind.rawValue, value: bytes, scratch: &scratch)
            let isWhole = hash == stored
            guard isWhole else { return false }
            guard OperationCodec.isInBounds(name: name, key: key, value: bytes) else {
                throw StoreError(
                    .damaged,
                    "row \(count + 1) of the table state has \(key.count) bytes of key and \(bytes.count) of value, which no store takes",
                    location: .init(file: connection.path))
            }
            digest &+= stored
            try each(name, key, kind.rawValue, bytes)
            return true
        }
        while try rows.step() {
            let isWhole: Bool
            if let kind = StateRow.plainKind(rows, type: 2, value: 3) {
                isWhole = try take(kind, rows.bytes(3))
            } else {
                value.removeAll(keepingCapacity: true)
                if let kind = StateRow.read(rows, type: 2, value: 3, into: &value) {
                    isWhole = try value.withUnsafeBytes { try take(kind, $0) }
                } else {
                    isWhole = false
                }
            }
            guard isWhole else {
                throw StoreError(
                    .damaged,
                    "row \(count + 1) of the table state, key \(printable(rows.bytes(1))), does not match its checksum",
                    location: .init(file: connection.path))
            }
            count += 1
        }
        let isWhole = count == meta.rows && digest == meta.digest
        guard isWhole else {
            throw StoreError(
                .damaged,
                "the table state has \(count) rows where \(meta.rows) belong, or stale ones: its digest does not match",
                location: .init(file: connection.path))
        }
    }

    static func printable(_ key: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: key.prefix(60), as: UTF8.self)
        return "\""
            + text.unicodeScalars.map { $0.value < 32 ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
            + (key.count > 60 ? "…\"" : "\"")
    }

    // MARK: Folding

    /// Puts a fold into the table, in one transaction, and moves the checkpoint.
    ///
    /// - Returns: how many rows were set or removed.
    @discardableResult
    package func apply(_ fold: FoldedChanges) throws(StoreError) -> Int {
        var next = meta
        next.previous = meta.checkpoint.lsn
        next.checkpoint = fold.position
        let written = try connection.transaction { () throws(StoreError) in
            let version = try connection.query("PRAGMA data_version") { $0.int(0) } ?? 0
            guard !foreign.haveHappened(version: version, connection) else {
                throw StoreError(
                    .ioError, "another program wrote to \(connection.path): only the store may; reopen to check it",
                    location: .init(file: connection.path))
            }
            var writer = try StateWriter(connection, rows: meta.rows)
            try fold.forEachSorted(some: StateWriter.operationsAtOnce) { operations in
                Result { () throws(StoreError) in try writer.put(operations, &next) }
            }.get()
            try next.write(connection)
            return writer.rowsWritten
        }
        foreign.noteCommit()
        // The log is trimmed by what `meta` says. So a fold into files that no longer have a name must not count.
        try files.check()
        meta = next
        return written
    }

    /// Copies the SQLite WAL into the database file if it has grown enough, or always if `force` is set.
    package func checkpointSQLite(force: Bool) throws(StoreError) {
        guard force || connection.framesInWAL >= framesMax else { return }
        try connection.checkpointSQLite()
    }

    /// Folds nothing, which lets the journal be trimmed up to the newest checkpoint. If this transaction is lost too,
    /// the table that is left is still one that the journal continues.
    package func advance() throws(StoreError) {
        guard meta.previous < meta.checkpoint.lsn else { return }
        try apply(FoldedChanges(after: meta.checkpoint))
    }

    /// Copies the newest fold into the database file itself. Nothing older is needed to rebuild the table then.
    package func copySQLiteWAL() throws(StoreError) {
        let result = try connection.checkpointSQLite()
        guard result.frames == result.copied else {
            throw StoreError(
                .busy, "a reader keeps \(connection.path) from being compacted: try again when it is done",
                location: .init(file: connection.path))
        }
        try files.check()
        meta.previous = meta.checkpoint.lsn
    }

    /// Gives unused space back to the file system.
    package func compact() throws(StoreError) {
        try connection.checkDescriptors()
        try connection.keepCheckpointsOut()
        foreign.disregard()
        try connection.execute("VACUUM")
        try acceptVersion()
        try connection.checkpointSQLite()
    }

    private func acceptVersion() throws(StoreError) {
        try connection.transaction { () throws(StoreError) in
            foreign.accept(version: try connection.query("PRAGMA data_version") { $0.int(0) } ?? 0, connection)
        }
    }

    // MARK: Writing a whole new one (creation, backup)

    /// Fills the state.db of a store that is being made.
    static func fill(
        _ connection: SQLiteConnection, storeID: String, position: ChainPosition,
        rows: (_ put: StateRowBody) throws -> Void
    ) throws {
        try connection.execute(StateSchema.schema)
        var meta = StateMeta(storeID: storeID, checkpoint: position, previous: position.lsn, rows: 0, digest: 0)
        let insert = try connection.prepare("INSERT INTO state(name,key,type,value,crc) VALUES(?,?,?,?,?)")
        var scratch: [UInt8] = []
        try connection.execute("BEGIN")
        try rows { name, key, kind, value in
            guard let valueKind = ValueKind(rawValue: kind) else {
                throw StoreError(.damaged, "value kind \(kind) is not known")
            }
            let hash = StateRow.hash(name: name, key: key, kind: kind, value: value, scratch: &scratch)
            insert.bindText(1, borrowed: name)
            insert.bindText(2, borrowed: key)
            StateRow.bind(insert, type: 3, value: 4, kind: valueKind, bytes: value)
            insert.bind(5, Int64(bitPattern: hash))
            try insert.run()
            meta.rows += 1
            meta.digest &+= hash
        }
        try meta.write(connection)
        try connection.execute("COMMIT")
    }
}
