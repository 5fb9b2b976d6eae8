public import WriteAheadJournal

/// How a store is opened. The defaults are safe: survive power loss, close at exit.
public struct StoreOptions: Sendable {
    /// The level of changes that do not name one. Default `.power`.
    public var durability = Durability.power

    /// The tail's size: bytes of published changes that are not committed yet, above which writers wait. Default 4 MiB.
    /// It may be 64 KiB to 64 MiB; for a value outside, the nearer of them is taken. It is rounded up to a power of
    /// two. A single larger change is fine.
    public var tailBytes = 4 << 20

    /// The bound of the log, in bytes: this or twice the live state, whichever is more. A log of half that size is
    /// folded. At the bound writers wait. Default 64 MiB; less than 1 MiB counts as 1 MiB.
    public var logBytesMax = 64 << 20

    /// Whether the store closes itself when the process ends in order. Default true. Correctness does not depend on it.
    public var closesAtExit = true

    /// Whether opening makes a store if nothing is at the path. Default true.
    public var createsStore = true

    /// How long a changing call waits before it throws `notYetDurable`. It waits while the disk is full, or another
    /// program holds SQLite's lock on the log. Default 5 s.
    public var diskFullPatience = Duration.seconds(5)

    /// Whether a power cut may damage bytes beside those that are being written, in the same sector of the disk. True
    /// costs up to twice the log's bytes. Default false: today's drives do not do that
    /// (https://www.sqlite.org/psow.html).
    public var paranoidSectors = false

    /// Called for what a log would want to know. It is called on any thread, and the store waits for it: be quick, and
    /// do not call the store.
    public var onEvent: (@Sendable (StateStore.Event) -> Void)?

    /// The SQLite VFS both databases are opened through; nil for the system's. For tests that inject faults.
    package var vfs: String?
    /// How long to wait for a lock whose owner may just be ending, in nanoseconds.
    package var lockPatience: UInt64 = 300_000_000
    /// The age in nanoseconds at which records are committed that nobody waits for; nil for the default.
    package var ageMax: UInt64?
    /// How often a commit that found no space is tried again, in nanoseconds; nil for the default.
    package var retryInterval: UInt64?
    /// What the SQLite WAL of journal.db is kept at, in bytes; nil for the default.
    package var walBytesKept: Int?
    /// From so many frames in the SQLite WAL of state.db on, a fold copies them into the file; nil for the default.
    package var stateFramesMax: Int?
    /// Room for a commit of so many bytes is kept in the SQLite WAL; nil for the default.
    package var reservedBytes: Int?
    /// The machine's boot; nil asks the system.
    package var boot: String?
    /// Whether the store checkpoints by itself, and not only if asked.
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
