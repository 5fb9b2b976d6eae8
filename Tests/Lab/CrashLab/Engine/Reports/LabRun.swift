// A run of an attack: its plan, its folder, its report; and what is the same in all attacks: cases in order, and what is kept of
// one that failed.

internal import Drill
internal import WriteAheadJournal

struct LabRun: Sendable {
    let plan: LabPlan
    /// A folder of the run's own. It goes with the run, but where something failed.
    let place: String
    var report: LabReport

    init(_ attack: String, _ plan: LabPlan) throws {
        self.plan = plan
        place = try plan.makePlace(attack)
        report = LabReport(attack, plan)
    }

    /// Makes the folder of a case.
    func makeFolder(_ number: Int) throws -> String {
        let folder = "\(place)/\(number)"
        try ScratchFiles.make(folder: folder)
        return folder
    }

    /// What came of a case goes into the report. Its folder goes where nothing is wrong; else the report has it.
    ///
    /// - Parameter what: what the case was.
    mutating func close(_ number: Int, _ folder: String, _ what: String, problems: [String], lost: Int) {
        guard !problems.isEmpty else {
            report.note(.whole)
            Files.removeFolder(folder)
            return
        }
        report.note(lost > 0 ? .lost : .wrong)
        let isKept = report.fail(number, "\(what): \(problems.prefix(3).joined(separator: "; "))", artefacts: folder)
        if !isKept { Files.removeFolder(folder) }
    }

    mutating func close(_ number: Int, _ folder: String, _ what: String, _ record: CaseRecord) {
        close(number, folder, what, problems: record.problems, lost: record.lost)
    }

    /// The report of a run whose cases have been played.
    ///
    /// - Parameter next: the case to go on with; nil where the attack came to its end.
    mutating func concluded(next: Int?) -> LabReport {
        report.next = next
        report.end()
        return report
    }

    /// The same, and the run's folder goes.
    mutating func end(next: Int?) -> LabReport {
        let report = concluded(next: next)
        removePlace(report)
        return report
    }

    func removePlace(_ report: LabReport) { if report.failed == 0 { Files.removeFolder(place) } }
}
