// `lab kills`: the campaign as a row. A case is one store with all its kills.

internal import WriteAheadJournal

package enum KillsRow {
    package static func run(_ plan: LabPlan, progress: (Int) -> Void = { _ in }) throws -> LabReport {
        var run = try LabRun("kills", plan)
        let next = try plan.play(progress: progress) { number in
            let folder = try run.makeFolder(number)
            let series = KillSeries(executable: plan.executable, folder: folder, seed: plan.seed)
            try series.play(store: number, most: .max) {}
            let seen = series.report
            run.report.count("kills", seen.total)
            run.report.count("changes acknowledged", seen.acknowledged)
            run.report.count("records from the tail alone", seen.fromTail)
            run.close(number, folder, "kill \(seen.total)", problems: seen.problems, lost: seen.lost)
        }
        return run.end(next: next)
    }
}
