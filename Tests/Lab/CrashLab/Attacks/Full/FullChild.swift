// The child of the attack `full`: writers that are refused for want of space and go on, until the parent ends them.
//
// A writer whose change was refused, or whose change's fate is not known, goes on under another number: so each number's
// changes have no gap, and at most one that was not answered.

internal import Backstay
internal import CSQLite
internal import Drill
internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

struct FullChild: Sendable {
    enum Work: String, CaseIterable, Sendable {
        case appends
        /// Every change asks for `.process`, and nothing is committed for its age: the tail fills, then drains.
        case fillsTail
        case checkpoints, compacts
        /// Opens for reading alone, and tells what is there.
        case reads
    }

    /// What the three writers ask for; the numbers of each follow in steps of `Writers.stride`.
    enum Level: Int, CaseIterable, Sendable { case either, process, power }

    static let firstArgument = "--full-child"
    /// Changes larger than the room that is made sure of before one is admitted.
    private static let ballastMax = 150_000

    var work: Work
    var store: String
    var seed: UInt64
    /// Writers of earlier processes have lower numbers.
    var firstWriter = 0
    /// The size of a file that this process may make, from SIGUSR1 to SIGUSR2.
    var fileBytesMax: UInt64 = 0
    /// From the start on.
    var isLimited = false
    /// Whether SIGXFSZ, which comes with the limit, is ignored; else it ends the process.
    var ignoresLimitSignal = true
    /// A control: changes at `.power` are answered before they are made.
    var isEarly = false

    var arguments: [String] {
        [
            Self.firstArgument, work.rawValue, store, "\(seed)", "\(firstWriter)", "\(fileBytesMax)", "\(isLimited)",
            "\(ignoresLimitSignal)", "\(isEarly)",
        ]
    }

    init(_ work: Work, store: String, seed: UInt64) { (self.work, self.store, self.seed) = (work, store, seed) }

    init?(arguments: [String]) {
        guard arguments.count == 9, arguments[0] == Self.firstArgument, let work = Work(rawValue: arguments[1]),
            let seed = UInt64(arguments[3]), let firstWriter = Int(arguments[4]),
            let fileBytesMax = UInt64(arguments[5]), let isLimited = Bool(arguments[6]),
            let ignoresLimitSignal = Bool(arguments[7]), let isEarly = Bool(arguments[8])
        else { return nil }
        self.init(work, store: arguments[2], seed: seed)
        self.firstWriter = firstWriter
        self.fileBytesMax = fileBytesMax
        self.isLimited = isLimited
        self.ignoresLimitSignal = ignoresLimitSignal
        self.isEarly = isEarly
    }

    func run() throws {
        alarm(ChildProgram.alarmSeconds)
        ResourceLimit.core.set(0)
        takeOrders()
        Message.phase(.opening).send()
        do {
            if work == .reads { return try tell() }
            try ExitHooks.handleSignals([.terminate])
            let open = try StateStore.open(store, options: options)
            _ = Unmanaged.passRetained(open)
            Message.phase(.open).send()
            try start(open)
        } catch let error as StoreError {
            // An answer, for the parent to judge.
            Message.failed(code: error.code.rawValue).send()
            return
        } catch {
            Message.trouble("\(error)").send()
            throw error
        }
        while true { pause() }
    }

    private var options: StoreOptions {
        var options = StoreOptions()
        options.tailBytes = Writers.leastTail
        options.logBytesMax = 2 << 20
        options.diskFullPatience = .milliseconds(50)
        options.retryInterval = 10_000_000
        options.lockPatience = 5_000_000_000
        if work == .fillsTail { options.ageMax = UInt64(ChildProgram.alarmSeconds) * 1_000_000_000 }
        return options
    }

    // MARK: Orders of the parent

    /// For signal handlers, which have no context.
    private static let limit = Atomic<UInt64>(0)

