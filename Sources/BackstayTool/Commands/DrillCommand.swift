// `backstay drill`: every way a process can end, in real child processes.

#if CommandLine
import ArgumentParser
import Drill
import ExitHooks

struct DrillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "End real processes in every way there is, and show what ran and what survived.",
        discussion: """
            Each scenario makes 1,000 changes or more in a child process that then ends: it returns, exits, throws, crashes, is \
            killed, loses power. The next start must find every acknowledged change. Controls have one deliberate fault \
            and must lose: they prove that loss would be seen. Takes less than a minute. Exit status 1 on any loss, on \
            anything else that is not as the table of guarantees says, and if a control does not lose.
            With --json: {"ok":true,"seed":…,"seconds":…,"scenarios":[{"name":…,"hooksRan":true,"scopeRan":true, \
            "handlerRan":true,"acknowledged":…,"recovered":…,"lost":0,"endedAs":…,"control":false,"seconds":…}]}; a \
            control has "option", what could not be played "skipped", what went wrong "problems".
            """)

    @Option(help: ArgumentHelp("The seed of all random choices, as an earlier run printed it.", valueName: "number"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Only scenarios of this name, or whose name contains it. May be given again.", valueName: "name"))
    var only: [String] = []

    @Option(
        help: ArgumentHelp(
            "Instead of the table: so many SIGKILLs at random moments over the same store, then a new one.",
            valueName: "number"))
    var kills: Int?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let kills {
            guard kills > 0 else { throw ValidationError("--kills goes from 1") }
            guard only.isEmpty else { throw ValidationError("--kills and --only exclude each other") }
        }
        var plan = DrillPlan()
        plan.only = only
        guard !plan.chosen.isEmpty else {
            throw ValidationError("no scenario is called so; there are: \(DrillPlan.names.joined(separator: " · "))")
        }
    }

    func run() throws {
        if let kills { return try run(KillCampaign(kills: kills, seed: seed)) }
        var plan = DrillPlan(seed: seed)
        plan.only = only
        // Stopped by Ctrl+C it removes its stores.
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        let count = plan.chosen.count
        var index = 0
        let report = try plan.run { name in
            index += 1
            if Terminal.isError { noteBytes("\r\u{1B}[K\(index)/\(count) \(name)  (seed \(plan.seed))") }
        }
        if Terminal.isError { noteBytes("\r\u{1B}[K") }
        try withOutput { try $0.print(common.json ? report.json : report.table) }
        if !report.isGood {
            note("backstay: the drill failed; to repeat it: backstay drill --seed \(report.seed)")
            throw ExitCode(1)
        }
    }

    private func run(_ campaign: KillCampaign) throws {
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        let report = try campaign.run { kills in
            if Terminal.isError { noteBytes("\r\u{1B}[K\(kills)/\(campaign.kills) kills  (seed \(campaign.seed))") }
        }
        if Terminal.isError { noteBytes("\r\u{1B}[K") }
        try withOutput { try $0.print(common.json ? report.json : report.text) }
        if !report.isGood {
            note(
                "backstay: the campaign failed; to repeat it: backstay drill --kills \(kills ?? 0) --seed \(report.seed)"
            )
            throw ExitCode(1)
        }
    }
}
#endif
