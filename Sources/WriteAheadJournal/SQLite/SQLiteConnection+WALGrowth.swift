// The SQLite WAL's file, as SQLite itself has it open: its size, and writing zeros after its end.
//
// A commit that overwrites written blocks costs about half of one that makes the file grow. The reason: a sync then has
// no metadata of the file system to write. Zeros are no frames: SQLite's recovery ends at them, whatever comes before.
//
// Why it is sound:
// 1. Everything goes through the methods of SQLite's own file object (SQLITE_FCNTL_JOURNAL_POINTER). So any VFS sees
//    it. No descriptor is opened or closed beside SQLite's, which would drop its locks.
// 2. Only bytes after the end of the file are written, with SQLite's write lock held. So neither a frame nor another
//    program's write can be hit.
// 3. A growth that fails is undone.
//
// Why the unsafe pointers are right: the file object lives as long as the connection, which is not closed meanwhile.

internal import CSQLite
internal import SystemC

/// Size, growth and size limit of the SQLite WAL's file.
extension SQLiteConnection {
    /// SQLite's own VFS refuses pieces of 128 KiB and more, as if the disk were full.
    private static let pieceBytes = 64 << 10

    private func walFile() throws(StoreError) -> (UnsafeMutablePointer<sqlite3_file>, sqlite3_io_methods) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let result = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard result == SQLITE_OK, let file, let methods = file.pointee.pMethods else {
            throw StoreError(
                .unsupported, "SQLite \(Self.version) does not hand out the file of the SQLite WAL of \(path)",
                cause: result, location: .init(file: path))
        }
        return (file, methods.pointee)
    }

    /// The size of the SQLite WAL's file. Call it after the first read of a connection in WAL mode.
    func walFileBytes() throws(StoreError) -> Int {
        let (file, methods) = try walFile()
        var size: sqlite3_int64 = 0
        try check(methods.xFileSize(file, &size), file, methods, "looking at")
        return Int(size)
    }

    /// Writes zeros from the end of the SQLite WAL's file to `bytes`, and syncs them. Inside a write transaction.
    ///
    /// - Throws: `diskFull`, and then the file is as it was.
    func growWALFile(to bytes: Int) throws(StoreError) {
        let (file, methods) = try walFile()
        let before = try walFileBytes()
        guard before < bytes else { return }
        // Without this check each attempt on a full disk would, for a moment, take the remaining space from others.
        if let free = Files.freeBytes(path), free < bytes - before {
            throw Self.error(
                for: SQLITE_FULL, system: 0, text: "", doing: "making room in the SQLite WAL of", path: path)
        }
        let zeros = [UInt8](repeating: 0, count: Self.pieceBytes)
        var end = before
        while end < bytes {
            let count = min(Self.pieceBytes, bytes - end)
            let result = methods.xWrite(file, zeros, Int32(count), sqlite3_int64(end))
            if let error = failure(result, file, methods, "making room in the SQLite WAL of") {
                // Otherwise the failed attempt would keep the last space. If this fails too, the file ends with zeros.
                _ = methods.xTruncate(file, sqlite3_int64(before))
                throw error
            }
            end += count
        }
        try check(methods.xSync(file, SQLITE_SYNC_NORMAL), file, methods, "syncing the SQLite WAL of")
    }

    /// Limits the file: if it is longer, SQLite truncates it to `bytes` when the WAL begins anew
    /// (https://www.sqlite.org/pragma.html#pragma_journal_size_limit).
    func limitWALFile(to bytes: Int) throws(StoreError) {
        try execute("PRAGMA journal_size_limit=\(bytes)")
    }

    private func check(
        _ result: Int32, _ file: UnsafeMutablePointer<sqlite3_file>, _ methods: sqlite3_io_methods, _ doing: String
    ) throws(StoreError) {
        if let error = failure(result, file, methods, doing) { throw error }
    }

    private func failure(
        _ result: Int32, _ file: UnsafeMutablePointer<sqlite3_file>, _ methods: sqlite3_io_methods, _ doing: String
    ) -> StoreError? {
        guard result != SQLITE_OK else { return nil }
        var system: Int32 = 0
        // A VFS that does not know the question leaves it at 0.
        _ = methods.xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &system)
        return Self.error(
            for: result, system: system, text: String(cString: sqlite3_errstr(result)), doing: doing, path: path)
    }
}
