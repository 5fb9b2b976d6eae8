// `lab rot`: every bit, every byte, sectors, and the files themselves.

#if CommandLine
import ArgumentParser
import CrashLab

struct RotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rot",
        abstract: "Alters what a closed, a killed and a cut-off store left on the disk: a case is one alteration.",
        discussion: """
            First what can be done to whole files, then sectors, then single bits and bytes, each part in an order that \
            the seed shuffles. Without --budget or --cases: 20000 cases.
            """)

    @Flag(help: "Of three smaller stores, each bit once and nothing else.")
    var everyBit = false

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 20_000)
        try options.finish(RotAttack.run(plan, everyBit: everyBit, progress: options.progress("rot", of: plan.cases)))
    }
}
#endif
