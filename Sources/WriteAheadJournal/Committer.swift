// Group commit: records come in from many threads, go out in batches, and each caller learns what became of its own.
//
// A record's life here:
//   admit     under the lock: refused (and then it never existed), told to wait for room, or let in
//   publish   same lock: LSN, chained checksum, into `pending`; from here on it is never withdrawn
//   commit    one thread at a time, without the lock: `pending` becomes `inflight`, one transaction, one sync
//   answer    `durable` moves up; everyone at or below it is told
//
// Who commits: a synchronous caller that finds nobody committing does it itself (two hand-offs cost 10–30 µs); for async
// callers, and for records that only wait for their age, the committer's own thread does. `isCommitting` is the right to
// use the backend; it is taken and given back under the lock.
//
// After a commit that failed for want of space the batch stays `inflight` and is tried again; new callers are refused.
// After any other failure the journal is poisoned: nobody knows what the disk has, nothing is tried again.
//
// Why `@unchecked Sendable` is right: every mutable member is touched under `lock`, but for `inflight`, which belongs to
// whoever holds `isCommitting`.

package final class Committer: @unchecked Sendable {
    private enum Health {
        case sound
        /// Not committing for now: no space, or SQLite's lock is held by a stranger.
        case stalled(StoreError, retryAt: UInt64)
        case poisoned(StoreError)
        case closed
    }

    private struct Waiter {
        let lsn: LSN
        let deadline: UInt64
        let continuation: UnsafeContinuation<StoreError?, Never>
    }

    private let backend: any JournalBackend
    private let page: RunPage?
    private var limits: Limits
    private let sabotage: Sabotage

    private let lock = Lock()
    /// A commit has ended, or the health changed: for synchronous callers.
    private let settled = Condition()
    /// There is something to do: for the committer's thread.
    private let work = Condition()
    private var thread: WorkerThread?

    private var health = Health.sound
    private var isCommitting = false
    /// So many wait to use the backend for something else. No commit begins before them: callers that come back with their
    /// next change at once would else keep them out for seconds.
    private var backendWaiters = 0
    private var isStopping = false
    /// The committer's thread sleeps until it is called.
    private var isIdle = false
    private var pending = RecordBatch()
    private var pendingSince: UInt64 = 0
    private var inflight = RecordBatch()
    private var position: ChainPosition
    private var durable: LSN
    private var waiters: [Waiter] = []
    private var roomWaiters: [UnsafeContinuation<Void, Never>] = []
    private var lastGroup = 0
    private var commits = 0

    package init(
        backend: any JournalBackend, page: RunPage?, position: ChainPosition, limits: Limits,
        sabotage: Sabotage = .init()
    ) {
        self.backend = backend
        self.page = page
        self.limits = limits
        self.sabotage = sabotage
        // Nobody waits then, so that commits come by age alone; late ones, or a kill might find everything committed.
        if sabotage.acknowledgesBeforeCommit { self.limits.ageMax = 1_000_000_000 }
        self.position = position
        durable = position.lsn
    }

    package func start() throws(StoreError) {
        thread = try WorkerThread("backstay-commit") { [self] in run() }
    }

    // MARK: Admitting and publishing

    package enum Admission {
        case admitted
        /// The tail is full: wait for room without holding any lock, then ask again.
        case wait
    }

    /// Whether a change may be made now. The caller keeps other writers out until it publishes.
    package func admit(_ durability: Durability) throws(StoreError) -> Admission {
        lock.lock()
        defer { lock.unlock() }
        switch health {
        case .sound: break
        case .stalled(let error, _):
            if durability == .power || tailBytesUsed >= limits.tailBytes { throw error }
        case .poisoned(let error): throw Self.refusal(after: error)
        case .closed: throw Self.closedError
        }
        guard !isStopping else { throw Self.closedError }
        if let foldTrouble, logBytes >= logBytesMax { throw foldTrouble }
        return hasRoom ? .admitted : .wait
    }

    /// Publishes one record. Only after `admit` said so, with other writers kept out in between.
    package func publish(_ kind: RecordKind, body: (inout [UInt8]) -> Void) throws(StoreError) -> Published {
        lock.lock()
        defer { lock.unlock() }
        switch health {
        case .sound, .stalled: break
        case .poisoned(let error): throw Self.refusal(after: error)
        case .closed: throw Self.closedError
        }
        guard !isStopping else { throw Self.closedError }
        if pending.isEmpty {
            pendingSince = Platform.monotonicNanoseconds()
            // It may be that nobody waits for this record: then its age commits it.
            if isIdle { work.signal() }
        }
        let lsn = position.lsn.next
        let crc = pending.append(kind, lsn: lsn, after: position.chain, epoch: position.epoch, body: body)
        position.lsn = lsn
        position.chain = crc
        return Published(lsn: lsn, chain: crc)
    }

    package func waitForRoom() throws(StoreError) {
        lock.lock()
        while !hasRoom {
            if !isCommitting && backendWaiters == 0 && tailBytesUsed >= limits.tailBytes {
                commitHoldingLock()
            } else {
                settled.wait(lock)
            }
        }
        lock.unlock()
    }

    package func waitForRoom() async {
        await withUnsafeContinuation { continuation in
            lock.lock()
            if hasRoom {
                lock.unlock()
                continuation.resume()
            } else {
                roomWaiters.append(continuation)
                work.signal()
                lock.unlock()
            }
        }
    }

    /// Room, or a reason not to wait for it.
    private var hasRoom: Bool {
        guard case .sound = health, !isStopping else { return true }
        return tailBytesUsed < limits.tailBytes && (logBytes < logBytesMax || foldTrouble != nil)
    }

    private var tailBytesUsed: Int { pending.bytes.count + inflight.bytes.count }

    // MARK: The log's bound

    /// From `logBytesWanted` on `onLogPressure` is called after commits; at `logBytesMax` writers wait for a trim.
    private var logBytesWanted = Int.max
    private var logBytesMax = Int.max
    private var onLogPressure: (@Sendable () -> Void)?
    /// Why the log cannot be shortened. At its bound changes are refused with it, until a fold succeeds.
    private var foldTrouble: StoreError?

    /// Tells that the log could not be shortened, or, with nil, that it was.
    package func noteFold(_ trouble: StoreError?) {
        lock.lock()
        foldTrouble = trouble
        settled.broadcast()
        answerWaiters()
        lock.unlock()
    }

    /// Tells how large the log may grow, and whom to call when it is half as large.
    package func boundLog(_ bytes: Int, _ onPressure: @escaping @Sendable () -> Void) {
        lock.lock()
        logBytesMax = bytes
        logBytesWanted = bytes / 2
        onLogPressure = onPressure
        settled.broadcast()
        answerWaiters()
        lock.unlock()
    }

    // MARK: Waiting for the disk

    /// Returns when the record and every earlier one are durable. The calling thread may do the commit.
    package func waitDurable(_ lsn: LSN) throws(StoreError) {
        if sabotage.acknowledgesBeforeCommit { return }
        lock.lock()
        defer { lock.unlock() }
        var deadline: UInt64 = 0
        while durable < lsn {
            switch health {
            case .sound:
                if isCommitting || backendWaiters > 0 { settled.wait(lock) } else { commitHoldingLock() }
            case .stalled(let error, _):
                if deadline == 0 { deadline = Platform.monotonicNanoseconds() + limits.patience }
                work.signal()
                if !settled.wait(lock, until: deadline), durable < lsn, Platform.monotonicNanoseconds() >= deadline {
                    throw Self.notYet(error)
                }
            case .poisoned(let error): throw Self.unknown(error)
            case .closed: throw Self.unknown(Self.closedError)
            }
        }
    }

    package func waitDurable(_ lsn: LSN) async throws(StoreError) {
        if sabotage.acknowledgesBeforeCommit { return }
        let error: StoreError? = await withUnsafeContinuation { continuation in
            lock.lock()
            var answer: StoreError?
            switch health {
            case _ where durable >= lsn: break
            case .sound, .stalled:
                let deadline = Platform.monotonicNanoseconds() + limits.patience
                waiters.append(Waiter(lsn: lsn, deadline: deadline, continuation: continuation))
                if !isCommitting { work.signal() }
                lock.unlock()
                return
            case .poisoned(let error): answer = Self.unknown(error)
            case .closed: answer = Self.unknown(Self.closedError)
            }
            lock.unlock()
            continuation.resume(returning: answer)
        }
        if let error { throw error }
    }

    /// The last record that was given an LSN.
    package var last: LSN { lock.withLock { position.lsn } }

    /// The last record that is known to be durable.
    package var lastDurable: LSN { lock.withLock { durable } }

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
        lock.withLock {
            let isEmpty = pending.isEmpty && inflight.isEmpty
            var figures = Figures(
                last: position.lsn, durable: durable, pendingRecords: pending.count + inflight.count,
                pendingAge: isEmpty ? 0 : Platform.monotonicNanoseconds() &- pendingSince, commits: commits,
                logBytes: logBytes, syncs: syncs)
            if case .poisoned(let error) = health { figures.poisoned = error }
            if case .stalled(let error, _) = health { figures.stalled = error }
            return figures
        }
    }

    /// Read under the lock; written by whoever has the backend, when it is given back.
    private var logBytes = 0
    private var syncs = 0

    // MARK: Committing

    /// Called with the lock held and nobody committing; returns so. Lets the lock go meanwhile.
    private func commitHoldingLock() {
        isCommitting = true
        if inflight.isEmpty { swap(&inflight, &pending) }
        guard !inflight.isEmpty else {
            giveBack()
            return
        }
        inflight.seal()
        lock.unlock()

        var failure: StoreError?
        do throws(StoreError) {
            try backend.append(inflight)
            page?.markSynced(inflight.last)
        } catch {
            failure = error
        }

        lock.lock()
        if let failure {
            note(failure)
        } else {
            durable = inflight.last
            commits += 1
            inflight.clear()
            if case .stalled = health { health = .sound }
            if !pending.isEmpty { pendingSince = Platform.monotonicNanoseconds() }
            if backend.isMaintenanceDue { maintainHoldingLock() }
        }
        giveBack()
    }

    /// Upkeep of the engine's own log, after everyone in the batch has been answered.
    private func maintainHoldingLock() {
        settled.broadcast()
        answerWaiters()
        lock.unlock()
        var failure: StoreError?
        do throws(StoreError) {
            try backend.maintain()
        } catch {
            failure = error
        }
        lock.lock()
        // Upkeep that found no space or a reader in its way changed nothing and is tried again.
        if let failure, failure.code != .diskFull, failure.code != .busy { note(failure) }
    }

    private func giveBack() {
        logBytes = backend.logBytes
        syncs = backend.syncs
        isCommitting = false
        settled.broadcast()
        answerWaiters()
        if !waiters.isEmpty || isStopping { work.signal() }
        if logBytes >= logBytesWanted { onLogPressure?() }
    }

    private func note(_ error: StoreError) {
        switch error.code {
        case .diskFull, .busy:
            health = .stalled(error, retryAt: Platform.monotonicNanoseconds() + limits.retryInterval)
        default:
            page?.markPoisoned()
            health = .poisoned(error)
        }
    }

    /// Tells everyone whose answer is known. Called with the lock held; the continuations only enqueue their tasks.
    private func answerWaiters() {
        if !roomWaiters.isEmpty && hasRoom {
            for continuation in roomWaiters { continuation.resume() }
            roomWaiters.removeAll(keepingCapacity: true)
        }
        guard !waiters.isEmpty else { return }
        var verdict: StoreError?
        var isFinal = false
        var now: UInt64 = 0
        switch health {
        case .sound: break
        case .stalled(let error, _):
            verdict = Self.notYet(error)
            now = Platform.monotonicNanoseconds()
        case .poisoned(let error):
            verdict = Self.unknown(error)
            isFinal = true
        case .closed:
            verdict = Self.unknown(Self.closedError)
            isFinal = true
        }
        var left: [Waiter] = []
        for waiter in waiters {
            if waiter.lsn <= durable {
                waiter.continuation.resume(returning: nil)
            } else if let verdict, isFinal || now >= waiter.deadline {
                waiter.continuation.resume(returning: verdict)
            } else {
                left.append(waiter)
            }
        }
        lastGroup = waiters.count - left.count
        waiters = left
    }

    // MARK: The committer's thread

    private func run() {
        lock.lock()
        while true {
            let now = Platform.monotonicNanoseconds()
            let hasRecords = !pending.isEmpty || !inflight.isEmpty
            if isStopping && !isCommitting {
                // One last try, also where the disk was full a moment ago; then whoever still waits is told.
                switch health {
                case .sound where hasRecords:
                    commitHoldingLock()
                    continue
                case .stalled(_, let retryAt) where hasRecords && retryAt != .max:
                    commitHoldingLock()
                    if case .stalled(let error, _) = health { health = .stalled(error, retryAt: .max) }
                    continue
                default:
                    lock.unlock()
                    return
                }
            }
            var wake: UInt64 = .max
            var isDue = false
            switch health {
            case .sound:
                if hasRecords {
                    isDue = !waiters.isEmpty || !roomWaiters.isEmpty || now >= pendingSince &+ limits.ageMax
                    wake = pendingSince &+ limits.ageMax
                }
            case .stalled(_, let retryAt):
                isDue = now >= retryAt
                wake = min(retryAt, waiters.map(\.deadline).min() ?? .max)
                if !isDue { answerWaiters() }
            case .poisoned, .closed: break
            }
            if isDue && !isCommitting && backendWaiters == 0 {
                gather()
                if !isCommitting && backendWaiters == 0 { commitHoldingLock() }
            } else if isCommitting || backendWaiters > 0 {
                // Nobody is bound to call when the backend is given back: look again by oneself.
                work.wait(lock, until: now &+ min(limits.ageMax, limits.retryInterval))
            } else if wake == .max {
                isIdle = true
                work.wait(lock)
                isIdle = false
            } else {
                work.wait(lock, until: wake)
            }
        }
    }

    /// Waits a moment for the tasks that the last commit let go to come back with their next change, so that one sync
    /// serves them all instead of the first alone. Called with the lock held.
    private func gather() {
        guard lastGroup > 1, pending.count < lastGroup, inflight.isEmpty else { return }
        let end = Platform.monotonicNanoseconds() + 100_000
        var before = pending.count
        var quiet = 0
        while quiet < 4 && pending.count < lastGroup && Platform.monotonicNanoseconds() < end {
            lock.unlock()
            Platform.yield()
            lock.lock()
            quiet = pending.count == before ? quiet + 1 : 0
            before = pending.count
        }
    }

    // MARK: Using the backend for something else

    /// Runs the body with the backend to itself, between commits.
    package func withBackend<R>(_ body: (any JournalBackend) throws(StoreError) -> R) throws(StoreError) -> R {
        lock.lock()
        backendWaiters += 1
        while isCommitting { settled.wait(lock) }
        backendWaiters -= 1
        if case .poisoned(let error) = health {
            lock.unlock()
            throw Self.refusal(after: error)
        }
        if case .closed = health {
            lock.unlock()
            throw Self.closedError
        }
        isCommitting = true
        lock.unlock()
        do throws(StoreError) {
            let result = try body(backend)
            lock.lock()
            giveBack()
            lock.unlock()
            return result
        } catch {
            lock.lock()
            // An upkeep that found no space changed nothing; any other failure leaves the files unknown.
            if error.code != .diskFull && error.code != .busy { note(error) }
            giveBack()
            lock.unlock()
            throw error
        }
    }

    /// - Throws: `poisoned` once an I/O failure has made the files unknown: nothing may be synced or folded any more.
    package func checkSound() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if case .poisoned(let error) = health { throw Self.refusal(after: error) }
    }

    /// Poisons the journal for a failure found elsewhere (the checkpointer's database).
    package func poison(_ error: StoreError) {
        lock.lock()
        if case .poisoned = health {
        } else {
            note(StoreError(.ioError, error.message, cause: error.cause, location: error.location))
        }
        settled.broadcast()
        answerWaiters()
        lock.unlock()
    }

    /// Tries to commit what is published, while the thread goes on.
    ///
    /// - Returns: the reason why records are not durable, or nil.
    package func drain() -> StoreError? {
        do throws(StoreError) {
            try waitDurable(last)
            return nil
        } catch {
            return error
        }
    }

    /// Commits what is published and ends the thread. Afterwards nothing can be published.
    ///
    /// - Returns: the reason why records are not durable, or nil.
    package func stop() -> StoreError? {
        lock.lock()
        isStopping = true
        work.signal()
        lock.unlock()
        thread?.join()
        lock.lock()
        defer { lock.unlock() }
        var reason: StoreError?
        switch health {
        case .sound, .closed: break
        case .stalled(let error, _): reason = Self.notYet(error)
        case .poisoned(let error): reason = Self.unknown(error)
        }
        return reason
    }

    /// After `stop`: marks the end if there is one to mark, then closes the backend.
    package func close(marking end: RunEnd?) throws(StoreError) {
        lock.lock()
        while isCommitting { settled.wait(lock) }
        let isSound = if case .sound = health { true } else { false }
        var failure: StoreError?
        if isSound, let end {
            do throws(StoreError) {
                try maintainAtEnd()
                try backend.markEnd(end, at: Platform.wallMicroseconds())
            } catch {
                failure = error
                note(error)
            }
        }
        health = .closed
        backend.close()
        settled.broadcast()
        answerWaiters()
        lock.unlock()
        if let failure { throw failure }
    }

    /// Upkeep that finds no space, or a reader in its way, costs the next start some time and nothing else.
    private func maintainAtEnd() throws(StoreError) {
        do throws(StoreError) {
            try backend.maintain()
        } catch {
            if error.code != .diskFull && error.code != .busy { throw error }
        }
    }

    // MARK: The answers

    private static let closedError = StoreError(.closed, "the store is closed: open it again")

    private static func refusal(after error: StoreError) -> StoreError {
        StoreError(
            .poisoned,
            "an earlier failure made it unsafe to go on: close the store and open it again (\(error.message))",
            cause: error.cause, location: error.location)
    }

    private static func unknown(_ error: StoreError) -> StoreError {
        StoreError(
            error.code,
            "\(error.message); whether the change reached the disk is not known: close the store, open it again and look",
            cause: error.cause, location: error.location, outcome: .unknown)
    }

    private static func notYet(_ error: StoreError) -> StoreError {
        StoreError(
            .notYetDurable,
            "the change is applied but not durable yet (\(error.message)); it will be when that is over",
            cause: error.cause, location: error.location, outcome: .unknown)
    }
}
