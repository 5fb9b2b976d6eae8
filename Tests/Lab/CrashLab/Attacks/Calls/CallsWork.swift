// What the attack `calls` interrupts: ten pieces of work, each a child of its own with one caller, so that its system calls
// come in nearly the same order each time.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// One piece of work on a store.
enum CallsWork: String, CaseIterable, Sendable {
    /// Makes the store and puts ten changes into it.
    case create
    /// Opens a store that was closed.
    case open
    /// Opens one whose owner was killed, with records in the tail alone.
    case recover
    case power, process, transactions
    /// A record that the tail does not take.
    case oversize
    case checkpoint, compact
    /// Copies the store, then goes on.
    case backup

    /// So many changes are on their way at once.
    var ahead: Int {
        switch self {
        case .transactions: 3
        case .oversize: CallsChild.oversized.count
        default: 1
        }
    }

    /// What the store is like before: nil for none.
    var start: Start? {
        switch self {
        case .create: nil
        case .recover: .killed
        default: .closed
        }
    }

    enum Start: Sendable { case closed, killed }

    static let firstArgument = "--calls-child"

    /// The first writer of the child; the one that made the store before is 0.
    static let writer = 1

    /// - Parameter early: a control: changes are answered before they are committed.
    func arguments(store: String, seed: UInt64, early: Bool = false) -> [String] {
        [Self.firstArgument, rawValue, store, "\(seed)", "\(early)"]
    }

    /// True when the arguments were a child's and it has done its work.
    static func play(_ arguments: [String]) throws -> Bool {
        guard arguments.count == 5, arguments[0] == firstArgument, let work = CallsWork(rawValue: arguments[1]),
            let seed = UInt64(arguments[3]), let early = Bool(arguments[4])
        else { return false }
        alarm(ChildProgram.alarmSeconds)
        do {
            try CallsChild(store: arguments[2], seed: seed, isEarly: early).run(work)
        } catch let error as StoreError {
            // An error is an answer. What must not be is a crash, or an answer that is not true.
            Message.failed(code: error.code.rawValue).send()
            Message.done(rows: 0).send()
            return true
        }
        Message.done(rows: 0).send()
        return true
    }
}

/// The child's side. One caller; each answer is told before the next call.
struct CallsChild {
    let store: String
    let seed: UInt64
    var isEarly = false

    static func open(_ path: String, early: Bool = false) throws(StoreError) -> StateStore {
        var options = StoreOptions()
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.lockPatience = 200_000_000
        options.diskFullPatience = .milliseconds(200)
        options.retryInterval = 10_000_000
        options.sabotage.acknowledgesBeforeCommit = early
        return try StateStore.open(path, options: options)
    }

    func run(_ work: CallsWork) throws {
        Message.began(writer: CallsWork.writer).send()
        let open = try Self.open(store, early: isEarly)
        Message.recovered(fromTail: open.recovery.recordsFromTail).send()
        switch work {
        case .create: try set(open, 1...10)
        case .open, .recover: try set(open, 1...2)
        case .power: try set(open, 1...12) { _ in .power }
        case .process: try set(open, 1...40) { _ in .process }
        case .transactions: try transactions(open, 1...12)
        case .oversize: try oversize(open)
        case .checkpoint:
            try set(open, 1...6)
            try open.checkpoint()
            try set(open, 7...12)
            try open.checkpoint()
            try set(open, 13...14)
        case .compact:
            try set(open, 1...6)
            try open.compact()
            try set(open, 7...8)
        case .backup:
            try set(open, 1...4)
            try open.backup(to: store + ".backup")
            try set(open, 5...6)
        }
        Message.phase(.closing).send()
        try open.close()
        Message.phase(.closed).send()
    }

    private func set(
        _ open: StateStore, _ numbers: ClosedRange<Int>, _ level: (Change) -> Durability = { $0.durability }
    ) throws {
        for number in numbers {
            let change = Change(writer: CallsWork.writer, number: number)
            try answer([change]) { () throws(StoreError) in try open.put(change, seed: seed, level(change)) }
        }
    }

    /// Three changes each, all or nothing.
    private func transactions(_ open: StateStore, _ numbers: ClosedRange<Int>) throws {
        for first in stride(from: numbers.lowerBound, through: numbers.upperBound, by: 3) {
            let changes = (first..<first + 3).map { Change(writer: CallsWork.writer, number: $0) }
            try answer(changes) { () throws(StoreError) in try put(changes, open) }
        }
    }

    private func oversize(_ open: StateStore) throws {
        try set(open, 1...2)
        let changes = Self.oversized.map { Change(writer: CallsWork.writer, number: $0) }
        try answer(changes) { () throws(StoreError) in try put(changes, open) }
        try set(open, 1_501...1_502)
    }

    /// Changes that together are more than the least tail takes.
    static let oversized = 3...1_500

    private func put(_ changes: [Change], _ open: StateStore) throws(StoreError) -> StateStore.Receipt {
        do {
            return try open.transaction { tx in
                for change in changes { try tx.put(change, seed: seed) }
            }.receipt
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.ioError, "\(error)")
        }
    }

    /// Tells what became of the changes, and goes on, as an application does that looks at `outcome`, only where they were
    /// answered.
    private func answer(
        _ changes: [Change], _ body: () throws(StoreError) -> StateStore.Receipt
    ) throws(StoreError) {
        do throws(StoreError) {
            let receipt = try body()
            for change in changes { Message.acknowledged(change, lsn: receipt.lsn.value).send() }
        } catch {
            for change in changes {
                (error.outcome == .rejected ? Message.refused(change) : .unknown(change)).send()
            }
            throw error
        }
    }
}