    private func takeOrders() {
        Self.limit.store(fileBytesMax, ordering: .relaxed)
        if ignoresLimitSignal { signal(SIGXFSZ, SIG_IGN) }
        if isLimited { ResourceLimit.fileSize.set(fileBytesMax) }
        signal(SIGUSR1) { _ in ResourceLimit.fileSize.set(FullChild.limit.load(ordering: .relaxed)) }
        signal(SIGUSR2) { _ in
            ResourceLimit.fileSize.set(.max)
            // One write of one line, as everything here says: this one from a handler.
            _ = write(STDOUT_FILENO, "p room\n", 7)
        }
    }

    // MARK: Work

    private func start(_ open: StateStore) throws {
        for level in Level.allCases {
            _ = try WorkerThread("lab-full") { change(open, level) }
        }
        guard work == .checkpoints || work == .compacts else { return }
        _ = try WorkerThread("lab-full-upkeep") {
            while true {
                do throws(StoreError) {
                    if work == .compacts { try open.compact() } else { try open.checkpoint() }
                    usleep(500)
                } catch {
                    guard note(error) else { return }
                }
            }
        }
    }

    private func change(_ open: StateStore, _ level: Level) {
        var writer = firstWriter + level.rawValue
        var number = 1
        Message.began(writer: writer).send()
        while true {
            let change = Change(writer: writer, number: number)
            let durability = durability(of: change, level)
            let isEarly = isEarly && durability == .power
            if isEarly {
                Message.acknowledged(change, lsn: 0).send()
                usleep(Writers.earlyBy)
            }
            do {
                let receipt = try set(open, change, durability)
                if !isEarly { Message.acknowledged(change, lsn: receipt.lsn.value).send() }
                number += 1
                // At memory speed a store would grow faster than the next start can tell what is in it.
                if work == .fillsTail || level == .process { usleep(1_000) }
            } catch {
                let error = error as? StoreError ?? StoreError(.ioError, "\(error)")
                if !isEarly { (error.outcome == .rejected ? Message.refused(change) : .unknown(change)).send() }
                guard note(error) else { return }
                writer += Level.allCases.count
                number = 1
                Message.began(writer: writer).send()
            }
        }
    }

    /// The exit status of a child whose store was poisoned by a sync that failed.
    static let endsByFailedSync: Int32 = 75

    /// Whether there is a next time: the store is not closed or poisoned.
    private func note(_ error: StoreError) -> Bool {
        guard error.code != .closed else { return false }
        Message.failed(code: error.code.rawValue).send()
        // No store goes on behind a failed sync: the next start does.
        if error.cause == CSQLITE_IOERR_FSYNC { _exit(Self.endsByFailedSync) }
        if error.code != .diskFull && error.code != .notYetDurable {
            Message.trouble("\(error)").send()
            return false
        }
        usleep(5_000)
        return true
    }

    private func durability(of change: Change, _ level: Level) -> Durability {
        switch level {
        case _ where work == .fillsTail: .process
        case .either: change.durability
        case .process: .process
        case .power: .power
        }
    }

    private func set(_ open: StateStore, _ change: Change, _ durability: Durability) throws -> StateStore.Receipt {
        var random = SeededRandom(seed: seed, stream: UInt64(change.writer) << 32 | UInt64(change.number))
        let isBulky = change.number % 8 == 5
        let ballast = isBulky ? Int.random(in: 1_000...Self.ballastMax, using: &random) : 0
        return try open.transaction(durability: durability) { tx in
            // Gone again at the transaction's end: found in a store it would be half a transaction.
            let key = "half of \(change.key)"
            if isBulky { try tx.set(key, String(repeating: "x", count: ballast)) }
            try tx.put(change, seed: seed)
            if isBulky { try tx.remove(key) }
        }.receipt
    }

    private func tell() throws {
        let rows = try StateStore.openReadOnly(store).rows()
        for (key, word) in rows { Message.row(key: key, word: word).send() }
        Message.done(rows: rows.count).send()
    }
}
