// The options that all rows have in common.

#if CommandLine
import ArgumentParser
import CrashLab
import SystemC

/// What every attack takes.
struct LabOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What all choices come from, as an earlier run printed it.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("No case begins after so many seconds, but the first.", valueName: "seconds"))
    var budget: Double?

    @Option(help: ArgumentHelp("The first case to play.", valueName: "case"))
    var from = 0

    @Option(help: ArgumentHelp("At most so many cases.", valueName: "number"))
    var cases: Int?

    @Option(help: ArgumentHelp("Where stores are made; default /dev/shm where there is one.", valueName: "path"))
    var folder: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    var plan: LabPlan {
        LabPlan(
            seed: seed ?? UInt64.random(in: 0..<1_000_000_000), budget: budget, from: from, cases: cases,
            folder: folder)
    }

    /// So many cases where neither their number nor a budget was asked for.
    func plan(of cases: Int) -> LabPlan {
        var plan = plan
        if plan.cases == nil && plan.budget == nil { plan.cases = cases }
        return plan
    }

    func validate() throws {
        guard from >= 0 else { throw ValidationError("--from begins at 0") }
        if let cases, cases < 1 { throw ValidationError("--cases begins at 1") }
        if let budget, !(budget > 0) { throw ValidationError("--budget is a number of seconds above 0") }
    }

    /// A line on a terminal that says how far an attack is; elsewhere silence.
    func progress(_ attack: String, of cases: Int?) -> @Sendable (Int) -> Void {
        guard isatty(STDERR_FILENO) == 1 else { return { _ in } }
        return { number in
            let line = "\r\u{1B}[K\(attack): case \(number)" + (cases.map { " of \($0)" } ?? "")
            _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        }
    }

    /// Prints the report and ends with status 1 where it is not good, 77 where this machine could play nothing of it.
    func finish(_ report: LabReport) throws {
        print(json ? report.json : report.text)
        if report.isSkipped { throw ExitCode(77) }
        if !report.isGood { throw ExitCode(1) }
    }
}
#endif
