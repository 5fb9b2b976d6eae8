// `lab kills`: the campaign as an attack. A case is one store with all its kills.

internal import Drill
internal import WriteAheadJournal

package enum KillsAttack {
    package static func run(_ plan: LabPlan, progress: (Int) -> Void = { _ in }) throws -> LabReport {
        var run = try LabRun("kills", plan)
        // A case that is played again alone needs none.
        if plan.cases != 1 { run.report.control("answers before the commit", fails: try controlLoses(run)) }
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

    /// A process that answers before its changes are made loses in one of its kills.
    static func controlLoses(_ run: LabRun) throws -> Bool {
        let folder = run.place + "/control"
        try ScratchFiles.make(folder: folder)
        defer { Files.removeFolder(folder) }
        let series = KillSeries(
            executable: run.plan.executable, folder: folder, seed: run.plan.seed, isEarly: true)
        try series.play(store: 0, most: .max) {}
        return series.report.lost > 0
    }
}
