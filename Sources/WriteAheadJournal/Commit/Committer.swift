// Group commit: records come in from many threads and leave in batches, and each caller learns what became of its own.
//
// A record's life here:
// 1. admit: the change is rejected, and will never appear; or it is told to wait for room; or it is admitted.
// 2. publish: the record gets an LSN and a chained checksum, and a place in the tail. From here on it is never
//    withdrawn. If the tail outlives the process, a `.process` caller is acknowledged now.
// 3. commit: one thread at a time, without the lock. The tail's records become one batch, one transaction, one sync.
// 4. acknowledge: `durable` moves up. Everyone at or below it is acknowledged, and the tail's space is given back.
//
// Committing is in Committer+Batch.swift. The end and other uses of the backend are in Committer+Close.swift.
//
// Admission and publishing take no lock of the committer. The callers keep other writers out, and `isOpen` says that
// nothing stands against a change. Everything else is found on the slow path, under `lock`.
//
// Who commits: a synchronous caller that finds nobody committing commits itself, because two hand-offs cost 10–30 µs.
// The committer's own thread (Committer+Thread.swift) commits in three cases:
// - for async callers;
// - for a tail that fills up;
// - for records that only wait for their age.
//
// `isCommitting` is the right to use the backend. It is taken and given back under the lock.
//
// After a commit that failed for want of space the batch stays `inflight` and is tried again. Meanwhile `.power`
// changes are rejected. Others are admitted while the tail has room and no oversize record waits.
//
// After a failure that leaves the files unknown the journal is poisoned: nothing is tried again.
//
// Why `@unchecked Sendable` is right: every mutable member is touched under `lock`, with two exceptions. `inflight`
// belongs to whoever holds `isCommitting`, and `position` belongs to whoever is the writer.

internal import Synchronization

