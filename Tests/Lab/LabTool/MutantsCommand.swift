// `lab mutants`: durability bugs, planted one at a time, and the tests that must notice.

#if CommandLine
import ArgumentParser
import CrashLab

struct MutantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants", abstract: "Plants durability bugs one by one and runs the tests that must notice.",
        discussion: """
            Copies the package to .build-mutants, plants every mutant there and builds the tests once; then prints the \
            kill matrix as docs/mutants.md has it. A mutant that no test notices fails the row.
            """)

    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("A clone of this package.", valueName: "path"))
    var package = "."

    func run() throws {
        let progress = options.progress("mutants", of: Mutant.all.count)
        let (report, matrix) = try MutantsAttack.run(options.plan, package: package, progress: progress)
        if !options.json { print(matrix + "\n") }
        try options.finish(report)
    }
}
#endif
