// The attack `states`: a case is one workload, recorded, and every disk that a crash in it may leave.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

package enum CrashStatesAttack {
    /// How much of it is played.
    package struct Amount: Sendable {
        var effort = CrashStateEffort()
        /// One state in so many has crashes in its own recovery, drawn.
        var pairsEvery = 200
        /// One in so many takes a change and is opened once more.
        var goesOnEvery = 64
        /// Few changes a workload.
        var isSmall = false

        package static let full = Amount()
        /// For a test's few seconds.
        package static let slice = Amount(
            effort: CrashStateEffort(exhaustiveMax: 4, sampled: 8, torn: 3, cuts: 1), pairsEvery: 40, isSmall: true)
    }

    package static func run(
        _ plan: LabPlan, amount: Amount = .full, progress: (Int) -> Void = { _ in }
    ) throws -> LabReport {
        try Recording.prepare()
        let run = try CrashStatesRun(plan, amount)
        try run.playControls()
        var number = plan.from
        while plan.includes(number), try run.play(number) {
            number += 1
            progress(number)
        }
        return run.run.end(next: number)
    }
}
