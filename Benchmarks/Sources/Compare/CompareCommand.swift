// `compare`: Backstay beside other engines at the same guarantee.

import ArgumentParser
import ExitHooks
import Foundation

@main
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Backstay beside other engines, at the same guarantee.",
        discussion: """
            In each round every engine has its turn, one right after the other. What is read is compared with what was \
            written, byte by byte; a difference ends the run with status 1.

            Workloads:
            \(Workload.all.map { "  " + $0.name.padding(toLength: 12, withPad: " ", startingAt: 0) + $0.summary }
                .joined(separator: "\n"))
            """,
        subcommands: [KilledChildCommand.self])

    @Flag(help: "A small run of two minutes; else about an hour.")
    var quick = false

    @Option(help: ArgumentHelp("A workload; may be given several times.", valueName: "name"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Beside Backstay, an engine; may be given several times.", valueName: "name"))
    var engine: [String] = []

    @Option(help: ArgumentHelp("Rounds of each row (default: 3 when quick, else 5).", valueName: "number"))
    var rounds: Int?

    @Option(help: ArgumentHelp("What random keys come from.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Where the stores are made, in a new folder that is removed again. The file system is what is measured.",
            valueName: "path"))
    var folder = "."

    @Flag(help: "One JSON object on standard output instead of the table.")
    var json = false

    @Option(help: ArgumentHelp("Also writes a page with plots.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Also writes the tables as Markdown.", valueName: "file"))
    var markdown: String?

    @Option(help: ArgumentHelp("Also writes the plots as SVG files.", valueName: "folder"))
    var plots: String?

    @Option(
        help: ArgumentHelp(
            "Shows the report of an earlier run, saved with --json, and runs nothing.", valueName: "file"))
    var from: String?

    func validate() throws {
        if let rounds, !(1...100).contains(rounds) { throw ValidationError("--rounds goes from 1 to 100") }
        let names = Workload.all.map(\.name)
        for name in only where !names.contains(name) {
            throw ValidationError("no workload is called \(name); there are: \(names.joined(separator: ", "))")
        }
        let engines = Set((Contestants.all.map(\.name) + Contestants.missing.map(\.name)).map { $0.lowercased() })
        for name in engine where !engines.contains(name.lowercased()) {
            throw ValidationError("no engine is called \(name); there are: \(engines.sorted().joined(separator: ", "))")
        }
    }

    func run() async throws {
        let report: Report
        if let from {
            report = try JSONReport.read(String(contentsOfFile: from, encoding: .utf8))
        } else {
            report = try await measure()
        }
        if let html { try HTMLPage(report).text().write(toFile: html, atomically: true, encoding: .utf8) }
        if let markdown { try MarkdownReport.text(report).write(toFile: markdown, atomically: true, encoding: .utf8) }
        if let plots { try HTMLPage(report).writePlots(into: plots) }
        if json {
            print(try JSONReport.text(report), terminator: "")
        } else {
            print(TerminalTable(report: report, isColoured: isatty(STDOUT_FILENO) == 1).text(), terminator: "")
        }
    }

    private func measure() async throws -> Report {
        let place = "\(folder)/compare-\(getpid())"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        // Ctrl+C too leaves nothing behind.
        let removal = ExitHooks.register("remove the stores") { _ in try FileManager.default.removeItem(atPath: place) }
        defer { removal.cancel() }
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])

        let progress = Progress()
        var contest = Contest(
            plan: quick ? .quick(rounds: rounds, seed: seed) : .full(rounds: rounds, seed: seed), folder: place,
            progress: progress)
        contest.engines = Set(engine.map { $0.lowercased() })
        try contest.checkGuarantees()
        let workloads = Workload.all.filter { only.isEmpty || only.contains($0.name) }
        let harness = try Clock.harnessCost()
        let start = Clock.now()
        var rows: [ReportRow] = []
        for (index, workload) in workloads.enumerated() {
            progress.begin(workload.name, index, of: workloads.count)
            rows += try await workload.run(contest)
        }
        progress.end()
        let real = URL(fileURLWithPath: place).resolvingSymlinksInPath().path
        return Report(
            machine: .here(real), plan: contest.plan, build: Self.build,
            engines: Contestants.versions.map { EngineVersion(name: $0.name, version: $0.version) },
            missing: Contestants.missing, clockNanoseconds: Clock.cost, harnessNanoseconds: harness,
            seconds: Double(Clock.now() - start) / 1e9, rows: rows)
    }

    private static var build: String {
        #if DEBUG
        "debug"
        #else
        "release"
        #endif
    }
}

/// The process that writes and is killed by its parent: Restart.swift.
struct KilledChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "killed-child", abstract: "Writes and waits to be killed.", shouldDisplay: false)

    @Argument var engine: String
    @Argument var folder: String
    @Argument var keys: Int

    func run() throws { try KilledChild.run(engine, folder, keys) }
}
