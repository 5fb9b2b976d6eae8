public import WriteAheadJournal

/// How a store is opened. The defaults are safe: survive power loss, close at exit.
public struct StoreOptions: Sendable {
    /// The level of changes that do not name one. Default `.power`.
    public var durability = Durability.power

    /// Bytes of published changes that are not committed yet, above which writers wait: the tail's size. Default 4 MiB; 64
    /// KiB to 64 MiB (the nearer of them for a value outside), rounded up to a power of two. A single larger change is fine.
    public var tailBytes = 4 << 20

    /// The bound of the log, in bytes: this or twice the live state, whichever is more. A log of half that size is folded,
    /// and at the bound writers wait. Default 64 MiB; taken for 1 MiB where it is less.
    public var logBytesMax = 64 << 20

    /// Whether the store closes itself when the process ends in order. Default true. Correctness does not depend on it.
    public var closesAtExit = true

    /// Whether opening a path where nothing is makes a store there. Default true.
    public var createsStore = true

    /// How long a changing call waits while the disk is full, or another program holds SQLite's lock on the log, before it
    /// answers `notYetDurable`. Default 5 s.
    public var diskFullPatience = Duration.seconds(5)

    /// Whether a power cut may damage bytes beside those that are being written, in the same sector of the disk. Costs up to
    /// twice the log's bytes. Default false: today's drives do not do that (https://www.sqlite.org/psow.html).
    public var paranoidSectors = false

    /// Called for what a log would want to know. On any thread, and the store waits for it: be quick, and do not call the
    /// store.
    public var onEvent: (@Sendable (StateStore.Event) -> Void)?

    /// The SQLite VFS both databases are opened through; nil for the system's. For tests that inject faults.
    package var vfs: String?
    /// Deliberate faults for controls that must lose.
    package var sabotage = Committer.Sabotage()
    /// How long to wait for a lock whose owner may just be ending, in nanoseconds.
    package var lockPatience: UInt64 = 300_000_000
    /// How old records grow that nobody waits for before they are committed, in nanoseconds; nil for the default.
    package var ageMax: UInt64?
    /// How often a commit that found no space is tried again, in nanoseconds; nil for the default.
    package var retryInterval: UInt64?
    /// What the SQLite WAL of journal.db is kept at, in bytes; nil for the default.
    package var walBytesKept: Int?
    /// Frames in the SQLite WAL of state.db from which on a fold copies them into the file; nil for the default.
    package var stateFramesMax: Int?
    /// Room for a commit of so many bytes is kept in the SQLite WAL; nil for the default.
    package var reservedBytes: Int?
    /// The machine's boot; nil asks the system.
    package var boot: String?
    /// Whether the store checkpoints by itself; otherwise only when asked.
    package var checkpointsByItself = true

    /// The defaults.
    public init() {}

    func journalOptions() -> JournalOpening.Options {
        var options = JournalOpening.Options()
        options.vfs = vfs
        options.tearsSectors = paranoidSectors
        options.sabotage = sabotage
        options.lockPatience = lockPatience
        options.createsStore = createsStore
        options.walBytesKept = walBytesKept
        options.boot = boot
        options.limits.tailBytes = min(max(tailBytes, 64 << 10), 64 << 20)
        if let reservedBytes { options.limits.reservedBytes = reservedBytes }
        if let ageMax { options.limits.ageMax = ageMax }
        if let retryInterval { options.limits.retryInterval = retryInterval }
        // Ten years stand for ever, and leave a deadline within its 64 bits.
        let patience = min(max(diskFullPatience, .zero), .seconds(315_360_000)).components
        options.limits.patience =
            UInt64(patience.seconds) * 1_000_000_000 + UInt64(patience.attoseconds / 1_000_000_000)
        return options
    }
}

extension StateStore {
    /// What happened, for a log.
    public enum Event: Sendable {
        /// The store is open; how the last run ended and what was replayed.
        case opened(RecoveryReport)
        /// Everything up to the LSN is in the table `state`.
        case checkpointed(LSN, seconds: Double)
        /// A checkpoint failed; the log keeps everything. For want of space or of a lock the next one tries again; any other
        /// failure has poisoned the store.
        case checkpointFailed(StoreError)
        /// The store is closed, with the reason why changes are not durable, if there are any.
        case closed(StoreError?)
    }

    /// What opening found and did.
    public struct RecoveryReport: Sendable {
        /// How the last run ended, with evidence and confidence.
        public var lastEnd: RunEnd
        /// True when opening made the store.
        public var isNew: Bool
        /// Log records applied to the state of the last checkpoint.
        public var recordsReplayed: Int
        /// Those among them that were in the mapped tail alone: published, not committed when the run ended. Not counted by
        /// `openReadOnly`.
        public var recordsFromTail = 0
        /// Those of the tail that the journal once had and lost, which `discardReason` then tells.
        public var recordsResupplied = 0
        /// What was found altered or missing in the files, and what was done about it; empty for a sound store. Where
        /// something was put right or is lost, the files as found are in `evidence/`, and the sentence says so.
        public var damage: [String] = []
        /// Bytes behind the last commit in the log's file that are not a whole commit, and are dropped: as a rule what a
        /// crash cut short, which was never acknowledged. What else they can be: `damage`, and after a power cut `provenLSN`.
        public var bytesDiscarded: Int
        /// Why they were discarded; empty where there were none.
        public var discardReason: String
        /// The last record of the log as it was found.
        public var lastLSN: LSN
        /// The log is proved to be complete up to here: the sync mark. After a power cut the mark may be older than the log;
        /// that nothing of the log's end is lost is then what SQLite says, not what is proved.
        public var provenLSN = LSN.zero
        /// The keys found.
        public var keys: Int
        /// How long opening took, in seconds.
        public var seconds: Double
    }

    /// Where the store stands.
    public struct Statistics: Sendable {
        /// Keys in the state.
        public var keys: Int
        /// Bytes of keys and values.
        public var contentBytes: Int
        /// Bytes of memory the state takes, snapshots included.
        public var memoryBytes: Int
        /// The last record.
        public var lastLSN: LSN
        /// The last record that survives power loss.
        public var durableLSN: LSN
        /// The last record that is in the table `state`.
        public var checkpointLSN: LSN
        /// Whether `.process` changes are acknowledged in the mapped tail; false where the file system does not keep one,
        /// or for a store that was opened read-only.
        public var isTailMapped = false
        /// Records a power cut right now could take.
        public var recordsAtRisk: Int
        /// How long the oldest of them has waited, in milliseconds.
        public var millisecondsAtRisk: Double
        /// Bytes of records in the journal.
        public var logBytes: Int
        /// Syncs of the journal since opening.
        public var syncs: Int
        /// Group commits since opening.
        public var commits: Int
        /// How long replay would take at the next start if the process were killed now, in seconds: an estimate from this
        /// start's replay, or 1 M records/s.
        public var projectedReplaySeconds: Double
        /// The failure that keeps the store from accepting changes, if any.
        public var trouble: StoreError?

        /// Nothing is known but why.
        static func unknown(_ trouble: StoreError) -> Statistics {
            Statistics(
                keys: 0, contentBytes: 0, memoryBytes: 0, lastLSN: .zero, durableLSN: .zero, checkpointLSN: .zero,
                recordsAtRisk: 0, millisecondsAtRisk: 0, logBytes: 0, syncs: 0, commits: 0, projectedReplaySeconds: 0,
                trouble: trouble)
        }
    }
}
