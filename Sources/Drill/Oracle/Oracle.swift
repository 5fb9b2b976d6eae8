// The oracle: what must be in a store after its owner ended in whatever way, given the answers that owner got.
//
// One pure function judges scenarios and controls alike. It demands:
//   1. every change acknowledged at a level that survives this end is there, with its exact value
//   2. whatever is there was submitted
//   3. for each writer no gap: its n-th change means that all before it are there
//   4. across writers no hole: a change with an LSN means that every acknowledged one with a lower LSN is there
//   5. no change that was refused ("rejected") ever appears

import Backstay

package enum Oracle {
    /// Judges what a store holds after an end.
    ///
    /// - Parameters:
    ///   - recovered: every key with the word of its value.
    package static func judge(_ history: History, recovered: [String: String], seed: UInt64, survival: Survival)
        -> Verdict
    {
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
