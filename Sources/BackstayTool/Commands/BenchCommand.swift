// `backstay bench`: each level on this machine, as ratios in one run.

#if CommandLine
import ArgumentParser
import Bench
import WriteAheadJournal
import SystemC

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures this machine: commits, reads, growth, start, memory, each beside what it is compared with.",
        discussion: """
            Rounds of the two subjects of a row take turns; the ratio is the median of the rounds' ratios, with its lowest \
            and highest. Keys have 16 bytes, values 100. Needs about 1 GiB of space in --folder, which is removed again. \
            Measure with a release build: swift run -c release backstay bench.
            With --json, one object: {"build":"release","rounds":…,"scale":…,"rows":[{"name":…,"unit":"ns" or "bytes",\
            "ours":…,"other":…,"theirs":…,"ratio":…,"ratioLow":…,"ratioHigh":…,"goal":…,"met":…}]}; "ratio" is theirs \
            divided by ours: above 1, ours is less. Exit status 0 whatever the figures are.
            """
    )

    @Option(help: ArgumentHelp("Where to write; a new folder is made in it.", valueName: "path"))
    var folder = "."

    @Option(help: ArgumentHelp("The size of the work: 1 is the full size.", valueName: "number"))
    var scale = 1.0

    @Option(help: ArgumentHelp("Rounds of each row.", valueName: "number"))
    var rounds = 5

    @Option(help: ArgumentHelp("One row: \(StoreBenchmark.names.joined(separator: ", ")).", valueName: "name"))
    var only: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard scale > 0, scale <= 10 else { throw ValidationError("--scale goes from above 0 to 10") }
        guard (1...100).contains(rounds) else { throw ValidationError("--rounds goes from 1 to 100") }
        if let only, !StoreBenchmark.names.contains(only) {
            throw ValidationError(
                "no row is called \(only); there are: \(StoreBenchmark.names.joined(separator: ", "))")
        }
    }

    func run() async throws {
        let place = "\(folder)/backstay-bench-\(Machine.processID())"
        guard mkdir(place, 0o700) == 0 else { throw Files.failure("creating", place) }
        let rows: [StoreBenchmark.Row]
        do {
            rows = try await benchmark(place).run()
        } catch {
            Files.removeFolder(place)
            throw error
        }
        Files.removeFolder(place)
        if Terminal.isError { noteBytes("\r\u{1b}[K") }
        try show(rows)
    }

    private func benchmark(_ place: String) -> StoreBenchmark {
        var benchmark = StoreBenchmark(folder: place)
        benchmark.scale = scale
        benchmark.rounds = rounds
        benchmark.only = only ?? ""
        if Terminal.isError { benchmark.progress = { noteBytes("\r\u{1b}[K\($0)") } }
        return benchmark
    }

    private func show(_ rows: [StoreBenchmark.Row]) throws {
        try withOutput { out in
            if common.json {
                try out.print([
                    "build": .string(Self.build), "rounds": .count(rounds), "scale": .double(scale),
                    "rows": .array(rows.map(Self.json)),
                ])
                return
            }
            let head = ["", "OURS", "", "BESIDE", "", "RATIO", "SPREAD", "GOAL", ""]
            for line in TextForm.table([head] + rows.map(Self.cells)) { try out.print(line) }
            try out.print("")
            try out.print(
                "Ratio: the other's figure divided by ours; above 1, ours is less. \(rounds) rounds, \(Self.build) build."
            )
            if Self.build == "debug" {
                try out.print("A debug build says little: swift run -c release backstay bench.")
            }
        }
    }

    private static var build: String {
        #if DEBUG
        "debug"
        #else
        "release"
        #endif
    }

    private static func cells(_ row: StoreBenchmark.Row) -> [String] {
        func figure(_ spread: Spread?) -> String { spread.map { TextForm.rounded($0.median) } ?? "–" }
        let met = row.isMet.map { $0 ? "met" : "missed" } ?? ""
        return [
            row.name, figure(row.ours), row.unit, row.other, figure(row.theirs),
            row.ratio.map { TextForm.ratio($0.median) } ?? "–",
            row.ratio.map { "\(TextForm.ratio($0.low))–\(TextForm.ratio($0.high))" } ?? "–", row.goal, met,
        ]
    }

    private static func json(_ row: StoreBenchmark.Row) -> JSON {
        func number(_ value: Double?) -> JSON { value.map { .double($0) } ?? .null }
        return [
            "name": .string(row.name), "unit": .string(row.unit), "ours": .double(row.ours.median),
            "other": .string(row.other), "theirs": number(row.theirs?.median), "ratio": number(row.ratio?.median),
            "ratioLow": number(row.ratio?.low), "ratioHigh": number(row.ratio?.high), "goal": .string(row.goal),
            "met": row.isMet.map { .bool($0) } ?? .null,
        ]
    }
}

extension TextForm {
    /// A figure with the digits that mean something.
    static func rounded(_ value: Double) -> String {
        value >= 10_000 ? "\(Int(value / 1_000))k" : "\(Int(value))"
    }

    /// Two decimals, or none from 10 on.
    static func ratio(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        if value >= 10 { return "\(Int(value.rounded()))" }
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
#endif
