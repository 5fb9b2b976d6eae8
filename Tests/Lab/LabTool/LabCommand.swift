// The command `lab`: one subcommand an attack. docs/crash-lab.md says what each does.

#if CommandLine
import ArgumentParser
import CrashLab
import SystemC

struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Attacks a store the way disks, kernels, users and neighbours do.",
        discussion: """
            Every row is a sequence of cases that its seed fixes. Exit status 0 when nothing was lost and nothing was \
            silently wrong, 1 otherwise, and when a control that must fail does not; 77 when this machine could play \
            nothing of the row, for the reasons that are printed.
            """,
        subcommands: [
            StatesCommand.self, FaultsCommand.self, RotCommand.self, ModelCommand.self, KillsCommand.self,
            RivalsCommand.self,
            CallsCommand.self, BlocksCommand.self, PowerCommand.self, ReplaysCommand.self, SignalsCommand.self,
            NeighboursCommand.self,
            HooksCommand.self, FullCommand.self, MutantsCommand.self,
        ]
    )
}
#endif
