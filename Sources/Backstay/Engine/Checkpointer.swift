// Folds committed journal rows into state.db, all the time. It has a thread and connections of its own, so no commit
// waits for it.
//
// A fold begins if one of these holds:
//   - the store is idle: nothing is new for a fifth of a second;
//   - the log has reached half its bound;
//   - somebody asks.
//
// A fold is one transaction up to a fixed LSN. Then the journal is trimmed up to the checkpoint *before*, in small
// transactions between commits. A crash at any moment costs nothing but the work. state.db is as of the last fold, and
// the journal still has every record after it.
//
// Why `@unchecked Sendable` is right: `state` and `follower` are used under `foldLock`, the rest under `lock`.

internal import Synchronization
internal import WriteAheadJournal

final class Checkpointer: @unchecked Sendable {
    private static let idleNanoseconds: UInt64 = 200_000_000
    /// One fold takes in at least so many bytes of keys and values, if there are as many.
    private static let foldBytesMin = 64 << 20

    /// The longest pause between two trimming transactions, in nanoseconds.
    private static let trimPauseMax: UInt64 = 5_000_000

    private let committer: Committer
    private let memory: StoreMemory
    private let state: StateDatabase
    private let follower: JournalFollower
    private let logBoundFloor: Int
    private let runsByItself: Bool
    private let onEvent: (@Sendable (StateStore.Event) -> Void)?

    private let foldLock = Lock()
    /// Under `foldLock`: whether the files are given up.
    private var isClosed = false
    private let lock = Lock()
    private let wake = Condition()
    private let isAsleep = Atomic<Bool>(false)
    private var isStopping = false
    private var isPressed = false
    private let lastChanged = Atomic<UInt64>(0)
    private var checkpointed: LSN
    private var thread: WorkerThread?

    init(
        committer: Committer, memory: StoreMemory, state: StateDatabase, folder: String, options: StoreOptions
    ) throws(StoreError) {
        self.committer = committer
        self.memory = memory
        self.state = state
        follower = try JournalFollower(folder: folder, vfs: options.vfs)
        logBoundFloor = max(options.logBytesMax, 1 << 20)
        runsByItself = options.checkpointsByItself
        onEvent = options.onEvent
        checkpointed = state.meta.checkpoint.lsn
    }

    /// - Parameter lastChange: the last record found that changes the state.
    func start(lastChange: LSN) throws(StoreError) {
        lastChanged.store(lastChange.value, ordering: .relaxed)
        boundLog()
        guard runsByItself else { return }
        thread = try WorkerThread("backstay-checkpoint") { [self] in loop() }
    }

    /// The last record that is in the table.
    var checkpointLSN: LSN { lock.withLock { checkpointed } }

    /// A record that changes the state was published. One caller at a time.
    func noteChange(_ lsn: LSN) {
        // Ordered with the thread's way to sleep: if the two pass each other, at least one sees the other.
        lastChanged.store(lsn.value, ordering: .sequentiallyConsistent)
        if isAsleep.load(ordering: .sequentiallyConsistent) { lock.withLock { wake.signal() } }
    }

    private var lastChange: LSN { LSN(lastChanged.load(ordering: .sequentiallyConsistent)) }

    private func boundLog() {
        committer.boundLog(logBound()) { [weak self] in self?.press() }
    }

    private func logBound() -> Int { max(logBoundFloor, 2 * memory.figures.contentBytes) }

    /// The log has reached half its bound.
    private func press() {
        lock.lock()
        if !isPressed {
            isPressed = true
            wake.signal()
        }
        lock.unlock()
    }

    // MARK: The thread

    private func loop() {
        lock.lock()
        var seen = LSN.zero
        while !isStopping {
            guard lastChange > checkpointed || isPressed else {
                isAsleep.store(true, ordering: .sequentiallyConsistent)
                if lastChange <= checkpointed { wake.wait(lock) }
                isAsleep.store(false, ordering: .relaxed)
                continue
            }
            if !isPressed {
                seen = lastChange
                wake.wait(lock, until: Clock.monotonicNanoseconds() + Self.idleNanoseconds)
                if isStopping { break }
                guard isPressed || seen == lastChange else { continue }
            }
            let wasPressed = isPressed
            isPressed = false
            lock.unlock()
            var failure: StoreError?
            do throws(StoreError) {
                try checkpoint(isAsked: false)
            } catch {
                failure = error
                if error.code != .closed { onEvent?(.checkpointFailed(error)) }
            }
            while memory.reclaim() {}
            lock.lock()
            guard let failure else { continue }
            if failure.code == .diskFull || failure.code == .busy {
                // It is tried again, but not at once. So is a trim that failed after its fold: writers wait for it.
                isPressed = isPressed || wasPressed
                if !isStopping { wake.wait(lock, until: Clock.monotonicNanoseconds() + 1_000_000_000) }
            } else {
                // A failed sync is never tried again.
                while !isStopping { wake.wait(lock) }
            }
        }
        lock.unlock()
    }