/// Admits, publishes, commits and acknowledges the records of a journal.
package final class Committer: @unchecked Sendable {
    struct Waiter {
        let lsn: LSN
        /// When its patience ends. Patience begins with a stall; until then this is `.max`.
        var deadline: UInt64
        let continuation: UnsafeContinuation<StoreError?, Never>
    }

    /// A record that does not fit into the tail, on its way to the journal as a batch of its own.
    final class Oversize {
        /// Belongs to whoever holds `isCommitting`.
        var batch: RecordBatch
        /// Where the records before it end in the tail, and where those after it begin.
        let end: UInt64
        let resume: UInt64

        init(_ batch: RecordBatch, end: UInt64, resume: UInt64) {
            self.batch = batch
            self.end = end
            self.resume = resume
        }
    }

    let backend: any JournalBackend
    let page: RunPage?
    let tail: Tail
    /// The same tail without reference counting, for the two calls of every change.
    private let ring: Unmanaged<Tail>
    private let outlivesProcess: Bool
    let limits: Limits

    let lock = Lock()
    /// A commit has ended, or the health has changed: for synchronous callers.
    let commitEnded = Condition()
    /// There is something to do: for the committer's thread.
    let work = Condition()
    var thread: WorkerThread?

    var health = Health.sound
    var isCommitting = false
    /// How many wait to use the backend for something else. No commit begins before they have used it: callers that
    /// return at once with their next change would otherwise keep them out for seconds.
    var backendWaiters = 0
    var isStopping = false
    /// The committer's thread sleeps until it is called.
    var isIdle = false
    /// When the oldest record that is not committed was published; 0 if there is none.
    var pendingSince: UInt64 = 0
    /// The tail is half full: the thread commits whether or not anybody waits.
    var isFilling = false
    let inflight = Inflight()
    var oversize: Oversize?
    private var position: ChainPosition
    var durable: LSN
    var waiters: [Waiter] = []
    var roomWaiters: [(content: Int, continuation: UnsafeContinuation<Void, Never>)] = []
    var lastGroup = 0
    var commits = 0

    /// Nothing stands against a change but the tail's room.
    private let isOpen = Atomic<Bool>(true)
    private let lastLSN: Atomic<UInt64>

    package init(
        backend: any JournalBackend, page: RunPage?, tail: Tail, position: ChainPosition, limits: Limits
    ) {
        self.backend = backend
        self.page = page
        self.tail = tail
        ring = .passUnretained(tail)
        outlivesProcess = tail.outlivesProcess
        self.limits = limits
        self.position = position
        durable = position.lsn
        lastLSN = Atomic(position.lsn.value)
    }

    package func start() throws(StoreError) {
        thread = try WorkerThread("backstay-commit") { [self] in loop() }
    }

    // MARK: Admitting and publishing

    /// The answer to a change that wants to be published.
    package enum Admission {
        case admitted
        /// The tail is full: wait for room without holding any lock, then ask again.
        case wait
    }

    /// Whether a change may be made now whose record has `content` bytes of kind and body. The caller keeps other
    /// writers out until it publishes.
    @inline(__always)
    package func admit(_ durability: Durability, content: Int) throws(StoreError) -> Admission {
        if isOpen.load(ordering: .acquiring) && ring._withUnsafeGuaranteedRef({ $0.hasRoom(content) }) {
            return .admitted
        }
        return try admitSlowly(durability, content)
    }

    private func admitSlowly(_ durability: Durability, _ content: Int) throws(StoreError) -> Admission {
        let (stall, mayWait) = try objection(to: durability)
        if mayWait { return .wait }
        if content > tail.contentBytesMax {
            if let stall { throw stall }
            return .admitted
        }
        if tail.hasRoom(content) { return .admitted }
        if try tail.makeRoom(content) { return .admitted }
        if let stall { throw stall }
        return .wait
    }

    /// What stands against a change. It is thrown, or it is a stall that does not matter while the tail has room, or it
    /// is something to wait for.
    private func objection(to durability: Durability) throws(StoreError) -> (stall: StoreError?, mayWait: Bool) {
        lock.lock()
        defer { lock.unlock() }
        if let rejection = health.rejection { throw rejection }
        let stall = health.stall
        if let stall, durability == .power || oversize != nil { throw stall }
        guard !isStopping else { throw Self.closedError }
        guard logBytes >= logBound else { return (stall, oversize != nil) }
        if let foldStall { throw foldStall }
        return (stall, stall == nil)
    }

    /// Publishes one record. `admit` must have said yes, with other writers kept out since then. If the record turns
    /// out too large for the tail's room, it becomes oversize: it is durable only after its commit, whatever the level.
    ///
    /// - Parameters:
    ///   - content: the bytes of kind and body.
    ///   - fill: writes the body.
    @inline(__always)
    package func publish(
        _ kind: RecordKind, content: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(StoreError) -> Published {
        if !isOpen.load(ordering: .acquiring) { try checkOpen() }
        if !ring._withUnsafeGuaranteedRef({ $0.hasRoom(content) }) {
            guard try tail.makeRoom(content) else {
                try checkNotStalled()
                return publishOversize(kind, content, fill)
            }
        }
        let lsn = position.lsn.next
        let appended = ring._withUnsafeGuaranteedRef {
            $0.append(kind, lsn: lsn, after: position.chain, content: content, fill)
        }
        position.lsn = lsn
        position.chain = appended.crc
        lastLSN.store(lsn.value, ordering: .releasing)
        if appended.isFirst || appended.beginsStripe { noteRecord(appended.isFirst) }
        return Published(lsn: lsn, chain: appended.crc, outlivesProcess: outlivesProcess)
    }

    private func checkOpen() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if let rejection = health.rejection { throw rejection }
        guard !isStopping else { throw Self.closedError }
    }

    /// An oversize record needs its commit now, and keeps all others out until then.
    private func checkNotStalled() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if let stall = health.stall { throw stall }
    }

    private func publishOversize(
        _ kind: RecordKind, _ content: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Published {
        let lsn = position.lsn.next
        var batch = RecordBatch()
        let crc = batch.append(kind, lsn: lsn, after: position.chain, epoch: position.epoch) { bytes in
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: content - 1))
            bytes.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
        }
        position.lsn = lsn
        position.chain = crc
        let (end, resume) = tail.leaveStripe()
        lock.lock()
        oversize = Oversize(batch, end: end, resume: resume)
        updateGate()
        lock.unlock()
        lastLSN.store(lsn.value, ordering: .releasing)
        noteRecord(true)
        return Published(lsn: lsn, chain: crc, outlivesProcess: false)
    }

    /// Makes sure that the record is committed even if nobody waits for it: by its age, or because the tail fills up.
    private func noteRecord(_ isFirst: Bool) {
        let fills = tail.bytesUsed >= tail.capacity / 2
        guard isFirst || fills else { return }
        lock.lock()
        if pendingSince == 0 { pendingSince = Clock.monotonicNanoseconds() }
        let wasFilling = isFilling
        if fills { isFilling = true }
        if isIdle || (isFilling && !wasFilling) { work.signal() }
        lock.unlock()
    }

    /// Under the lock, after a change in anything that stands against changes.
    func updateGate() {
        let hasNoOversize = oversize == nil
        var isOpen = !isStopping && hasNoOversize && logBytes < logBound
        if !health.isSound { isOpen = false }
        self.isOpen.store(isOpen, ordering: .releasing)
    }

    /// Whether anything is published and not committed. What is in the batch under way is also in the tail, or in
    /// `oversize`, until it is committed. So the batch, which belongs to whoever commits, need not be looked at.
    var hasRecords: Bool { oversize != nil || !tail.isDrained }

    // MARK: Acknowledging

    /// Returns when the change has reached its level.
    ///
    /// - Returns: the level it has reached.
    @inline(__always)
    package func acknowledge(_ published: Published, _ level: Durability) throws(StoreError) -> Durability {
        if level == .process && published.outlivesProcess { return .process }
        try waitDurable(published.lsn)
        return .power
    }

    package func acknowledge(_ published: Published, _ level: Durability) async throws(StoreError) -> Durability {
        if level == .process && published.outlivesProcess { return .process }
        try await waitDurable(published.lsn)
        return .power
    }

    // MARK: The log's bound

    /// From `foldThreshold` on `onLogPressure` is called after commits. At `logBound` writers wait for a trim.
    var foldThreshold = Int.max
    var logBound = Int.max
    var onLogPressure: (@Sendable () -> Void)?
    /// Why the log cannot be shortened. At its bound, changes are rejected with this error until a fold succeeds.
    var foldStall: StoreError?

    /// Notes that the log could not be shortened, or, with nil, that it was.
    package func noteFold(_ trouble: StoreError?) {
        lock.lock()
        foldStall = trouble
        updateGate()
        commitEnded.broadcast()
        acknowledgeWaiters()
        lock.unlock()
    }

    /// Sets how large the log may grow, and whom to call when it is half that large.
    package func boundLog(_ bytes: Int, _ onPressure: @escaping @Sendable () -> Void) {
        lock.lock()
        logBound = bytes
        foldThreshold = bytes / 2
        onLogPressure = onPressure
        updateGate()
        commitEnded.broadcast()
        acknowledgeWaiters()
        lock.unlock()
    }

    /// The last record that was given an LSN.
    package var last: LSN { LSN(lastLSN.load(ordering: .acquiring)) }

    /// Whether records outlive the process once they are published.
    package var isTailMapped: Bool { outlivesProcess }

    /// The last record that is known to be durable.
    package var lastDurable: LSN { lock.withLock { durable } }

    /// Counts and states for reports.
    package struct Figures: Sendable {
        package var last: LSN
        package var durable: LSN
        package var pendingRecords: Int
        package var pendingAge: UInt64
        package var commits: Int
        package var poisoned: StoreError?
        package var stalled: StoreError?
        package var logBytes: Int
        package var syncs: Int
    }

    package var figures: Figures {
        let last = last
        return lock.withLock {
            let age = pendingSince == 0 ? 0 : Clock.monotonicNanoseconds() &- pendingSince
            var figures = Figures(
                last: max(last, durable), durable: durable,
                pendingRecords: last > durable ? Int(last.value - durable.value) : 0, pendingAge: age, commits: commits,
                logBytes: logBytes, syncs: syncs)
            if case .poisoned(let error) = health { figures.poisoned = error }
            figures.stalled = health.stall
            return figures
        }
    }

    /// Read under the lock. Whoever has the backend writes them when it is given back.
    var logBytes = 0
    var syncs = 0
}
