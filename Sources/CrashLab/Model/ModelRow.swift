// The row `model`: random lives of a store, each compared with a dictionary step by step (ModelLife.swift).

internal import WriteAheadJournal

package enum ModelRow {
    /// A control that none of so many lives notices is blind.
    private static let controlLives = 20

    package static func run(_ plan: LabPlan, progress: (Int) -> Void = { _ in }) throws -> LabReport {
        try FaultVFS.register()
        var run = try LabRun("model", plan)
        if plan.cases != 1 {
            var isNoticed = false
            for number in 0..<controlLives where !isNoticed {
                isNoticed = try !play(&run, number, forgets: true).problems.isEmpty
            }
            run.report.control("a change that the store is not told of", fails: isNoticed)
        }
        let next = try plan.play(progress: progress) { number in
            let life = try play(&run, number, forgets: false)
            for (name, count) in life.counts.sorted(by: { $0.key < $1.key }) { run.report.count(name, count) }
            run.close(number, "\(run.place)/\(number)", "life", problems: life.problems, lost: 0)
        }
        return run.end(next: next)
    }

    private static func play(_ run: inout LabRun, _ number: Int, forgets: Bool) throws -> ModelLife {
        let folder = try run.makeFolder(number)
        var life = ModelLife(in: folder, seed: run.plan.seed, number: number, forgets: forgets)
        try life.live()
        if forgets { Platform.removeFolder(folder) }
        return life
    }
}
