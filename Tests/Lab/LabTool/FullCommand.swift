// `lab full`: disks without room.

#if CommandLine
import ArgumentParser
import CrashLab

struct FullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "full", abstract: "Real, small file systems that are full at the worst moment.",
        discussion: "Without --budget or --cases: 112 cases. File systems need root; RLIMIT_FSIZE does not.")

    @OptionGroup var options: LabOptions

    func run() throws {
        var plan = options.plan
        if plan.cases == nil && plan.budget == nil { plan.cases = 112 }
        try options.finish(FullAttack.run(plan, progress: options.progress("full", of: plan.cases)))
    }
}
#endif
