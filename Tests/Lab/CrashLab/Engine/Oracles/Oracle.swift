// The oracle: what must be in a store after its owner ended in whatever way, given the answers that owner got.
//
// One pure function judges scenarios and controls alike. It demands:
//   1. every change acknowledged at a level that survives this end is there, with its exact value
//   2. whatever is there was submitted
//   3. for each writer no gap: its n-th change means that all before it are there
//   4. across writers no hole: a change with an LSN means that every acknowledged one with a lower LSN is there
//   5. no change that was refused ("rejected") ever appears

import Backstay

/// What a process went down with.
enum Survival: Sendable {
    /// The process ended; the machine went on. Both levels survive that.
    case process
    /// The power went. Changes below the last `.power` answer survive; newer `.process` ones need not.
    case power
}

/// What the parent has been told about changes, over a pipe.
struct History: Sendable {
    /// Acknowledged, with their LSNs; without one where an earlier round found them in the store.
    private(set) var acknowledged: [Change: UInt64?] = [:]
    /// Refused before they had an LSN, or found missing in an earlier round: they must never appear.
    private(set) var rejected: Set<Change> = []
    /// By writer, the number of its newest acknowledged change; 0 for one that has only begun.
    private var highest: [Int: Int] = [:]
    /// So many changes of a writer may be on their way at once: one; as many as its transactions have; more where answers
    /// are lost on their way.
    var ahead = 1
    /// Writers of earlier rounds: nothing of theirs is still on its way.
    private var settledWriters: Set<Int> = []
    /// Levels that are not what the change's number says.
    private var levels: [Change: Durability] = [:]

    /// - Parameter level: what the answer says; nil for what the change's number asks for.
    mutating func acknowledge(_ change: Change, lsn: UInt64?, level: Durability? = nil) {
        acknowledged[change] = .some(lsn)
        if let level, level != change.durability { levels[change] = level }
        highest[change.writer] = max(highest[change.writer] ?? 0, change.number)
    }

    func level(of change: Change) -> Durability { levels[change] ?? change.durability }

    mutating func reject(_ change: Change) { rejected.insert(change) }

    /// A writer is known to have begun.
    mutating func begin(writer: Int) { highest[writer] = highest[writer] ?? 0 }

    /// What a child says of its changes; the rest is not for here.
    mutating func note(_ message: Message) {
        switch message {
        case .began(let writer): begin(writer: writer)
        case .acknowledged(let change, let lsn): acknowledge(change, lsn: lsn)
        case .refused(let change): reject(change)
        default: break
        }
    }

    /// Between rounds: what the store was seen to hold is as good as acknowledged, what it lacked will never come.
    mutating func adopt(_ recovered: [String: String]) {
        for key in recovered.keys {
            guard let change = Change(key: key) else { continue }
            if acknowledged[change] == nil { acknowledge(change, lsn: nil) }
        }
        for (change, _) in acknowledged where recovered[change.key] == nil {
            acknowledged[change] = nil
            rejected.insert(change)
        }
        settledWriters.formUnion(highest.keys)
    }

    /// Whether the writer can have submitted it: it may be ahead of its answers.
    func mayHaveSubmitted(_ change: Change) -> Bool {
        guard let last = highest[change.writer] else { return false }
        return change.number <= (settledWriters.contains(change.writer) ? last : last + ahead)
    }
}

struct Verdict: Sendable {
    enum Finding: Hashable, Sendable, CustomStringConvertible {
        /// Acknowledged at a level that survives, and not there.
        case missing(Change)
        /// There with another value than it was set to.
        case wrongValue(Change)
        /// Nobody submitted it.
        case foreign(key: String)
        /// Not there, though a later change of the same writer is.
        case gap(Change)
        /// Acknowledged and not there, though a change with a higher LSN is.
        case hole(Change)
        /// Refused, and there.
        case risen(Change)

        var description: String {
            switch self {
            case .missing(let change): "\(change) was acknowledged and is missing"
            case .wrongValue(let change): "\(change) has another value than it was set to"
            case .foreign(let key): "\(key) is there, and nobody submitted it"
            case .gap(let change): "\(change) is missing, though a later change of its writer is there"
            case .hole(let change): "\(change) is missing, though a change with a higher LSN is there"
            case .risen(let change): "\(change) was refused and is there"
            }
        }
    }

    /// Acknowledged changes, whatever their level.
    var acknowledged = 0
    /// Changes found.
    var recovered = 0
    /// Acknowledged at a level that survives, and missing or altered.
    var lost = 0
    var findings: [Finding] = []
}

enum Oracle {
    /// Judges what a store holds after an end.
    ///
    /// - Parameters:
    ///   - recovered: every key with the word of its value.
    static func judge(_ history: History, recovered: [String: String], seed: UInt64, survival: Survival) -> Verdict {
        var verdict = Verdict(acknowledged: history.acknowledged.count, recovered: recovered.count)
        var newest: UInt64 = 0  // The highest LSN seen in the store.
        var highest: [Int: Int] = [:]
        for (key, word) in recovered {
            guard let change = Change(key: key), history.mayHaveSubmitted(change) else {
                verdict.findings.append(.foreign(key: key))
                continue
            }
            if word != change.value(seed: seed).word {
                verdict.findings.append(.wrongValue(change))
                if history.acknowledged[change] != nil { verdict.lost += 1 }
            }
            if history.rejected.contains(change) { verdict.findings.append(.risen(change)) }
            if case .some(.some(let lsn)) = history.acknowledged[change] { newest = max(newest, lsn) }
            highest[change.writer] = max(highest[change.writer] ?? 0, change.number)
        }
        // A `.power` answer makes every lower LSN durable.
        var durable: UInt64 = 0
        for (change, lsn) in history.acknowledged where history.level(of: change) == .power {
            durable = max(durable, lsn ?? 0)
        }
        for (change, lsn) in history.acknowledged where recovered[change.key] == nil {
            let survives = survival == .process || lsn == nil || (lsn ?? 0) <= durable
            if survives {
                verdict.lost += 1
                verdict.findings.append(.missing(change))
            }
            if let lsn, lsn < newest { verdict.findings.append(.hole(change)) }
        }
        for (writer, last) in highest where last > 1 {
            for number in 1..<last {
                let change = Change(writer: writer, number: number)
                if recovered[change.key] == nil { verdict.findings.append(.gap(change)) }
            }
        }
        return verdict
    }
}
