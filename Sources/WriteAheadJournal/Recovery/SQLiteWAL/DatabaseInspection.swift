// Inspects a database's files before SQLite opens them, and repairs what can be repaired.
//
// It comes before SQLite for three reasons:
// - SQLite takes the first frame of a WAL that does not check for the log's end, continues there, and writes over the
//   rest.
// - SQLite deletes the WAL of a database file that is empty.
// - SQLite waits for ever at a pipe.
//
// WALScan.swift says what a WAL's frames prove, and why a byte may be repaired without proof.
//
// The caller must hold the store's lock. Nothing here opens a database file: closing it again would drop SQLite's locks
// on it (https://www.sqlite.org/howtocorrupt.html, 2.2). SQLite has no locks on a WAL.

internal import SystemC

/// What was found in the files of one database, and their repair.
struct DatabaseInspection {
    let path: String
    /// Nil if there is nothing to scan.
    let wal: WALScan?

    /// - Throws: `damaged` if SQLite must not open a file; nothing is changed.
    init(folder: String, name: String) throws(StoreError) {
        path = folder + "/" + name
        try Self.checkKind(path, leastBytes: 512)
        try Self.checkKind(path + "-wal", leastBytes: 0)
        wal = WALScan.file(path + "-wal")
    }

    /// If something is at the path, it has to be a regular file, and not too small to be one of SQLite's.
    private static func checkKind(_ path: String, leastBytes: Int) throws(StoreError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.damaged, "\(path) is no file, but something else", location: .init(file: path))
        }
        guard Int(status.st_size) >= leastBytes else {
            throw StoreError(
                .notAStore, "\(path) is not an SQLite database: it has \(status.st_size) bytes",
                location: .init(file: path))
        }
    }

    /// Whether bytes of the WAL were altered after they were written, as far as that can be seen.
    var isAltered: Bool { wal.map { $0.isRotten || !$0.repairs.isEmpty } ?? false }

    /// The damage as an error, for those who may not or cannot repair it.
    func error(_ advice: String) -> StoreError {
        let scan = wal ?? WALScan()
        let offset = scan.repairs.first?.offset ?? scan.breakOffset ?? 0
        let what = scan.repairs.isEmpty ? scan.reason : Self.text(scan.repairs)
        return StoreError(
            .damaged, "\(path)-wal: \(what)\(advice)",
            location: .init(file: path + "-wal", bytes: offset..<offset + 1))
    }

    private static func text(_ repairs: [WALScan.Repair]) -> String {
        repairs.map { "byte \($0.offset) is \($0.found) where \($0.written) was written" }.joined(separator: ", ")
    }

    /// Which bytes were altered, if what was written is known; nil if there are none.
    var repairsText: String? {
        guard let wal, !wal.repairs.isEmpty else { return nil }
        return "\(path)-wal: \(Self.text(wal.repairs))"
    }

    /// Repairs altered bytes, and syncs. A crash in between leaves fewer of them.
    func repair() throws(StoreError) {
        guard let wal, !wal.repairs.isEmpty else { return }
        try Self.withFile(path + "-wal") { descriptor in
            wal.repairs.allSatisfy { repair in
                var byte = repair.written
                return pwrite(descriptor, &byte, 1, off_t(repair.offset)) == 1
            }
        }
    }

    /// Cuts off what lies after the log's end. Otherwise the next start would find it again, after what is written now.
    func cut() throws(StoreError) {
        guard let wal else { return }
        try Self.withFile(path + "-wal") { ftruncate($0, off_t(wal.committedBytes)) == 0 }
    }

    /// A header that does not check, as it is; nil if there is none.
    ///
    /// Zeros in its place make SQLite draw new salts when it begins anew. The frames after it stay as evidence, and
    /// count for nothing.
    var brokenHeader: [UInt8]? {
        guard wal?.hasBrokenHeader == true else { return nil }
        return FileReader(path + "-wal")?.read(at: 0, count: WALFormat.headerBytes)
    }

    /// Writes over bytes of the WAL, and syncs.
    func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        try Self.withFile(path + "-wal") { pwrite($0, bytes, bytes.count, off_t(offset)) == bytes.count }
    }

    private static func withFile(_ path: String, _ body: (Int32) -> Bool) throws(StoreError) {
        let descriptor = Files.openAboveStreams(path, O_WRONLY | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Files.failure("opening", path) }
        defer { close(descriptor) }
        guard body(descriptor), Files.synchronize(descriptor) else { throw Files.failure("writing", path) }
    }
}
