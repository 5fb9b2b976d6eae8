// What the processes of the attack `neighbours` do to a store that is not theirs alone.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct NeighbourChild {
    enum Part: String, Sendable {
        /// Waits for the store, makes some changes and closes, or is killed by itself in the middle.
        case takesTurn
        /// The same, and holds the store until it is killed.
        case holds
        /// Holds the store and makes changes until it is killed, while a thread of the same process opens and closes its
        /// files, which drops the process's POSIX locks on them.
        case dropsLocks
        /// Tries to open the store again and again, and says how often it was let in.
        case intrudes
        /// A control: the same, and takes the lock's file away before each try.
        case breaksIn
    }

    static let firstArgument = "--neighbour-child"

    var part: Part
    var store: String
    var seed: UInt64
    /// Its number as a writer.
    var writer: Int
    /// Changes it makes, where it does not make them until it is killed; tries of an intruder.
    var count: Int
    /// It kills itself after so many changes; 0 for never.
    var diesAfter = 0

    var arguments: [String] {
        [Self.firstArgument, part.rawValue, store, "\(seed)", "\(writer)", "\(count)", "\(diesAfter)"]
    }

    init(_ part: Part, store: String, seed: UInt64, writer: Int, count: Int) {
        (self.part, self.store, self.seed, self.writer, self.count) = (part, store, seed, writer, count)
    }

    init?(arguments: [String]) {
        guard arguments.count == 7, arguments[0] == Self.firstArgument, let part = Part(rawValue: arguments[1]),
            let seed = UInt64(arguments[3]), let writer = Int(arguments[4]), let count = Int(arguments[5]),
            let diesAfter = Int(arguments[6])
        else { return nil }
        self.init(part, store: arguments[2], seed: seed, writer: writer, count: count)
        self.diesAfter = diesAfter
    }

    func run() throws {
        alarm(ChildProgram.alarmSeconds)
        do {
            switch part {
            case .takesTurn, .holds: try takeTurn()
            case .dropsLocks: try dropLocks()
            case .intrudes, .breaksIn: try intrude()
            }
        } catch {
            Message.trouble("\(error)").send()
            throw error
        }
    }

    private func open(patience: UInt64) throws(StoreError) -> StateStore {
        var options = StoreOptions()
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.lockPatience = patience
        return try StateStore.open(store, options: options)
    }

    private func takeTurn() throws {
        // Everybody wants it; whoever has it makes a few changes.
        let open = try open(patience: UInt64(ChildProgram.alarmSeconds) * 1_000_000_000)
        Message.phase(.open).send()
        try change(open, 1...count)
        if part == .holds { while true { pause() } }
        try open.close()
        Message.phase(.closed).send()
    }

    /// - Parameter rest: microseconds behind each change.
    private func change(_ open: StateStore, _ numbers: ClosedRange<Int>, rest: UInt32 = 0) throws {
        Message.began(writer: writer).send()
        for number in numbers {
            if number == diesAfter { kill(getpid(), SIGKILL) }
            let change = Change(writer: writer, number: number)
            let receipt = try open.put(change, seed: seed, change.durability)
            Message.acknowledged(change, lsn: receipt.lsn.value).send()
            if rest > 0 { usleep(rest) }
        }
    }

    private func dropLocks() throws {
        let open = try open(patience: 5_000_000_000)
        let folder = store
        _ = try WorkerThread("lab-drop-locks") {
            while true {
                for name in ["journal.db", "journal.db-shm", "state.db", "lock"] {
                    let descriptor = openFile(folder + "/" + name)
                    if descriptor >= 0 { close(descriptor) }
                }
                usleep(200)
            }
        }
        Message.phase(.open).send()
        try change(open, 1...Int.max, rest: 1_000)
    }

    private func intrude() throws {
        var letIn = 0
        for _ in 0..<count {
            if part == .breaksIn { unlink(store + "/lock") }
            do throws(StoreError) {
                let open = try open(patience: 0)
                letIn += 1
                try open.close()
            } catch {
                guard error.code == .busy else { throw error }
            }
            usleep(500)
        }
        Message.done(rows: letIn).send()
    }
}

/// `open` by itself: the store's own method has the name.
private func openFile(_ path: String) -> Int32 { open(path, O_RDONLY | O_CLOEXEC) }
