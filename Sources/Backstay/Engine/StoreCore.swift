// What a store is made of, and the life of a change: admitted, published, applied, answered.
//
//   1. the writer's lock: one change at a time, so that log order is state order
//   2. admission by the committer: refused here or nowhere
//   3. publishing: the record has its LSN and is in the tail; from here on it is never withdrawn
//   4. applying to memory, before the lock is given up
//   5. outside every lock: waiting until it is durable
//
// The public handle is StateStore; it holds the core, and closes or abandons it when it goes. Threads hold parts of the
// core, never the handle.
//
// Why `@unchecked Sendable` is right: the closing state changes under `closing` alone; the rest never changes or is safe by
// itself.

internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

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
    private let page: RunPage?
    private let folderLock: FolderLock?
    private let replayRate: Double
    /// Of a store opened read-only: what of its view survives power loss, and what of it is in the table.
    private let viewed: (durable: LSN, checkpoint: LSN)?

    let fork = ForkGuard()
    private let writer = Lock()
    private let writerThread = Atomic<UInt>(0)
    private let closed = Atomic<Bool>(false)
    private let closing = Lock()
    private var isClosed = false
    /// The run that the store's records belong to.
    private let epoch: UInt64

    // MARK: Making one

    /// Opens a folder, recovering first.
    init(opening path: String, _ options: StoreOptions) throws(StoreError) {
        let start = Platform.monotonicNanoseconds()
        let opening = try JournalOpening(path, options.journalOptions())
        let memory = StoreMemory()
        var state: StateDatabase?
        var lastChange = LSN.zero
        var replaySeconds = 0.0
        do {
            let opened = try StateDatabase(
                folder: opening.folder, vfs: options.vfs, tearsSectors: options.paranoidSectors,
                framesMax: options.stateFramesMax ?? StateDatabase.framesMax)
            state = opened
            guard opened.meta.storeID == opening.storeID else {
                throw StoreError(
                    .damaged, "state.db belongs to another store than journal.db",
                    location: .init(file: opening.folder + "/state.db"))
            }
            try memory.load(opened.meta.rows) { try opened.load($0) }
            let replayStart = Platform.monotonicNanoseconds()
            var replay = StoreMemory.Replay(memory)
            try opening.replay(after: opened.meta.checkpoint, endOfRow: { replay.finish() }) { record in
                guard record.kind == .changes else { return }
                try replay.add(record.body)
                lastChange = record.lsn
            }
            replaySeconds = Double(Platform.monotonicNanoseconds() - replayStart) / 1e9
            let found = opening.position.lsn
            let parts = try opening.finish()
            committer = parts.committer
            page = parts.page
            folderLock = parts.lock
            epoch = opening.position.epoch
            // The run's own record, which is committed.
            memory.begin(
                at: Published(lsn: opening.position.lsn, chain: opening.position.chain, outlivesProcess: true))
            do {
                let checkpointer = try Checkpointer(
                    committer: parts.committer, memory: memory, state: opened, folder: opening.folder, options: options)
                try checkpointer.start(lastChange: lastChange)
                self.checkpointer = checkpointer
            } catch {
                _ = parts.committer.stop()
                try? parts.committer.close(marking: nil)
                throw error
            }
            recovery = StateStore.RecoveryReport(
                lastEnd: opening.lastEnd, isNew: opening.isNew, recordsReplayed: opening.replayedRecords,
                recordsFromTail: opening.recordsFromTail, recordsResupplied: opening.recordsResupplied,
                damage: opening.damage, bytesDiscarded: opening.discardedBytes, discardReason: opening.discardReason,
                lastLSN: found,
                provenLSN: opening.syncMark, keys: memory.figures.keys,
                seconds: Double(Platform.monotonicNanoseconds() - start) / 1e9)
        } catch {
            state?.close()
            opening.abandon()
            throw opening.keepingEvidence(Self.storeError(error, opening.folder))
        }
        let replayed = Double(opening.replayedRecords)
        replayRate = replayed >= 10_000 && replaySeconds > 0 ? replayed / replaySeconds : 1e6
        viewed = nil
        self.memory = memory
        self.options = options
        folder = opening.folder
        storeID = opening.storeID
        // Where 64 stores are open already this one goes unmarked: its verdict is then less sure, nothing else.
        if let page { _ = ExitHooks.registerCrashMark(page.crashMark) }
        options.onEvent?(.opened(recovery))
    }

    /// A store in memory: the same paths, with a journal that keeps nothing.
    init(inMemory options: StoreOptions) throws(StoreError) {
        let position = StoreFolder.origin(storeID: "memory")
        let limits = options.journalOptions().limits
        // Nothing outlives the process here, and nobody is told otherwise.
        let tail = try Tail(inMemory: limits.tailBytes, epoch: position.epoch, outlivesProcess: true)
        let committer = Committer(
            backend: ForgetfulBackend(), page: nil, tail: tail, position: position, limits: limits)
        try committer.start()
        self.committer = committer
        epoch = position.epoch
        self.options = options
        memory = StoreMemory()
        memory.begin(at: Published(lsn: position.lsn, chain: position.chain, outlivesProcess: true))
        checkpointer = nil
        page = nil
        folderLock = nil
        folder = nil
        storeID = StoreFolder.newStoreID()
        replayRate = 1e6
        viewed = nil
        recovery = StateStore.RecoveryReport(
            lastEnd: RunEnd(.none, evidence: "the store is in memory"), isNew: true, recordsReplayed: 0,
            bytesDiscarded: 0, discardReason: "", lastLSN: .zero, keys: 0, seconds: 0)
        options.onEvent?(.opened(recovery))
    }

    /// A view of a folder as of now, nothing written.
    init(reading path: String, vfs: String?) throws(StoreError) {
        let start = Platform.monotonicNanoseconds()
        let reader = try StoreReader(path, vfs: vfs)
        defer { reader.close() }
        let memory = StoreMemory()
        var replayed = 0
        var position: ChainPosition
        var durable = max(reader.base.lsn, reader.stateMeta.checkpoint.lsn, reader.syncMark)
        do {
            // Of a run that left no end the last row may not have been synced, and reading does not.
            let isSynced = try reader.isLive || reader.newestRun()?.end != nil
            guard reader.stateMeta.storeID == reader.storeID else {
                throw StoreError(
                    .damaged, "state.db belongs to another store than journal.db",
                    location: .init(file: reader.folder + "/state.db"))
            }
            try memory.load(reader.stateMeta.rows) { try reader.loadState($0) }
            position = try reader.records { record, time in
                if isSynced && time != nil { durable = max(durable, record.lsn) }
                guard record.lsn > reader.stateMeta.checkpoint.lsn else { return }
                replayed += 1
                if record.kind == .changes { try memory.replay(record.body) }
            }
            if reader.stateMeta.checkpoint.lsn > position.lsn { position = reader.stateMeta.checkpoint }
        } catch {
            throw Self.storeError(error, reader.folder)
        }
        recovery = StateStore.RecoveryReport(
            lastEnd: try reader.verdictOnLastRun() ?? RunEnd(.none, evidence: "the store is held: that run goes on"),
            isNew: false, recordsReplayed: replayed, damage: reader.damage, bytesDiscarded: 0,
            discardReason: "", lastLSN: position.lsn, provenLSN: reader.syncMark,
            keys: memory.figures.keys, seconds: Double(Platform.monotonicNanoseconds() - start) / 1e9)
        memory.begin(at: Published(lsn: position.lsn, chain: position.chain, outlivesProcess: true))
        epoch = position.epoch
        let view = (min(durable, position.lsn), reader.stateMeta.checkpoint.lsn)
        viewed = view
        self.memory = memory
        options = StoreOptions()
        folder = reader.folder
        storeID = reader.storeID
        committer = nil
        checkpointer = nil
        page = nil
        folderLock = nil
        replayRate = 1e6
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

    /// It was closed, or is being closed: changes are refused.
    var isOver: Bool { closed.load(ordering: .relaxed) }

    static let forkedError = StoreError(
        .forked, "this store was opened by the parent process: open it in a process of its own, after the parent")

    static let closedError = StoreError(.closed, "the store is closed: open it again")

    @inline(__always)
    private static var thread: UInt { Platform.threadIdentity }

    // MARK: Changes

    /// Runs `body` with the writer's lock when a change may be made. False: the tail is full, wait and come back.
    ///
    /// The body publishes, or throws before it does.
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
        // Who waited for the lock may have it from a close, which has everybody out before it drains.
        if isOver { throw Self.closedError }
        guard case .admitted = try committer.admit(durability, content: bytes + 1) else { return nil }
        return try body(committer)
    }

    /// Publishes operations and applies them. Inside `withAdmission` only.
    func publish(_ committer: Committer, operations: UnsafeRawBufferPointer) throws(StoreError) -> Published {
        // The body may have forked, and this be the child.
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

    // MARK: Upkeep

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
        let place = try Platform.resolved(path)
        guard try StoreFolder.examine(place) != .store else {
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

    // MARK: The end

    /// Commits, checkpoints, notes the end, gives the store up. The second time it does nothing.
    ///
    /// - Parameter end: nil for a store that is dropped: it drains and counts as not closed.
    func close(_ end: RunEnd?) throws(StoreError) {
        if isForked {
            throw StoreError(.forked, "this store was opened by the parent process: leave it to the parent")
        }
        if writerThread.load(ordering: .relaxed) == Self.thread {
            throw StoreError(.reentrant, "a body of transaction or update closed its own store: return first")
        }
        closing.lock()
        defer { closing.unlock() }
        guard !isClosed else { return }
        isClosed = true
        writer.lock()
        closed.store(true, ordering: .relaxed)
        writer.unlock()
        guard let committer else { return }
        checkpointer?.stop()
        let reason = committer.drain()
        var failure: StoreError?
        if reason == nil, end != nil, let checkpointer {
            do throws(StoreError) {
                try checkpointer.checkpoint()
                try checkpointer.settle()
            } catch {
                // The log has everything; only the next start takes longer. Poison, if it came to that, shows below.
                if error.code != .diskFull && error.code != .busy { failure = error }
            }
        }
        // It tries once more: what kept changes from the disk a moment ago may be over.
        if let late = committer.stop(), failure == nil { failure = late }
        do throws(StoreError) {
            try committer.close(marking: failure == nil ? end : nil)
        } catch {
            if failure == nil { failure = error }
        }
        checkpointer?.close()
        if let page { ExitHooks.unregisterCrashMark(page.crashMark) }
        folderLock?.release()
        options.onEvent?(.closed(failure))
        if let failure { throw failure }
    }

    /// In a forked child: threads, locks and connections are the parent's. Nothing is closed, nothing is freed.
    func abandonInChild() { _ = Unmanaged.passRetained(self) }

    /// How this process is ending, as the table `runs` words it.
    static func end(for reason: ExitHooks.Reason?) -> RunEnd {
        guard let reason else { return RunEnd(.clean, evidence: "the store was closed") }
        if let signal = reason.signal {
            return RunEnd(
                .signal, status: signal.rawValue, evidence: "\(signal.name) was handled, and the store closed itself")
        }
        if let text = reason.errorText {
            return RunEnd(.error, evidence: "an error ended the program, and the store closed itself: \(text)")
        }
        if reason == .normal {
            return RunEnd(.clean, evidence: "the process ended in order, and the store closed itself")
        }
        return RunEnd(
            .exit, status: reason.status, evidence: "exit() was called, and the store closed itself")
    }
}

/// Keeps nothing: for stores in memory.
private final class ForgetfulBackend: JournalBackend {
    func append(_ batch: RecordBatch) throws(StoreError) {}
    func trim(through lsn: LSN) throws(StoreError) -> Bool { true }
    func reserve(bytes: Int) throws(StoreError) {}
    func maintain() throws(StoreError) {}
    var isMaintenanceDue: Bool { false }
    func compact() throws(StoreError) {}
    func markEnd(_ end: RunEnd, at time: Int64) throws(StoreError) {}
    var logBytes: Int { 0 }
    var syncs: Int { 0 }
    func close() {}
}
