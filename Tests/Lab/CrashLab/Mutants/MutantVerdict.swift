// What a run of a mutant's tests says, read from the lines of the test library.

internal import Drill
internal import WriteAheadJournal

enum MutantVerdict: Equatable {
    /// These tests failed.
    case failed([String])
    /// The process that runs the tests ended by a signal, or in a trap.
    case crashed(String)
    /// The tests did not come to an end.
    case hung
    /// All of them passed: a test is missing.
    case survived
    /// The tests were not run, or not all of them.
    case notRun(String)

    init(_ end: ProcessEnd?, _ output: String, tests: [String]) {
        let lines = output.split(separator: "\n")
        let failed = tests.filter { Self.has(lines, $0, [" failed after", " recorded an issue"]) }
        let missing = tests.filter { !Self.has(lines, $0, [" passed after"]) }
        switch end {
        case _ where !failed.isEmpty: self = .failed(failed)
        case nil: self = .hung
        case .signalled(let signal): self = .crashed(SignalName.of(signal))
        case .exited(0) where missing.isEmpty: self = .survived
        case .exited(let status):
            self = .notRun("exit status \(status); not passed, not failed: \(missing.joined(separator: ", "))")
        }
    }

    /// Whether this test passed, whatever became of others.
    static func hasPassed(_ output: String, _ test: String) -> Bool {
        let lines = output.split(separator: "\n")
        return has(lines, test, [" passed after"]) && !has(lines, test, [" failed after", " recorded an issue"])
    }

    private static func has(_ lines: [Substring], _ test: String, _ words: [String]) -> Bool {
        lines.contains { line in line.contains("Test \(test)(") && words.contains { line.contains($0) } }
    }

    /// How long a test took that passed: "… passed after 0.12 seconds."
    static func seconds(_ output: String, _ test: String) -> Double {
        for line in output.split(separator: "\n")
        where line.contains("Test \(test)(") && line.contains(" passed after ") {
            if let seconds = line.split(separator: " ").compactMap({ Double($0) }).last { return seconds }
        }
        return 0
    }

    var isNoticed: Bool {
        switch self {
        case .failed, .crashed, .hung: true
        case .survived, .notRun: false
        }
    }

    /// In the kill matrix.
    var word: String {
        switch self {
        case .failed: "fails"
        case .crashed(let signal): "ends by \(signal)"
        case .hung: "hangs"
        case .survived: "SURVIVES"
        case .notRun: "NOT RUN"
        }
    }
}
