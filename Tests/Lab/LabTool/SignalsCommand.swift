// `lab signals`: the matrix of signals, moments and ways to be started.

#if CommandLine
import ArgumentParser
import CrashLab

struct SignalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signals", abstract: "Every signal at every moment, however the program was started.",
        discussion: "Without --budget or --cases: each of the \(SignalsAttack.cells) cells once.")

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: SignalsAttack.cells)
        try options.finish(SignalsAttack.run(plan, progress: options.progress("signals", of: plan.cases)))
    }
}
#endif
