// `lab power`: power cuts of an emulated machine.

#if CommandLine
import ArgumentParser
import CrashLab
import ExitHooks

struct PowerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "power", abstract: "Power cuts of an emulated machine: a case is a cut.",
        discussion: """
            Boots a small machine under QEMU's software emulation, whose program changes a store, and kills the emulator. \
            .ci/power-machine fetches and builds what the machine needs; what is missing is named. Without --budget or \
            --cases: 20 cuts.
            """)

    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("The folder with the machine's kernel and programs.", valueName: "path"))
    var machine = PowerMachine.usualFolder

    func run() throws {
        let plan = options.plan(of: 20)
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        let progress = options.progress("power", of: plan.cases)
        try options.finish(PowerAttack.run(plan, machine: machine, progress: progress))
    }
}
#endif
