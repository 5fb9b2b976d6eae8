// The journal without the state store: bytes in, LSNs out.
//
// A program that keeps its own state appends what it must not lose. It is given every record again at the next start.

/// An append-only write-ahead log, kept in SQLite, that survives `kill -9` and power loss.
///
/// One process at a time holds a journal. Records come back at the next opening, in order, without gaps.
public final class Journal: Sendable {
    /// How a journal is opened.
    public struct Options: Sendable {
        /// The name of the SQLite VFS to use; nil for the system's.
        public var vfs: String?
        /// Appends wait once this many bytes are published and not committed; 64 KiB to 64 MiB.
        public var tailBytes = 4 << 20

        /// The defaults.
        public init() {}
    }

    private let committer: Committer
    private let page: RunPage
    private let lock: FolderLock
    private let fork = ForkGuard()
    private let closing = Lock()
    /// Keeps other writers out between admission and publishing.
    private let writer = Lock()
    /// How the last run ended.
    public let lastEnd: RunEnd
    /// The folder, resolved.
    public let path: String

    /// The most bytes that one append may have.
    public static let recordBytesMax = RecordFormat.recordBytesMax - 1

    /// Opens a journal, or creates one if nothing is there, and passes on every record it holds.
    ///
    /// - Parameters:
    ///   - path: a folder.
    ///   - replay: called for each record in order; the bytes are valid during the call.
    /// - Throws: `StoreError`, or what `replay` threw. The journal is as it was found then.
    public init(
        _ path: String, options: Options = .init(), replay: (LSN, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var opening = JournalOpening.Options()
        opening.vfs = options.vfs
        opening.limits.tailBytes = min(max(options.tailBytes, 64 << 10), 64 << 20)
        let open = try JournalOpening(path, opening)
        do {
            try open.replay(after: nil) { record in
                if record.kind == .bytes { try replay(record.lsn, record.body) }
            }
        } catch {
            open.abandon()
            throw error
        }
        let parts = try open.finish()
        (committer, page, lock) = (parts.committer, parts.page, parts.lock)
        lastEnd = open.lastEnd
        self.path = open.folder
    }

    deinit {
        if fork.isForked {
            // The parent's threads and connections are not ours to end.
            _ = Unmanaged.passRetained(committer)
            return
        }
        _ = committer.stop()
        try? committer.close(marking: nil)
    }

    /// Appends one record and returns when it has reached its level.
    ///
    /// - Parameters:
    ///   - bytes: at most `recordBytesMax`.
    ///   - durability: `.process` returns once the record is in the mapped tail. If the file system does not keep a
    ///     mapped tail, it returns after the commit, like `.power`.
    /// - Returns: the record's LSN; every lower one is as durable.
    /// - Throws: `StoreError`, whose `outcome` tells whether the record may appear at the next opening.
    @available(*, noasync, message: "use the async form with await")
    @discardableResult
    public func append(_ bytes: [UInt8], durability: Durability = .power) throws(StoreError) -> LSN {
        while true {
            if let published = try publish(bytes, durability) {
                _ = try committer.acknowledge(published, durability)
                return published.lsn
            }
            try committer.waitForRoom(bytes.count + 1)
        }
    }

    /// Appends one record and returns when it has reached its level. Never waits for the disk on the calling thread.
    ///
    /// - Throws: as the form for synchronous code.
    @discardableResult
    public func append(_ bytes: [UInt8], durability: Durability = .power) async throws(StoreError) -> LSN {
        while true {
            if let published = try publish(bytes, durability) {
                _ = try await committer.acknowledge(published, durability)
                return published.lsn
            }
            await committer.waitForRoom(bytes.count + 1)
        }
    }

    private func publish(_ bytes: [UInt8], _ durability: Durability) throws(StoreError) -> Published? {
        guard !fork.isForked else { throw Self.forkedError }
        guard bytes.count <= Self.recordBytesMax else {
            throw StoreError(.valueOutOfBounds, "a record may have \(Self.recordBytesMax) bytes, not \(bytes.count)")
        }
        // The pointer is taken outside: a closure over the array itself would count references under the lock.
        return try bytes.withUnsafeBytes { raw -> Result<Published?, StoreError> in
            writer.lock()
            defer { writer.unlock() }
            do throws(StoreError) {
                guard case .admitted = try committer.admit(durability, content: raw.count + 1) else {
                    return .success(nil)
                }
                return .success(try committer.publish(.bytes, content: raw.count + 1) { $0.copyMemory(from: raw) })
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// Drops records up to and including `lsn`. Call it if what they said is kept elsewhere.
    ///
    /// - Throws: `StoreError`. `ioError` poisons the journal; `diskFull` leaves it as it is.
    @available(*, noasync, message: "trim from a thread that may wait")
    public func trim(through lsn: LSN) throws(StoreError) {
        guard !fork.isForked else { throw Self.forkedError }
        while try !committer.withBackend({ (backend) throws(StoreError) in try backend.trim(through: lsn) }) {}
    }

    /// Commits what is published, notes a clean end and gives the journal up. A second call does nothing.
    ///
    /// - Throws: `StoreError`: the reason why records are not on the disk.
    @available(*, noasync, message: "close from a thread that may wait")
    public func close() throws(StoreError) {
        guard !fork.isForked else { throw Self.forkedError }
        closing.lock()
        defer { closing.unlock() }
        let reason = writer.withLock { committer.stop() }
        defer { lock.release() }
        try committer.close(marking: RunEnd(.clean, evidence: "the journal was closed"))
        if let reason { throw reason }
    }

    private static let forkedError = StoreError(
        .forked, "this handle belongs to the parent process: open the journal in a process of its own")
}
