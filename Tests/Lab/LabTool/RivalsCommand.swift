// `lab rivals`: who loses what.

#if CommandLine
import ArgumentParser
import CrashLab

struct RivalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rivals",
        abstract: "The same ends and the same rot for the store, for plain SQLite, and for files of lines.",
        discussion: """
            Prints a table: of how many cases, in how many something acknowledged was gone or wrong without a word \
            ("silent"), in how many it was noticed. Without --budget or --cases: 40 cases of each.
            """)

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 40 * Rival.allCases.count * RivalBlow.allCases.count)
        let (report, table) = try RivalsAttack.run(plan, progress: options.progress("rivals", of: plan.cases))
        if !options.json { print(table + "\n") }
        try options.finish(report)
    }
}
#endif
