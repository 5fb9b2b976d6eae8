// What the attack `calls` interrupts: ten pieces of work, each a child of its own with one caller, so that its system calls
// come in nearly the same order each time.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

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

    /// - Parameter early: a control: changes are answered before they are made.
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
