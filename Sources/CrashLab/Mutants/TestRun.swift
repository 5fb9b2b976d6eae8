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
    let end: ChildProcess.End?
    /// What it wrote to stdout and stderr.
    let output: String

    /// Runs a command in a process group of its own; output goes through the file `log`, which stays.
    init(_ words: [String], fault: String? = nil, log: String, secondsMax: Double) throws {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let environment =
            ChildProcess.environment.filter { !$0.hasPrefix("BACKSTAY_PLANTED=") } + ["NO_COLOR=1"]
            + (fault.map { ["BACKSTAY_PLANTED=\($0)"] } ?? [])
        let arguments = words.map { strdup($0) }
        let variables = environment.map { strdup($0) }
        defer { for text in arguments + variables { free(text) } }
        var child = pid_t()
        let result = posix_spawnp(&child, words[0], &actions, &attributes, arguments + [nil], variables + [nil])
        guard result == 0 else { throw Platform.failure("starting", words[0], errno: result) }
        end = Self.wait(child, secondsMax)
        output = String(decoding: Platform.contents(log, limit: 64 << 20) ?? [], as: UTF8.self)
    }

    private static func wait(_ child: pid_t, _ secondsMax: Double) -> ChildProcess.End? {
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
        return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
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

    init(_ end: ChildProcess.End?, _ output: String, tests: [String]) {
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
