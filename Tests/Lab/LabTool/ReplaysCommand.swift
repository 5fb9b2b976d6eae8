// `lab replays`: crash states of an emulated machine's drive.

#if CommandLine
import ArgumentParser
import CrashLab
import ExitHooks

struct ReplaysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replays", abstract: "Crash states of an emulated machine's drive, by QEMU's log of it.",
        discussion: """
            Boots a small machine under QEMU's software emulation, whose program changes a store, and opens the disks \
            that a power cut anywhere in the log of its drive may leave; a hundred cases share a boot. .ci/power-machine \
            fetches and builds what the machine needs; what is missing is named. Without --budget or --cases: 200 disks.
            """)

    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("The folder with the machine's kernel and programs.", valueName: "path"))
    var machine = PowerMachine.usualFolder

    func run() throws {
        let plan = options.plan(of: 200)
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        let progress = options.progress("replays", of: plan.cases)
        try options.finish(ReplaysAttack.run(plan, machine: machine, progress: progress))
    }
}
#endif
