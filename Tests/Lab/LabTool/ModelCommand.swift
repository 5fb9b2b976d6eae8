// `lab model`: random lives of a store beside a dictionary.

#if CommandLine
import ArgumentParser
import CrashLab

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Random lives of a store, compared with a dictionary step by step.",
        discussion: """
            Changes and reads of every kind, checkpoints, backups, readers, deaths, and calls that fail, with other options \
            at each start: a case is a life. Without --budget or --cases: 2000 lives.
            """)

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 2_000)
        try options.finish(ModelAttack.run(plan, isAlone: true, progress: options.progress("model", of: plan.cases)))
    }
}
#endif
