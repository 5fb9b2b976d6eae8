// One connection to one SQLite database.
//
// Only this file, SQLiteStatement.swift and SQLiteConnection+Errors.swift call SQLite's C interface, beside the files
// that go to SQLite's own file objects:
// - SQLiteConnection+WALGrowth.swift
// - HeldFile.swift
// - ForeignWrites.swift
// - CheckpointGuard.swift
//
// A connection is opened without SQLite's mutex. Whoever owns it lets one thread in at a time: the committer by its
// flag, the checkpointer by its lock for folds. That is also why `@unchecked Sendable` is right.
//
// What is relied on, with links: docs/sqlite.md.

internal import CSQLite
internal import SystemC

/// An open connection, for one thread at a time.
final class SQLiteConnection: @unchecked Sendable {
    enum Access {
        /// Creates the file, for a store that is being made.
        case create
        /// Reads and writes an existing file.
        case readWrite
        /// Reads a database that another connection may be writing.
        case readShared
        /// Reads a database that nobody holds, and writes nothing at all: no -shm, no -wal, no lock.
        case readPrivate
    }

    let path: String
    /// Internal for the parts of this type and for the files that go to SQLite's file objects.
    let handle: OpaquePointer
    /// Frames in the SQLite WAL after the last commit of this connection.
    private let walFrames: UnsafeMutablePointer<Int32>
    private var checkpointGuard = CheckpointGuard()
    private var isWriter = false
    private var isOpen = true
    /// What is checked before anything is written: HeldFile.swift.
    var descriptors: [HeldFile] = []

    /// - Parameter paranoidSectors: whether a power cut may damage bytes around those being written. SQLite then pads
    ///   each commit to whole sectors (https://www.sqlite.org/psow.html).
    init(_ path: String, _ access: Access, vfs: String?, paranoidSectors: Bool = false) throws(StoreError) {
        self.path = path
        var flags: Int32
        var name = path
        var vfs = vfs
        var isExclusive = false
        switch access {
        case .create: flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .readWrite: flags = SQLITE_OPEN_READWRITE
        case .readShared: flags = SQLITE_OPEN_READONLY
        case .readPrivate:
            flags = SQLITE_OPEN_READONLY
            if (Files.size(path + "-wal") ?? 0) > 0 {
                // The WAL index in heap memory needs exclusive mode. That takes a write lock, which a read-only
                // descriptor cannot have. Our own lock keeps writers out, so SQLite's locks are left out.
                isExclusive = true
                if vfs == nil { vfs = "unix-none" }
            } else {
                flags |= SQLITE_OPEN_URI
                name = "file:" + Self.uriEscaped(path) + "?immutable=1"
            }
        }
        if paranoidSectors {
            flags |= SQLITE_OPEN_URI
            name = "file:" + Self.uriEscaped(path) + "?psow=0"
        }
        flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        var opened: OpaquePointer?
        let result = sqlite3_open_v2(name, &opened, flags, vfs)
        guard result == SQLITE_OK, let opened else {
            let error = Self.failure(opened, result, "opening", path)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        walFrames = .allocate(capacity: 1)
        walFrames.initialize(to: 0)
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 2_000)
        do throws(StoreError) {
            // SQLite falls back to reading if the file cannot be opened for writing, and says so only when it writes.
            if access == .readWrite, sqlite3_db_readonly(handle, "main") == 1 {
                throw StoreError(
                    .ioError, "\(path) cannot be opened for writing; check its owner, its mode and the mount",
                    cause: SQLITE_READONLY, location: .init(file: path))
            }
            guard csqlite_db_config_switch(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1) == SQLITE_OK else {
                throw StoreError(.unsupported, "SQLite \(Self.version) lacks SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE")
            }
            if isExclusive { try execute("PRAGMA locking_mode=EXCLUSIVE") }
            try pragma("mmap_size", "0", expect: nil)
            try pragma("trusted_schema", "OFF", expect: "0")
            try pragma("temp_store", "MEMORY", expect: "2")
        } catch {
            close()
            throw error
        }
    }

    deinit {
        close()
        walFrames.deallocate()
    }

    /// Closes the connection. SQLite neither checkpoints nor removes its WAL (NO_CKPT_ON_CLOSE).
    func close() {
        guard isOpen else { return }
        isOpen = false
        // If a number is no longer SQLite's, the file that has it now is somebody else's to close.
        guard descriptors.allSatisfy(\.isStillHeld) else { return }
        // SQLite keeps a connection, and its locks, until the last of its statements is finalized.
        checkpointGuard.release(self)
        sqlite3_close_v2(handle)
    }

    static var version: String { String(cString: sqlite3_libversion()) }
    static var versionNumber: Int { Int(sqlite3_libversion_number()) }

    // MARK: Settings

