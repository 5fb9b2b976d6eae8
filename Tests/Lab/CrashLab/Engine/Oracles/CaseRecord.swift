// What a case has seen: what its processes were answered, and what is not as it must be.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct CaseRecord {
    var history = History()
    /// Changes that were acknowledged to those that were listened to.
    private(set) var answers = 0
    /// Acknowledged changes that are gone or altered.
    private(set) var lost = 0
    private(set) var problems: [String] = []

    init(_ history: History = History()) { self.history = history }

    mutating func complain(_ what: String) { problems.append(what) }

    mutating func note(_ message: Message) {
        history.note(message)
        switch message {
        case .acknowledged: answers += 1
        case .trouble(let text): complain(text)
        default: break
        }
    }

    /// The next start after a process's death, in this process; and the oracle's word on it.
    ///
    /// - Parameters:
    ///   - mayBeAbsent: nothing need be there where nothing was acknowledged: the store was being made.
    ///   - more: what else must hold of what is there; each line it returns is a problem.
    mutating func verify(
        _ store: String, seed: UInt64, mayBeAbsent: Bool = false, _ more: ([String: String]) -> [String] = { _ in [] }
    ) {
        guard Files.exists(store) else {
            if !mayBeAbsent || !history.acknowledged.isEmpty { complain("the store is gone") }
            lost += history.acknowledged.count
            return
        }
        do throws(StoreError) {
            let (rows, reported) = try NextStart.rows(store)
            judge(rows, seed: seed)
            problems += reported
            problems += more(rows)
        } catch {
            complain("the next start: \(error)")
        }
    }

    /// The oracle's word on what a start has found.
    mutating func judge(_ rows: [String: String], seed: UInt64, _ what: String = "") {
        let verdict = Oracle.judge(history, recovered: rows, seed: seed, survival: .process)
        lost += verdict.lost
        problems += verdict.findings.map { what + $0.description }
    }
}