    // MARK: Checkpoints

    /// Folds everything that is durable now, on the calling thread.
    ///
    /// A fold that nobody asked for is not told of if it finds nothing. While a full disk keeps the newest change back,
    /// there are five of them a second.
    func checkpoint(isAsked: Bool = true) throws(StoreError) {
        let start = Clock.monotonicNanoseconds()
        try withFiles { () throws(StoreError) in
            let before = state.meta.checkpoint.lsn
            let target = committer.lastDurable
            while state.meta.checkpoint.lsn < target {
                // A fold may rewrite the whole table, so everything goes into one. What changed is no more than what
                // there is, but for removed keys.
                let fold = try follower.collect(
                    after: state.meta.checkpoint, through: target,
                    contentBytesMax: max(Self.foldBytesMin, memory.figures.contentBytes + Self.foldBytesMin / 8))
                guard !fold.isEmpty else { break }
                try state.apply(fold)
                try state.checkpointSQLite(force: false)
                let reached = fold.position.lsn
                lock.withLock { checkpointed = reached }
                try trim(through: state.meta.previous)
            }
            // A log that is still long consists of what the newest fold took in. Writers may be waiting for its end.
            if committer.figures.logBytes >= logBound() / 2 {
                try state.advance()
                try trim(through: state.meta.previous)
            }
            boundLog()
            guard isAsked || state.meta.checkpoint.lsn > before else { return }
            let seconds = Double(Clock.monotonicNanoseconds() - start) / 1e9
            onEvent?(.checkpointed(state.meta.checkpoint.lsn, seconds: seconds))
        }
    }

    /// Runs the body with `state.db` and the second connection to `journal.db` to itself. A failure that leaves the
    /// files unknown poisons the store. Then nothing is tried on them again.
    private func withFiles(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        foldLock.lock()
        defer { foldLock.unlock() }
        // A call that was let in before the close may get here after it.
        if isClosed { throw StoreCore.closedError }
        try committer.checkSound()
        do throws(StoreError) {
            try body()
            committer.noteFold(nil)
        } catch {
            switch error.code {
            case .diskFull: committer.noteFold(error)
            // Whoever holds the table's files lets go of them again. Writers at the log's bound wait for that.
            case .busy, .closed, .poisoned: break
            default: committer.poison(error)
            }
            throw error
        }
    }

    /// Trims in small transactions, as long apart as each took, so commits get at least half of the time. A writer that
    /// waits at the log's bound is let go as soon as it can be.
    private func trim(through lsn: LSN) throws(StoreError) {
        while true {
            let begun = Clock.monotonicNanoseconds()
            if try committer.withBackend({ (backend) throws(StoreError) in try backend.trim(through: lsn) }) { return }
            guard committer.figures.logBytes < logBound() else { continue }
            let took = Clock.monotonicNanoseconds() - begun
            Clock.sleep(nanoseconds: min(took, Self.trimPauseMax))
        }
    }

    /// Drops from the log all that the table has, and gives unused space back.
    func compact() throws(StoreError) {
        try checkpoint()
        try withFiles { () throws(StoreError) in
            // When the journal no longer has the newest fold, the table's SQLite WAL must not be all that has it.
            try state.copySQLiteWAL()
            try trim(through: state.meta.checkpoint.lsn)
            try state.compact()
            try committer.withBackend { (backend) throws(StoreError) in try backend.compact() }
        }
    }

    // MARK: The end

    /// Ends the thread. A fold that is under way is finished first.
    func stop() {
        lock.lock()
        isStopping = true
        wake.signal()
        lock.unlock()
        thread?.join()
    }

    /// After `stop`.
    func close() {
        foldLock.lock()
        isClosed = true
        follower.close()
        state.close()
        foldLock.unlock()
    }

    /// Copies the table's SQLite WAL into its file, at the end of a clean run.
    func copySQLiteWAL() throws(StoreError) {
        try withFiles { () throws(StoreError) in try state.checkpointSQLite(force: true) }
    }
}