    /// Sets what a writing connection of ours needs, and reads it back.
    func configureForWriting() throws(StoreError) {
        try pragma("journal_mode", "WAL", expect: "wal")
        // Once, before any statement is prepared: a switch under prepared statements silently keeps the old level.
        try pragma("synchronous", "FULL", expect: "2")
        try pragma("wal_autocheckpoint", "0", expect: "0")
        try pragma("secure_delete", "OFF", expect: "0")
        try pragma("cell_size_check", "ON", expect: "1")
        try pragma("cache_size", "-8192", expect: "-8192")
        try pragma("locking_mode", "NORMAL", expect: "normal")
        // After wal_autocheckpoint, which is a hook of its own and replaces any other
        // (https://www.sqlite.org/c3ref/wal_hook.html).
        sqlite3_wal_hook(
            handle,
            { context, _, _, frames in
                context?.assumingMemoryBound(to: Int32.self).pointee = frames
                return SQLITE_OK
            }, walFrames)
        isWriter = true
    }

    func pragma(_ name: String, _ value: String, expect: String?) throws(StoreError) {
        try execute("PRAGMA \(name)=\(value)")
        guard let expect else { return }
        let now = try query("PRAGMA \(name)") { $0.text(0) }
        guard now == expect else {
            throw StoreError(
                .unsupported, "SQLite \(Self.version) keeps \(name) at \(now ?? "nothing") instead of \(expect)",
                location: .init(file: path))
        }
    }

    // MARK: Statements

    func execute(_ sql: String) throws(StoreError) {
        errno = 0
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw failure(result, "writing", errno) }
    }

    func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
        var statement: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard result == SQLITE_OK, let statement else { throw failure(result, "reading") }
        return SQLiteStatement(statement, self)
    }

    /// The first row of a query; nil if there is none.
    func query<R>(
        _ sql: String, bind: (SQLiteStatement) -> Void = { _ in }, _ row: (SQLiteStatement) -> R?
    ) throws(StoreError) -> R? {
        let statement = try prepare(sql)
        bind(statement)
        guard try statement.step() else { return nil }
        let result = row(statement)
        try statement.checkRead()
        return result
    }

    /// The first bytes of a blob, or fewer if the blob is shorter, without reading what follows them.
    func beginningOfBlob(
        in table: String, _ column: String, row: Int64, bytes count: Int
    ) throws(StoreError) -> [UInt8] {
        var blob: OpaquePointer?
        let result = sqlite3_blob_open(handle, "main", table, column, row, 0, &blob)
        guard result == SQLITE_OK else { throw failure(result, "reading") }
        defer { sqlite3_blob_close(blob) }
        var bytes = [UInt8](repeating: 0, count: min(count, Int(sqlite3_blob_bytes(blob))))
        let read = sqlite3_blob_read(blob, &bytes, Int32(bytes.count), 0)
        guard read == SQLITE_OK else { throw failure(read, "reading") }
        return bytes
    }

    /// Runs the body in one transaction, and rolls back if the body throws.
    func transaction<R>(_ begin: String = "BEGIN IMMEDIATE", _ body: () throws(StoreError) -> R) throws(StoreError)
        -> R
    {
        try checkDescriptors()
        try execute(begin)
        do throws(StoreError) {
            try keepCheckpointsOut()
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // If the engine rolled back by itself this does nothing. Its own failure changes nothing for the caller.
            if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
            throw error
        }
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    // MARK: The SQLite WAL

    var framesInWAL: Int { Int(walFrames.pointee) }

    /// Keeps other programs' SQLite checkpoints out. Call it in a write transaction or before a VACUUM, before anything
    /// is written. It does something only after `configureForWriting`.
    ///
    /// - Throws: `busy` while another program runs an SQLite checkpoint.
    func keepCheckpointsOut() throws(StoreError) {
        if isWriter { try checkpointGuard.hold(self) }
    }

    /// Copies what it can from the SQLite WAL into the database file, and syncs both. It waits for nobody.
    ///
    /// - Returns: frames in the WAL, and how many of them are in the database file now.
    @discardableResult
    func checkpointSQLite(truncate: Bool = false) throws(StoreError) -> (frames: Int, copied: Int) {
        try checkDescriptors()
        var frames: Int32 = 0
        var copied: Int32 = 0
        let mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let wasGuarded = checkpointGuard.isHeld
        checkpointGuard.release(self)
        let result = sqlite3_wal_checkpoint_v2(handle, "main", mode, &frames, &copied)
        // If another program was quicker, the next transaction is told.
        if wasGuarded { try? keepCheckpointsOut() }
        if result & 0xff == SQLITE_BUSY {
            // Both are -1 if it did not even begin, because another program was running one.
            let hasNotBegun = frames < 0
            return hasNotBegun ? (max(1, framesInWAL), 0) : (Int(frames), Int(copied))
        }
        guard result == SQLITE_OK else { throw failure(result, "copying the SQLite WAL into") }
        return (Int(frames), Int(copied))
    }

    private static func uriEscaped(_ path: String) -> String {
        var text = ""
        let digits = Array("0123456789ABCDEF")
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%"
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
        return text
    }
}
