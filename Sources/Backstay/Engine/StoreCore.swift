// What a store is made of, and the life of a change: admitted, published, applied, acknowledged.
//
//   1. the writer's lock: one change at a time, so log order is state order
//   2. admission by the committer: no later step rejects a change
//   3. publishing: the record has its LSN and is in the tail; from here on it is never withdrawn
//   4. applying to memory, before the lock is given up
//   5. outside every lock: waiting until it is durable
//
// The public handle is StateStore. It holds the core, and closes or abandons it when it goes. Threads hold parts of the
// core, never the handle.
//
// Why `@unchecked Sendable` is right: the closing state changes under `closing` alone. The rest never changes or is
// safe by itself.

internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

final class StoreCore: @unchecked Sendable {
    let memory: StoreMemory
    let options: StoreOptions
    let recovery: StateStore.RecoveryReport
    /// The folder; nil for a store in memory.
    let folder: String?
    let storeID: String
    /// Nil for a store opened read-only.
    let committer: Committer?
    let checkpointer: Checkpointer?
    let page: RunPage?
    let folderLock: FolderLock?
    /// When the store was opened, in microseconds since 1970.
    let started = Clock.wallMicroseconds()
    private let replayRate: Double
    /// Of a store opened read-only: what of its view survives power loss, and what of it is in the table.
    private let viewed: (durable: LSN, checkpoint: LSN)?

    let fork = ForkGuard()
    let writer = Lock()
    let writerThread = Atomic<UInt>(0)
    let closed = Atomic<Bool>(false)
    let closing = Lock()
    var isClosed = false
    /// The run that the store's records belong to.
    private let epoch: UInt64

    /// What a store is made of once it is open. StoreCore+Opening.swift says how each kind comes to be.
    struct Parts {
        var memory: StoreMemory
        var options: StoreOptions
        var recovery: StateStore.RecoveryReport
        var folder: String?
        var storeID: String
        var epoch: UInt64
        var committer: Committer?
        var checkpointer: Checkpointer?
        var page: RunPage?
        var folderLock: FolderLock?
        /// Records a second.
        var replayRate = 1e6
        var viewed: (durable: LSN, checkpoint: LSN)?
    }

    init(_ parts: Parts) {
        memory = parts.memory
        options = parts.options
        recovery = parts.recovery
        folder = parts.folder
        storeID = parts.storeID
        epoch = parts.epoch
        committer = parts.committer
        checkpointer = parts.checkpointer
        page = parts.page
        folderLock = parts.folderLock
        replayRate = parts.replayRate
        viewed = parts.viewed
    }

    static func storeError(_ error: any Error, _ folder: String) -> StoreError {
        switch error {
        case let error as StoreError: error
        case let error as OperationCodec.Malformed:
            StoreError(
                .damaged, "a record's operations cannot be read (byte \(error.offset) of its body)",
                location: .init(file: folder + "/journal.db"))
        default: StoreError(.ioError, "\(error)", location: .init(file: folder))
        }
    }

    // MARK: Who may call

    /// Every call begins here: the right process, an open store, not inside one's own body.
    @inline(__always)
    func check() throws(StoreError) {
        if fork.isForked {
            throw Self.forkedError
        }
        if closed.load(ordering: .relaxed) { throw Self.closedError }
        if writerThread.load(ordering: .relaxed) == Self.thread {
            throw StoreError(
                .reentrant, "a body of transaction or update called its own store: use the transaction it was given")
        }
    }

    var isForked: Bool { fork.isForked }

    /// Whether it was closed or is being closed: changes are rejected.
    var isOver: Bool { closed.load(ordering: .relaxed) }

    static let forkedError = StoreError(
        .forked, "this store was opened by the parent process: open it in a process of its own, after the parent")

    static let closedError = StoreError(.closed, "the store is closed: open it again")

    @inline(__always)
    static var thread: UInt { Machine.threadIdentity }

    // MARK: Changes

    /// Runs `body` with the writer's lock if a change may be made. The body publishes, or throws before it does.
    ///
    /// - Returns: nil if the tail is full: wait and come back.
    func withAdmission<R>(
        _ durability: Durability, bytes: Int, _ body: (Committer) throws -> R
    ) throws -> R? {
        try check()
        guard let committer else {
            throw StoreError(.unsupported, "the store was opened read-only: open it with StateStore.open to change it")
        }
        writer.lock()
        writerThread.store(Self.thread, ordering: .relaxed)
        defer {
            writerThread.store(0, ordering: .relaxed)
            writer.unlock()
        }
        // Whoever waited for the lock may have it from a close. A close has everybody out before it drains.
        if isOver { throw Self.closedError }
        guard case .admitted = try committer.admit(durability, content: bytes + 1) else { return nil }
        return try body(committer)
    }

    /// Publishes operations and applies them. Inside `withAdmission` only.
    func publish(_ committer: Committer, operations: UnsafeRawBufferPointer) throws(StoreError) -> Published {
        // The body may have forked, and this may be the child.
        if fork.isForked { throw Self.forkedError }
        let published = try committer.publish(.changes, content: operations.count + 1) {
            $0.copyMemory(from: operations)
        }
        // Just encoded, so it can be read.
        do { try memory.apply(operations, of: published) } catch {
            preconditionFailure("operations just encoded cannot be read")
        }
        checkpointer?.noteChange(published.lsn)
        return published
    }

