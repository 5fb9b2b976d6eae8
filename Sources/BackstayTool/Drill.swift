// `backstay drill`: every way a process can end, in real child processes.

#if CommandLine
import ArgumentParser
import CrashLab
#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

struct Drill: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End real processes in every way there is, and show what ran and what survived.",
        discussion: """
            Each scenario makes 1,000 changes or more in a child process that then ends: it returns, exits, throws, crashes, is \
            killed, loses power. The next start must find every acknowledged change. Controls have one deliberate fault \
            and must lose: they prove that loss would be seen. Takes less than a minute. Exit status 1 on any loss.
            """)

    @Option(help: ArgumentHelp("The seed of all random choices, as an earlier run printed it.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Only scenarios of this name, or whose name contains it. May be given again.", valueName: "name"))
    var only: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        var plan = DrillPlan()
        plan.only = only
        guard !plan.chosen.isEmpty else {
            throw ValidationError("no scenario is called so; there are: \(DrillPlan.names.joined(separator: " · "))")
        }
    }

    func run() throws {
        var plan = DrillPlan(seed: seed)
        plan.only = only
        let count = plan.chosen.count
        let isTerminal = isatty(STDERR_FILENO) == 1
        var index = 0
        let report = try plan.run { name in
            index += 1
            if isTerminal { say("\r\u{1B}[K\(index)/\(count) \(name)  (seed \(plan.seed))") }
        }
        if isTerminal { say("\r\u{1B}[K") }
        print(json ? report.json : report.table)
        if !report.isGood {
            say("backstay: the drill failed; to repeat it: backstay drill --seed \(report.seed)\n")
            throw ExitCode(1)
        }
    }

    private func say(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
#endif
