// The oracle's word on what the next start has found after a power cut, as an outcome of a case.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

/// A verdict with what it rests on.
struct PowerVerdict: Sendable {
    var outcome: LabOutcome
    /// Empty for `whole`.
    var what: String
    var recovered = 0

    init(_ finding: NextStart.Finding, _ history: History, seed: UInt64) {
        switch finding {
        case .unmountable(let reason):
            outcome = .skipped
            what = reason
        case .unopened(let reason):
            outcome = .detected
            what = reason
        case .hung:
            outcome = .detected
            what = "the next start said nothing more for a long time"
        case .silent:
            outcome = .skipped
            what = "nothing was said"
        case .rows(let rows, let reported):
            let verdict = Oracle.judge(history, recovered: rows, seed: seed, survival: .power)
            recovered = verdict.recovered
            outcome = verdict.lost > 0 ? .lost : verdict.findings.isEmpty ? .whole : .wrong
            what = verdict.findings.prefix(3).map(\.description).joined(separator: "; ")
            if verdict.findings.count > 3 { what += "; and \(verdict.findings.count - 3) more" }
            if outcome == .whole, let untrue = reported.first {
                outcome = .detected
                what = untrue
            }
        }
    }
}
