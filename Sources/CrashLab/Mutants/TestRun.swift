// One run of some command, tests mostly, with a time limit; and what a run of tests says about a planted fault.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

struct TestRun {
    /// Nil where the time was up and the command was killed.
    let end: ProcessEnd?
    /// What it wrote to stdout and stderr.
    let output: String

    /// Runs a command in a process group of its own; output goes to the end of the file `log`, which
    /// stays.
    init(_ words: [String], fault: String? = nil, log: String, secondsMax: Double) throws {
        guard let name = words.first, let executable = SystemCommand.path(of: name) else {
            throw Trouble(description: "\(words.first ?? "a command") is not there")
        }
        var run = Spawn(executable: executable, arguments: Array(words.dropFirst()), output: .file(log))
        run.environment.removeAll { $0.hasPrefix("BACKSTAY_PLANTED=") }
        run.environment.append("NO_COLOR=1")
        if let fault { run.environment.append("BACKSTAY_PLANTED=\(fault)") }
        let child = try run.start()
        end = Self.wait(child, secondsMax)
        // A test that was killed, or that crashed, has not removed its folders.
        for base in Set(["/dev/shm", LabFiles.temporary]) {
            for name in Platform.names(in: base) where name.hasPrefix("backstay-test-\(child)-") {
                Platform.removeFolder("\(base)/\(name)")
            }
        }
        output = String(decoding: Platform.contents(log, limit: 64 << 20) ?? [], as: UTF8.self)
    }

    private static func wait(_ child: pid_t, _ secondsMax: Double) -> ProcessEnd? {
        let deadline = Platform.monotonicNanoseconds() + UInt64(secondsMax * 1e9)
        var status: Int32 = 0
        while true {
            let waited = waitpid(child, &status, WNOHANG)
            if waited == child { break }
            guard waited == 0 || errno == EINTR, Platform.monotonicNanoseconds() < deadline else {
                kill(-child, SIGKILL)
                while waitpid(child, &status, 0) < 0 && errno == EINTR {}
                return nil
            }
            Platform.sleep(nanoseconds: 10_000_000)
        }
        // What its tests have started and left behind.
        kill(-child, SIGKILL)
        return ProcessEnd(status: status)
    }
}

/// What a run of a fault's tests says.
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
