// `lab faults`: every call of SQLite's VFS, and every allocation of SQLite, fails in every way it can, in twelve
// workloads. The cases are played by children; here they are started, watched and counted.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

package enum FaultRow {
    /// A case that takes longer hangs.
    private static let patience: UInt64 = 15_000_000_000
    /// A child plays so many cases.
    private static let casesPerChild = 2_000

    /// - Parameter executable: a program whose main calls `runAsChildIfAsked`; nil for the running one.
    package static func run(
        _ plan: LabPlan, executable: String? = nil, progress: (Int) -> Void = { _ in }
    ) throws -> LabReport {
        var report = LabReport("faults", plan)
        let place = try plan.makePlace("faults")
        let executable = executable ?? DrillPlan.ownExecutable
        try playControls(plan, executable, place, &report)
        var number = plan.from
        var total = Int.max
        while number < total && plan.includes(number) {
            let end = try playSome(plan, executable, place, from: number, &total, &report, progress)
            guard end > number else { break }
            number = end
        }
        report.next = number < total ? number : nil
        if report.failures.isEmpty { Platform.removeFolder(place) }
        report.end()
        return report
    }

    private static func start(_ child: FaultChild, _ executable: String, _ place: String) throws -> ChildProcess {
        try FaultFiles.make(child.place)
        return try ChildProcess(executable: executable, arguments: child.arguments, errors: place + "/stderr")
    }

    // MARK: Cases

    /// - Returns: the case to go on with.
    private static func playSome(
        _ plan: LabPlan, _ executable: String, _ place: String, from: Int, _ total: inout Int,
        _ report: inout LabReport, _ progress: (Int) -> Void
    ) throws -> Int {
        var role = FaultChild(seed: plan.seed, place: "\(place)/from-\(from)")
        role.from = from
        role.to = from + min(casesPerChild, plan.cases.map { plan.from + $0 - from } ?? .max)
        let child = try start(role, executable, place)
        var number = from
        var isDone = false
        let failedBefore = report.failed
        while !isDone {
            switch child.nextLines(until: Platform.monotonicNanoseconds() + patience) {
            case .lines(let lines):
                for line in lines {
                    take(line, role, &number, &total, &report)
                    if !plan.includes(number) || number >= min(role.to, total) { isDone = true }
                    if isDone { break }
                }
                progress(number)
            case .silence:
                child.send(SIGKILL)
                report.note(.wrong)
                report.fail(number, "it hangs", artefacts: role.place)
                number += 1
                isDone = true
            case .end:
                report.note(.wrong)
                report.fail(number, "the process ended: \(child.reap())", artefacts: role.place)
                number += 1
                isDone = true
            }
        }
        // One that has come to its end is let clear up; one that has more to play is stopped.
        if number < min(role.to, total) { child.send(SIGKILL) }
        _ = child.reap()
        if report.failed == failedBefore { Platform.removeFolder(role.place) }
        return number
    }

    private static func take(
        _ line: Substring, _ role: FaultChild, _ number: inout Int, _ total: inout Int, _ report: inout LabReport
    ) {
        switch FaultChild.Line(line) {
        case .total(let count):
            if total != .max && total != count { report.fail(number, "there are \(count) cases now, \(total) before") }
            total = count
        case .played(let played, let outcome, let wasMet, let wasPoisoned, let starts, let text):
            report.note(outcome)
            if !text.isEmpty {
                let kept = "\(role.place)/kept-\(played)"
                report.fail(played, text, artefacts: Platform.exists(kept) ? kept : nil)
            }
            report.count("faults met", wasMet ? 1 : 0)
            report.count("stores poisoned or not opened", wasPoisoned ? 1 : 0)
            report.count("starts judged", starts)
            number = played + 1
        case .control: break
        case .trouble(let text):
            report.note(.wrong)
            report.fail(number, text)
            number += 1
        case nil:
            report.fail(number, "a child said: \(line.prefix(200))")
        }
    }

    // MARK: Controls

    private static func playControls(
        _ plan: LabPlan, _ executable: String, _ place: String, _ report: inout LabReport
    ) throws {
        for flaw in FaultPlay.Flaw.allCases where flaw != .none {
            var role = FaultChild(seed: plan.seed, place: "\(place)/\(flaw)")
            role.flaw = flaw
            let child = try start(role, executable, place)
            var fails = false
            reading: while true {
                switch child.nextLines(until: Platform.monotonicNanoseconds() + patience) {
                case .lines(let lines):
                    for line in lines {
                        switch FaultChild.Line(line) {
                        case .control(_, let lost): fails = lost > 0
                        case .trouble(let text): report.skip("control \(flaw.rawValue): \(text)")
                        default: break
                        }
                    }
                case .silence:
                    child.send(SIGKILL)
                    break reading
                case .end: break reading
                }
            }
            _ = child.reap()
            report.control(flaw.rawValue, fails: fails)
        }
    }
}
