// `lab faults`: every call of SQLite's VFS, and every allocation of SQLite, fails in every way it can, in twelve
// workloads. The cases are played by children; here they are started, watched and counted.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct FaultsAttack {
    /// A case that takes longer hangs.
    private static let patience: UInt64 = 15_000_000_000
    /// Before its first word a child plays every workload once, to count its calls.
    private static let patienceAtFirst: UInt64 = 90_000_000_000
    /// A child plays so many cases.
    private static let casesPerChild = 2_000

    private var run: LabRun
    /// How many cases there are; a child says so.
    private var total = Int.max

    private var plan: LabPlan { run.plan }

    package static func run(_ plan: LabPlan, progress: (Int) -> Void = { _ in }) throws -> LabReport {
        var attack = FaultsAttack(run: try LabRun("faults", plan))
        try attack.playControls()
        var number = plan.from
        while number < attack.total && plan.includes(number) {
            let end = try attack.playSome(from: number, progress)
            guard end > number else { break }
            number = end
        }
        return attack.run.end(next: number < attack.total ? number : nil)
    }

    private func start(_ child: FaultChild) throws -> ChildProcess {
        try ScratchFiles.make(folder: child.place)
        return try ChildProcess(
            executable: plan.executable, arguments: child.arguments, errors: run.place + "/stderr")
    }

    // MARK: Cases

    /// - Returns: the case to go on with.
    private mutating func playSome(from: Int, _ progress: (Int) -> Void) throws -> Int {
        var role = FaultChild(seed: plan.seed, place: "\(run.place)/from-\(from)")
        role.from = from
        role.to = from + min(Self.casesPerChild, plan.cases.map { plan.from + $0 - from } ?? .max)
        let child = try start(role)
        var number = from
        var isDone = false
        var patience = Self.patienceAtFirst
        let failedBefore = run.report.failed
        while !isDone {
            switch child.nextLines(until: Clock.monotonicNanoseconds() + patience) {
            case .lines(let lines):
                patience = Self.patience
                for line in lines {
                    take(line, role, &number)
                    if !plan.includes(number) || number >= min(role.to, total) { isDone = true }
                    if isDone { break }
                }
                progress(number)
            case .silence:
                child.send(SIGKILL)
                run.report.note(.wrong)
                run.report.fail(number, "it hangs", artefacts: role.place)
                number += 1
                isDone = true
            case .end:
                run.report.note(.wrong)
                run.report.fail(number, "the process ended: \(child.reap())", artefacts: role.place)
                number += 1
                isDone = true
            }
        }
        // One that has come to its end is let clear up; one that has more to play is stopped.
        if number < min(role.to, total) { child.send(SIGKILL) }
        _ = child.reap()
        if run.report.failed == failedBefore { Files.removeFolder(role.place) }
        return number
    }

    private mutating func take(_ line: Substring, _ role: FaultChild, _ number: inout Int) {
        switch FaultChild.Line(line) {
        case .total(let count):
            if total != .max && total != count {
                run.report.fail(number, "there are \(count) cases now, \(total) before")
            }
            total = count
        case .played(let played, let outcome, let wasMet, let wasPoisoned, let starts, let text):
            run.report.note(outcome)
            if !text.isEmpty {
                let kept = "\(role.place)/kept-\(played)"
                run.report.fail(played, text, artefacts: Files.exists(kept) ? kept : nil)
            }
            run.report.count("faults met", wasMet ? 1 : 0)
            run.report.count("stores poisoned or not opened", wasPoisoned ? 1 : 0)
            run.report.count("starts judged", starts)
            number = played + 1
        case .control: break
        case .trouble(let text):
            run.report.note(.wrong)
            run.report.fail(number, text)
            number += 1
        case nil:
            run.report.fail(number, "a child said: \(line.prefix(200))")
        }
    }

    // MARK: Controls

    private mutating func playControls() throws {
        for flaw in FaultFlaw.allCases where flaw != .none {
            var role = FaultChild(seed: plan.seed, place: "\(run.place)/\(flaw)")
            role.flaw = flaw
            let child = try start(role)
            var fails = false
            reading: while true {
                switch child.nextLines(until: Clock.monotonicNanoseconds() + Self.patienceAtFirst) {
                case .lines(let lines):
                    for line in lines {
                        switch FaultChild.Line(line) {
                        case .control(_, let lost): fails = lost > 0
                        case .trouble(let text): run.report.skip("control \(flaw.rawValue): \(text)")
                        default: break
                        }
                    }
                case .silence:
                    child.send(SIGKILL)
                    run.report.skip("control \(flaw.rawValue): it said nothing for a long time")
                    break reading
                case .end: break reading
                }
            }
            _ = child.reap()
            run.report.control(flaw.rawValue, fails: fails)
        }
    }
}
