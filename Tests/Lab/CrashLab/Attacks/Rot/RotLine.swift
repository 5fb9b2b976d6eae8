internal import Drill
internal import WriteAheadJournal

/// What a child says about a case.
struct RotLine {
    var number: Int
    var outcome: LabOutcome
    var how: String
    var microseconds: Int
    var what: String

    /// Fields between tabs, a line.
    var text: String {
        let what = what.map { $0 == "\t" || $0 == "\n" ? " " : $0 }
        return "\(number)\t\(outcome.rawValue)\t\(how)\t\(microseconds)\t\(String(what))\n"
    }

    init(number: Int, outcome: LabOutcome, how: String, microseconds: Int, what: String) {
        self.number = number
        self.outcome = outcome
        self.how = how
        self.microseconds = microseconds
        self.what = what
    }

    init?(line: Substring) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count == 5, let number = Int(fields[0]), let outcome = LabOutcome(rawValue: String(fields[1])),
            let microseconds = Int(fields[3])
        else { return nil }
        self.init(
            number: number, outcome: outcome, how: String(fields[2]), microseconds: microseconds,
            what: String(fields[4]))
    }
}
