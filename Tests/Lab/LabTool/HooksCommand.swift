// `lab hooks`: hostile exit hooks.

#if CommandLine
import ArgumentParser
import CrashLab

struct HooksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hooks", abstract: "Hostile exit hooks: they hang, kill, write, close what is not theirs.",
        discussion: "Without --budget or --cases: each hook alone at each end, and as many pairs.")

    @OptionGroup var options: LabOptions

    func run() throws {
        var plan = options.plan
        if plan.cases == nil && plan.budget == nil { plan.cases = 2 * HooksAttack.alone }
        try options.finish(HooksAttack.run(plan, progress: options.progress("hooks", of: plan.cases)))
    }
}
#endif
