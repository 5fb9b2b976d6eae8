// The row `mutants`: a test build with durability bugs planted in it, one at a time, and the tests that must notice.
//
// A case is an entry of the table (Mutant.swift). First the tests of all cases are run with no mutant on, under a name that
// is none: they must pass, and that is the control. A mutant is noticed if one of its tests fails, if the process that runs
// them ends by a signal, or if they do not come to an end in time: twenty seconds and ten times what they took without it,
// a minute at most, beside the others and under their load. A mutant whose place was not reached counts as not run.

internal import Drill
internal import SystemC
internal import WriteAheadJournal

package enum MutantsAttack {
    /// A row that cannot be played at all.
    package struct Unusable: Error, CustomStringConvertible {
        package let description: String
    }

    private static let place = ".build-mutants"
    private static let buildSecondsMax = 3_600.0
    private static let soundSecondsMax = 900.0

    /// - Parameter package: the folder of a clone of this package; it is copied to `.build-mutants` there, and built.
    /// - Returns: the report, and the kill matrix of the cases that were played.
    package static func run(
        _ plan: LabPlan, package: String, progress: (Int) -> Void
    ) throws -> (report: LabReport, matrix: String) {
        let root = try Files.resolved(package)
        var run = try LabRun("mutants", plan)
        if package != "." { run.report.options = ["--package \(package)"] }
        let end = min(Mutant.all.count, plan.cases.map { plan.from + $0 } ?? .max)
        let mutants = plan.from < end ? Array(Mutant.all[plan.from..<end]) : []
        let bundle = try build(root, run.place)
        let (sound, unsound) = try runSound(bundle, mutants, run.place)

        run.report.control("no mutant on", fails: unsound.isEmpty)
        guard unsound.isEmpty else {
            run.report.fail(
                max(plan.from, end - 1), "no mutant is on, and not passed: \(unsound)", from: plan.from,
                artefacts: run.place)
            return (run.end(next: plan.from), "")
        }
        var lines: [String] = []
        let next = try plan.play(of: Mutant.all.count, progress: progress) { number in
            let mutant = Mutant.all[number]
            let log = "\(run.place)/\(mutant.name)"
            let reached = try makeMark(log + ".reached", in: run.place)
            let tests = try TestRun(
                [bundle, "--testing-library", "swift-testing", "--filter", mutant.filter],
                mutant: (mutant.name, reached), log: log,
                secondsMax: min(60, 20 + 10 * mutant.tests.map { sound[$0] ?? 0 }.reduce(0, +)))
            let verdict =
                Files.size(reached) ?? 0 > 0
                ? MutantVerdict(tests.end, tests.output, tests: mutant.tests) : .notRun("its place was not reached")
            lines.append(line(mutant, verdict))
            note(verdict, of: mutant, number, log: log, in: &run.report)
        }
        let head = "| mutant | what it does | the tests | test |\n|---|---|---|---|"
        return (run.end(next: next), ([head] + lines).joined(separator: "\n"))
    }

    /// An empty file that a test's process can write to, whoever it runs as: some give up root.
    private static func makeMark(_ path: String, in place: String) throws -> String {
        let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0, fchmod(descriptor, 0o666) == 0, chmod(place, 0o711) == 0 else {
            throw Unusable(description: "\(path) cannot be made")
        }
        close(descriptor)
        return path
    }

    /// A mutant that survives, or whose tests were not run, fails the row.
    static func note(
        _ verdict: MutantVerdict, of mutant: Mutant, _ number: Int, log: String, in report: inout LabReport
    ) {
        switch verdict {
        case .failed:
            report.note(.detected)
            report.count("by a test that fails")
        case .crashed:
            report.note(.detected)
            report.count("by a crash of its test")
        case .hung:
            report.note(.detected)
            report.count("by a test that does not end")
        case .survived:
            report.note(.lost)
            report.fail(number, "\(mutant.name) survives \(mutant.tests.joined(separator: ", "))", artefacts: log)
        case .notRun(let why):
            report.note(.wrong)
            report.fail(number, "\(mutant.name): \(why)", artefacts: log)
        }
    }

    private static func line(_ mutant: Mutant, _ verdict: MutantVerdict) -> String {
        var tests = mutant.tests
        if case .failed(let failed) = verdict { tests = failed }
        return "| `\(mutant.name)` | \(mutant.what) | \(verdict.word) | "
            + tests.map { "`\($0)`" }.joined(separator: " ") + " |"
    }

    /// Plants every mutant in a copy of the package and builds all tests of it.
    ///
    /// - Returns: the program that runs them.
    private static func build(_ root: String, _ place: String) throws -> String {
        let listing = try TestRun(
            ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"], log: place + "/files",
            secondsMax: 60)
        guard listing.end == .exited(0) else {
            throw Unusable(description: "\(root) is no clone of this package: \(listing.output)")
        }
        let copy = try MutantCopy(
            of: root, files: listing.output.split(separator: "\n").map(String.init),
            to: "\(root)/\(Self.place)/package")
        let log = place + "/build"
        let run = try TestRun(
            ["swift", "build", "--package-path", copy.path, "--build-tests"], log: log, secondsMax: buildSecondsMax)
        guard run.end == .exited(0) else {
            throw Unusable(description: "the tests were not built: see \(log)\n\(run.output.suffix(2_000))")
        }
        let bundle = copy.path + "/.build/debug/backstayPackageTests.xctest"
        guard Files.exists(bundle) else { throw Unusable(description: "the build made no \(bundle)") }
        return bundle
    }

    /// The tests of all cases with no mutant on. One that fails is given another two chances, alone: some are about
    /// time, and all of them at once are a load.
    ///
    /// - Returns: the seconds that each took, and those that did not pass.
    private static func runSound(
        _ bundle: String, _ mutants: [Mutant], _ place: String
    ) throws -> (seconds: [String: Double], unsound: [String]) {
        var seconds: [String: Double] = [:]
        var left = Array(Set(mutants.flatMap(\.tests))).sorted()
        for attempt in 0..<3 where !left.isEmpty {
            for tests in attempt == 0 ? [left] : left.map({ [$0] }) {
                let run = try TestRun(
                    [bundle, "--testing-library", "swift-testing", "--filter", Mutant.filter(tests)],
                    mutant: ("none", "/dev/null"),
                    log: "\(place)/sound-\(attempt)-\(tests[0])", secondsMax: soundSecondsMax)
                for test in tests where MutantVerdict.hasPassed(run.output, test) {
                    seconds[test] = MutantVerdict.seconds(run.output, test)
                }
            }
            left.removeAll { seconds[$0] != nil }
        }
        return (seconds, left)
    }
}
