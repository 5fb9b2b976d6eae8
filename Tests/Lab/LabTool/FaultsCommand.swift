// `lab faults`: calls and allocations of SQLite that fail.

#if CommandLine
import ArgumentParser
import CrashLab

struct FaultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults",
        abstract: "Every call of SQLite's VFS, and every allocation of SQLite, fails in every way.",
        discussion: """
            A case is one workload, one call of it, one way to fail, once or for good. Without --budget or --cases: all \
            of them.
            """)

    @OptionGroup var options: LabOptions

    func run() throws {
        try options.finish(FaultsAttack.run(options.plan, progress: options.progress("faults", of: options.cases)))
    }
}
#endif
