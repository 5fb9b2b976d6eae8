// `lab mutants`: planted durability bugs, and the tests that must notice.

#if CommandLine
import ArgumentParser
import CrashLab

struct MutantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants", abstract: "Plants durability bugs one by one and runs the tests that must notice.",
        discussion: """
            Builds the package's tests once, with the faults in them, under .build-planted; then prints the kill matrix \
            as docs/testing.md has it. A fault that no test notices fails the row.
            """)

    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("A clone of this package.", valueName: "path"))
    var package = "."

    func run() throws {
        let progress = options.progress("mutants", of: Mutant.all.count)
        let (report, matrix) = try MutantsRow.run(options.plan, package: package, progress: progress)
        if !options.json { print(matrix + "\n") }
        try options.finish(report)
    }
}
#endif
