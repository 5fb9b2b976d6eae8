// What can come of a case.

/// What came of one case. The greater one is the worse.
package enum LabOutcome: String, CaseIterable, Comparable, Sendable {
    /// The store opened, and nothing that was acknowledged is missing or altered.
    case whole
    /// The store said what was wrong: refused to open, or reported it.
    case detected
    /// An acknowledged change is gone, and nothing says so.
    case lost
    /// A value nobody set, a refused change, a hole in the order, a crash.
    case wrong
    /// The machine could not play it.
    case skipped

    package static func < (one: LabOutcome, other: LabOutcome) -> Bool {
        func rank(_ outcome: LabOutcome) -> Int {
            switch outcome {
            case .skipped: 0
            case .whole: 1
            case .detected: 2
            case .lost: 3
            case .wrong: 4
            }
        }
        return rank(one) < rank(other)
    }
}
