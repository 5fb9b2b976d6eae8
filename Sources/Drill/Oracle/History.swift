// What the oracle knows of a store: the answers that were given.

package import Backstay

/// What the parent has been told about changes, over a pipe.
package struct History: Sendable {
    /// Acknowledged, with their LSNs; without one where an earlier round found them in the store.
    package private(set) var acknowledged: [Change: UInt64?] = [:]
    /// Refused before they had an LSN, or found missing in an earlier round: they must never appear.
    package private(set) var rejected: Set<Change> = []
    /// By writer, the number of its newest acknowledged change; 0 for one that has only begun.
    private var highest: [Int: Int] = [:]
    /// So many changes of a writer may be on their way at once: one; as many as its transactions have; more where answers
    /// are lost on their way.
    package var ahead = 1
    /// Writers of earlier rounds: nothing of theirs is still on its way.
    private var adoptedWriters: Set<Int> = []
    /// Levels that are not what the change's number says.
    private var levels: [Change: Durability] = [:]

    package init() {}

    /// - Parameter level: what the answer says; nil for what the change's number asks for.
    package mutating func acknowledge(_ change: Change, lsn: UInt64?, level: Durability? = nil) {
        acknowledged[change] = .some(lsn)
        if let level, level != change.durability { levels[change] = level }
        highest[change.writer] = max(highest[change.writer] ?? 0, change.number)
    }

    package func level(of change: Change) -> Durability { levels[change] ?? change.durability }

    package mutating func reject(_ change: Change) { rejected.insert(change) }

    /// A writer is known to have begun.
    package mutating func begin(writer: Int) { highest[writer] = highest[writer] ?? 0 }

    /// What a child says of its changes; the rest is not for here.
    package mutating func note(_ message: Message) {
        switch message {
        case .began(let writer): begin(writer: writer)
        case .acknowledged(let change, let lsn): acknowledge(change, lsn: lsn)
        case .refused(let change): reject(change)
        default: break
        }
    }

    /// Between rounds: what the store was seen to hold is as good as acknowledged, what it lacked will never come.
    package mutating func adopt(_ recovered: [String: String]) {
        for key in recovered.keys {
            guard let change = Change(key: key) else { continue }
            if acknowledged[change] == nil { acknowledge(change, lsn: nil) }
        }
        for (change, _) in acknowledged where recovered[change.key] == nil {
            acknowledged[change] = nil
            rejected.insert(change)
        }
        adoptedWriters.formUnion(highest.keys)
    }

    /// Whether the writer can have submitted it: it may be ahead of its answers.
    func mayHaveSubmitted(_ change: Change) -> Bool {
        guard let last = highest[change.writer] else { return false }
        return change.number <= (adoptedWriters.contains(change.writer) ? last : last + ahead)
    }
}
