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
        options.paranoidSectors = paranoidSectors
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
