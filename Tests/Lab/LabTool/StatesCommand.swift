// `lab states`: every disk that a crash may leave.

#if CommandLine
import ArgumentParser
import CrashLab

struct StatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "states",
        abstract: "Opens every disk that a power cut or a process's death may leave: a case is a recorded workload.",
        discussion: "Without --budget or --cases: 20 workloads, some 200,000 states.")

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 20)
        try options.finish(CrashStatesAttack.run(plan, progress: options.progress("states", of: plan.cases)))
    }
}
#endif
