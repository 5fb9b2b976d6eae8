// What came of one case of the attack `faults`.

internal import Backstay

struct FaultResult: Sendable {
    /// The fault was met.
    var wasMet = false
    /// The store was poisoned, or did not open.
    var wasPoisoned = false
    var lost = 0
    /// A start was refused, with `damaged`.
    var refused = 0
    var starts = 0
    /// What must not be; a start that is refused is one of them, but after reads that lied.
    var problems: [String] = []

    var outcome: LabOutcome {
        if lost > 0 { return .lost }
        if refused > 0 { return .detected }
        return problems.isEmpty ? .whole : .wrong
    }

    mutating func refuse(_ error: StoreError, _ when: String, _ fault: Fault) {
        if error.code == .damaged {
            refused += 1
            if fault.mayAnswer(.damaged) { return }
        }
        problems.append("\(when): \(error)")
    }
}
