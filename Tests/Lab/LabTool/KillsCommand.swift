// `lab kills`: SIGKILL at random moments, as `backstay drill --kills` does, with the lab's options.

#if CommandLine
import ArgumentParser
import CrashLab

struct KillsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kills", abstract: "SIGKILL at random moments, 20 times over the same store: a case is a store.",
        discussion: "Without --budget or --cases: 100 stores, which are 2,000 kills.")

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 100)
        try options.finish(KillsAttack.run(plan, progress: options.progress("kills", of: plan.cases)))
    }
}
#endif