    func set(
        key: UnsafeRawBufferPointer, kind: ValueKind, value: UnsafeRawBufferPointer, _ durability: Durability
    ) throws(StoreError) -> Published? {
        try typed {
            let bytes = OperationCodec.setBytes(key: key.count, value: value.count)
            return try withAdmission(durability, bytes: bytes) { committer in
                let published = try committer.publish(.changes, content: bytes + 1) {
                    OperationCodec.writeSet(key: key, kind: kind.rawValue, value: value, to: $0)
                }
                memory.set(key: key, kind: kind.rawValue, value: value, of: published)
                checkpointer?.noteChange(published.lsn)
                return published
            }
        }
    }

    func remove(key: UnsafeRawBufferPointer, _ durability: Durability) throws(StoreError) -> Published? {
        try typed {
            let bytes = OperationCodec.removeBytes(key: key.count)
            return try withAdmission(durability, bytes: bytes) { committer in
                let published = try committer.publish(.changes, content: bytes + 1) {
                    OperationCodec.writeRemove(key: key, to: $0)
                }
                memory.remove(key: key, of: published)
                checkpointer?.noteChange(published.lsn)
                return published
            }
        }
    }

    /// Runs a body that only throws StoreError, through calls that cannot say so.
    @inline(__always)
    private func typed<R>(_ body: () throws -> R) throws(StoreError) -> R {
        do { return try body() } catch let error as StoreError { throw error } catch {
            preconditionFailure("not a StoreError: \(error)")
        }
    }

    /// The record that was applied last.
    var lastPublished: Published { memory.lastApplied }

    /// A view of the state and the last record in it.
    func freeze() throws(StoreError) -> (view: OrderedTree.View, record: Published) {
        try check()
        return memory.freeze()
    }

    private static func withBytes<R>(
        _ name: [UInt8], _ key: [UInt8], _ value: [UInt8],
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        try name.withUnsafeBytes { name in
            try key.withUnsafeBytes { key in try value.withUnsafeBytes { try body(name, key, $0) } }
        }
    }

    // MARK: Sync, checkpoint, compact, back up

    func sync() throws(StoreError) {
        try check()
        guard let committer else { return }
        try committer.waitDurable(committer.last)
    }

    func sync() async throws(StoreError) {
        try check()
        guard let committer else { return }
        try await committer.waitDurable(committer.last)
    }

    func checkpoint() throws(StoreError) {
        try sync()
        try checkpointer?.checkpoint()
    }

    func compact() throws(StoreError) {
        try sync()
        try checkpointer?.compact()
    }

    func backup(to path: String) throws(StoreError) {
        try sync()
        let place = try Files.resolved(path)
        guard try StoreFolder.classify(place) != .store else {
            throw StoreError(
                .notAStore, "there is a store at \(place) already: choose another place", location: .init(file: place))
        }
        try check()
        let (view, named, record) = memory.freezeAll()
        let position = ChainPosition(lsn: record.lsn, chain: record.chain, epoch: epoch)
        defer { memory.release(view) }
        do {
            let lock = try StoreFolder.create(place, vfs: options.vfs, storeID: storeID, position: position) { put in
                let empty = UnsafeRawBufferPointer(start: nil, count: 0)
                var cursor = view.makeCursor(from: empty)
                while let entry = cursor.next() { try put(empty, entry.key, entry.kind, entry.value) }
                for (name, values) in named {
                    for (key, value) in values {
                        try Self.withBytes(name, key, value.bytes) { try put($0, $1, value.kind, $2) }
                    }
                }
            }
            guard lock != nil else {
                throw StoreError(
                    .notAStore, "\(place) is not empty: choose another place", location: .init(file: place))
            }
        } catch {
            throw Self.storeError(error, place)
        }
    }

    var statistics: StateStore.Statistics {
        // In a forked child a lock may be held by a thread that is not there.
        if fork.isForked { return .unknown(Self.forkedError) }
        let state = memory.figures
        let journal = committer?.figures
        let last = journal?.last ?? memory.lastApplied.lsn
        let durable = journal?.durable ?? viewed?.durable ?? last
        let checkpoint = checkpointer?.checkpointLSN ?? viewed?.checkpoint ?? last
        return StateStore.Statistics(
            keys: state.keys, contentBytes: state.contentBytes, memoryBytes: state.memoryBytes, lastLSN: last,
            durableLSN: durable, checkpointLSN: checkpoint,
            isTailMapped: folder != nil && committer?.isTailMapped == true,
            recordsAtRisk: journal?.pendingRecords ?? Int(last.value - min(durable, last).value),
            millisecondsAtRisk: Double(journal?.pendingAge ?? 0) / 1e6, logBytes: journal?.logBytes ?? 0,
            syncs: journal?.syncs ?? 0, commits: journal?.commits ?? 0,
            projectedReplaySeconds: Double(last.value - min(checkpoint.value, last.value)) / replayRate,
            trouble: journal?.poisoned ?? journal?.stalled)
    }
}
