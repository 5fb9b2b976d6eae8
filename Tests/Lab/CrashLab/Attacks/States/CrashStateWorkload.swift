// What is done to a store while it is recorded: steps that the seed fixes, each in one of the ways a program uses a store.
//
// One thread makes all changes, and the store neither checkpoints nor commits by itself. So the same seed gives the same
// operations on the files, but for numbers that are drawn or told by a clock (epochs, salts, times).

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct CrashStateWorkload: Sendable {
    enum Profile: String, CaseIterable, Sendable {
        /// Single `.power` changes.
        case singles
        /// Both levels.
        case mixed
        /// Several changes as one.
        case transactions
        /// Values of up to 64 KiB, which make the SQLite WAL begin anew again and again.
        case large
        /// Checkpoints, trims and compaction in the middle.
        case upkeep
        /// The store is closed, or dropped, and opened again.
        case reopening
        /// All of it.
        case all
    }

    enum Step: Sendable {
        /// Sets keys, or removes them where there is no value, in one record.
        case change([(key: String, value: CrashStateValue?)], Durability)
        case sync
        case checkpoint
        case compact
        case close
        case drop
    }

    let profile: Profile
    private(set) var steps: [Step] = []
    /// How the store comes to be that the recording begins with.
    let start: Start
    /// Ring of the tail; that of the second run where it differs.
    let tailBytes: [Int]
    let walBytesKept: Int
    let paranoidSectors: Bool

    enum Start: CaseIterable, Sendable {
        /// Made, and never opened: its databases have no SQLite WAL.
        case made
        case closed
        /// Dropped without being closed.
        case dropped
    }

    /// - Parameter isSmall: as few steps as make sense, for a test's few seconds.
    init(seed: UInt64, number: Int, isSmall: Bool = false) {
        var random = SeededRandom(seed: seed, name: "states \(number)")
        profile = Profile.allCases[number % Profile.allCases.count]
        start = [.closed, .closed, .closed, .made, .dropped].randomElement(using: &random) ?? .closed
        paranoidSectors = Int.random(in: 0..<6, using: &random) == 0
        // Of 64 KiB it is too small for what is reserved, and grows to a megabyte.
        let small = [128 << 10, 80 << 10, 80 << 10].randomElement(using: &random) ?? 80 << 10
        walBytesKept = Int.random(in: 0..<8, using: &random) == 0 ? 64 << 10 : small
        tailBytes = Int.random(in: 0..<4, using: &random) == 0 ? [64 << 10, 128 << 10] : [64 << 10]
        let count = isSmall ? 10 : profile == .large ? 20 : 32
        while changes < count { addSteps(&random) }
        if profile == .upkeep || profile == .all { steps.append(.compact) }
        if profile != .singles && profile != .mixed { steps.append(Bool.random(using: &random) ? .close : .drop) }
    }

    private mutating func addSteps(_ random: inout SeededRandom) {
        let isMixed = profile != .singles && Bool.random(using: &random)
        let level: Durability = isMixed ? .process : .power
        let largest =
            profile == .large || profile == .all
            ? [200, 2_000, 9_000, 65_536].randomElement(using: &random) ?? 200
            : [40, 200, 200, 4_000].randomElement(using: &random) ?? 40
        func key(_ random: inout SeededRandom) -> String {
            let number = Int.random(in: 0..<24, using: &random)
            return number == 0 ? String(repeating: "a long key ", count: 40) : "key \(number)"
        }
        func value(_ random: inout SeededRandom) -> CrashStateValue? {
            Int.random(in: 0..<8, using: &random) == 0 ? nil : .random(0...largest, &random)
        }
        if profile == .transactions || profile == .all && Bool.random(using: &random) {
            var changes: [(key: String, value: CrashStateValue?)] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) { changes.append((key(&random), value(&random))) }
            steps.append(.change(changes, level))
        } else {
            steps.append(.change([(key(&random), value(&random))], level))
        }
        let upkeep = profile == .upkeep || profile == .all
        switch Int.random(in: 0..<24, using: &random) {
        case 0 where profile != .singles: steps.append(.sync)
        case 1...4 where upkeep: steps.append(.checkpoint)
        case 5 where upkeep: steps.append(.compact)
        case 6...7 where profile == .reopening || profile == .all: steps.append(.close)
        case 8...9 where profile == .reopening || profile == .all: steps.append(.drop)
        default: break
        }
    }

    /// How many changes there are.
    var changes: Int {
        steps.reduce(0) { count, step in
            if case .change = step { count + 1 } else { count }
        }
    }

    // MARK: On a store

    /// How every run of the store is opened: as small as it gets, and doing nothing by itself.
    func options(run: Int = 0, boot: String) -> StoreOptions {
        var options = StoreOptions()
        options.tailBytes = tailBytes[run % tailBytes.count]
        options.closesAtExit = false
        options.createsStore = false
        options.paranoidSectors = paranoidSectors
        options.walBytesKept = walBytesKept
        options.stateFramesMax = 12
        options.reservedBytes = 8 << 10
        options.boot = boot
        options.checkpointsByItself = false
        options.ageMax = 3_600_000_000_000
        return options
    }

    static let boot = "the boot before the crash"

    /// Makes the store that the recording begins with, and notes in `oracle` what is in it.
    func begin(_ folder: String, _ oracle: inout CrashStateOracle) throws {
        let id = StoreFolder.newStoreID()
        let lock = try StoreFolder.create(folder, vfs: nil, storeID: id, position: StoreFolder.origin(storeID: id))
        lock?.release()
        guard start != .made else { return }
        let store = try StateStore.open(folder, options: options(boot: Self.boot))
        for (key, value) in [("key 1", "from before"), ("key 30", "stays")] {
            try store.set(key, value)
            oracle.begin(key, .text(value))
        }
        try store.checkpoint()
        try store.set("key 2", 7)
        oracle.begin("key 2", .int(7))
        if start == .closed { try store.close() }
    }

    /// Takes the steps, and marks what was begun and what was answered. The recording is running.
    ///
    /// - Parameter early: a control: changes are marked as answered before they are made.
    func play(_ folder: String, early: Bool = false) throws {
        var run = 0
        func open() throws -> StateStore {
            var options = options(run: run, boot: Self.boot)
            options.vfs = FaultVFS.name
            run += 1
            return try StateStore.open(folder, options: options)
        }
        var store: StateStore? = try open()
        var number = 0
        var unsynced = 0
        for step in steps {
            if case .drop = step {
                store = nil
                store = try open()
                unsynced = 0
                continue
            }
            guard let now = store else { break }
            switch step {
            case .change(let changes, let level):
                let bytes = changes.reduce(0) { $0 + $1.key.utf8.count + ($1.value?.stored.bytes.count ?? 0) + 64 }
                // A tail that is half full is committed by a thread of its own, at a moment that no seed fixes.
                if unsynced > 0 && unsynced + bytes > 28 << 10 {
                    try now.sync()
                    Recording.mark(.survivesPower(number))
                    unsynced = 0
                }
                number += 1
                Recording.mark(.submitted(number))
                if early { Recording.mark(level == .power ? .survivesPower(number) : .survivesProcess(number)) }
                let reached = try Self.make(changes, bytes > 24 << 10 ? .power : level, now)
                Recording.mark(reached == .power ? .survivesPower(number) : .survivesProcess(number))
                unsynced = reached == .power ? 0 : unsynced + bytes
            case .sync:
                try now.sync()
                Recording.mark(.survivesPower(number))
                unsynced = 0
            case .checkpoint:
                try now.checkpoint()
                Recording.mark(.survivesPower(number))
                unsynced = 0
            case .compact:
                try now.compact()
                Recording.mark(.survivesPower(number))
                unsynced = 0
            case .close:
                try now.close()
                Recording.mark(.survivesPower(number))
                unsynced = 0
                store = try open()
            case .drop: break
            }
        }
    }

    private static func make(
        _ changes: [(key: String, value: CrashStateValue?)], _ level: Durability, _ store: StateStore
    ) throws -> Durability {
        if changes.count == 1, let (key, value) = changes.first {
            switch value {
            case .int(let number)?: return try store.set(key, number, durability: level).durability
            case .text(let text)?: return try store.set(key, text, durability: level).durability
            case .bytes(let bytes)?: return try store.set(key, bytes, durability: level).durability
            case nil: return try store.remove(key, durability: level).durability
            }
        }
        let made = try store.transaction(durability: level) { tx in
            for (key, value) in changes {
                switch value {
                case .int(let number)?: try tx.set(key, number)
                case .text(let text)?: try tx.set(key, text)
                case .bytes(let bytes)?: try tx.set(key, bytes)
                case nil: try tx.remove(key)
                }
            }
        }
        return made.receipt.durability
    }
}
