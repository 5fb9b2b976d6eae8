// The attack `model`: random lives of a store, each compared with a dictionary step by step (ModelLife.swift).

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package enum ModelAttack {
    /// A control that none of so many lives notices is blind.
    private static let controlLives = 20

    /// - Parameter isAlone: nothing else in this process opens files or starts threads.
    package static func run(_ plan: LabPlan, isAlone: Bool = false, progress: (Int) -> Void = { _ in }) throws
        -> LabReport
    {
        try FaultVFS.register()
        var run = try LabRun("model", plan)
        if plan.cases != 1 {
            var isNoticed = false
            for number in 0..<controlLives where !isNoticed {
                isNoticed = try !play(&run, number, forgets: true).problems.isEmpty
            }
            run.report.control("a change that the store is not told of", fails: isNoticed)
        }
        let before = Held()
        let next = try plan.play(progress: progress) { number in
            let life = try play(&run, number, forgets: false)
            for (name, count) in life.counts.sorted(by: { $0.key < $1.key }) { run.report.count(name, count) }
            run.close(number, "\(run.place)/\(number)", "life", problems: life.problems, lost: 0)
        }
        let after = Held()
        if isAlone && (after.descriptors > before.descriptors || after.threads > before.threads) {
            run.report.fail(plan.from, "wrong: behind all lives there are \(after), before them \(before)")
        }
        run.report.count("MiB resident before", before.residentMiB)
        run.report.count("MiB resident behind", after.residentMiB)
        return run.end(next: next)
    }

    /// What the process holds: nothing of it may be left by a store that was closed.
    private struct Held: CustomStringConvertible {
        let descriptors = Files.names(in: "/proc/self/fd").count
        let threads = Files.names(in: "/proc/self/task").count
        let residentMiB: Int

        init() {
            let pages = (Files.text(at: "/proc/self/statm") ?? "").split(separator: " ").dropFirst().first
            residentMiB = (pages.flatMap { Int($0) } ?? 0) * Int(getpagesize()) / 1_048_576
        }

        var description: String { "\(descriptors) descriptors and \(threads) threads" }
    }

    private static func play(_ run: inout LabRun, _ number: Int, forgets: Bool) throws -> ModelLife {
        let folder = try run.makeFolder(number)
        var life = ModelLife(in: folder, seed: run.plan.seed, number: number, forgets: forgets)
        life.live()
        if forgets { Files.removeFolder(folder) }
        return life
    }
}
