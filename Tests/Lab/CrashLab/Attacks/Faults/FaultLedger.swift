// What a store was asked and what it answered, and whether what is found later fits that.
//
// One thread asks, one change after the other, so the order of asking is the order of the log. Beside what the oracle of
// the lab demands, what is found must be a prefix of that order, refused changes left out: a change of unknown outcome is
// there only with all before it.

internal import Backstay
internal import Drill

struct FaultLedger: Sendable {
    private enum Answer: Sendable {
        case acknowledged
        /// Published; nobody knows.
        case unknown
        case rejected
    }

    private struct Entry: Sendable {
        var change: Change
        var answer: Answer
        var isTransaction: Bool
    }

    private let seed: UInt64
    private(set) var history = History()
    private var entries: [Entry] = []
    /// Entries before this one survive a power cut, those that were rejected left out.
    private var durable = 0
    private var writer = 0
    private var number = 0

    init(seed: UInt64) { self.seed = seed }

    /// The key that each transaction sets to the key of its change.
    static let newestKey = "newest"

    // MARK: Asking

    /// The change to be made next.
    mutating func next() -> Change {
        number += 1
        if number == 1 { history.begin(writer: writer) }
        return Change(writer: writer, number: number)
    }

    mutating func acknowledge(_ change: Change, lsn: UInt64, _ level: Durability, isTransaction: Bool) {
        history.acknowledge(change, lsn: lsn, level: level)
        entries.append(Entry(change: change, answer: .acknowledged, isTransaction: isTransaction))
        if level == .power { durable = entries.count }
    }

    mutating func reject(_ change: Change) {
        history.reject(change)
        entries.append(Entry(change: change, answer: .rejected, isTransaction: false))
        beginWriter()
    }

    mutating func noteUnknown(_ change: Change, isTransaction: Bool) {
        entries.append(Entry(change: change, answer: .unknown, isTransaction: isTransaction))
        beginWriter()
    }

    /// The next start holds these keys: what was unknown is answered by them, and all of it survives a power cut.
    mutating func adopt(_ rows: [String: String]) {
        for (index, entry) in entries.enumerated() where entry.answer == .unknown {
            let isThere = rows[entry.change.key] != nil
            entries[index].answer = isThere ? .acknowledged : .rejected
            if isThere {
                history.acknowledge(entry.change, lsn: nil, level: .power)
            } else {
                history.reject(entry.change)
            }
        }
        sync()
    }

    /// Whatever was published survives a power cut: the store said so.
    mutating func sync() { durable = entries.count }

    /// Another run goes on with the store: changes of its own.
    mutating func beginWriter() {
        writer += 1
        number = 0
    }

    var acknowledged: Int { entries.count { $0.answer == .acknowledged } }

    /// A change that was acknowledged, to read it back.
    var lastAcknowledged: Change? { entries.last { $0.answer == .acknowledged }?.change }

    // MARK: Judging

    struct Verdict: Sendable {
        var lost = 0
        var findings: [String] = []
    }

    /// - Parameter rows: every key found with the word of its value.
    func judge(_ rows: [String: String], _ survival: Survival) -> Verdict {
        var rows = rows
        let newest = rows.removeValue(forKey: Self.newestKey)
        let oracle = Oracle.judge(history, recovered: rows, seed: seed, survival: survival)
        var verdict = Verdict(lost: oracle.lost, findings: oracle.findings.map { "\($0)" })

        var missing: Change?
        var last: Change?
        for (index, entry) in entries.enumerated() where entry.answer != .rejected {
            let isThere = rows[entry.change.key] != nil
            if isThere, let missing {
                verdict.findings.append("\(entry.change) is there without \(missing), which came before")
            }
            if !isThere {
                missing = missing ?? entry.change
                // The oracle knows of acknowledged changes; what a later answer covered is known here.
                if index < durable {
                    verdict.lost += 1
                    verdict.findings.append("\(entry.change) was made durable and is missing")
                }
            }
            if isThere && entry.isTransaction { last = entry.change }
        }
        if newest != last.map({ "text:\($0.key)" }) {
            verdict.findings.append(
                "the newest transaction is \(last?.key ?? "none"), but its mark says \(newest ?? "none")")
        }
        return verdict
    }
}
