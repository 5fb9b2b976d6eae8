// `lab neighbours`: races for the store, takeovers, cancelled locks.

#if CommandLine
import ArgumentParser
import CrashLab

struct NeighboursCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "neighbours", abstract: "Other processes that want the same store.",
        discussion: "Without --budget or --cases: 60 cases.")

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 60)
        try options.finish(NeighboursAttack.run(plan, progress: options.progress("neighbours", of: plan.cases)))
    }
}
#endif
