// A child process that acts out a scenario of ExitHooksProbe, seen from its parent: what it wrote, how it ended, how long
// it took. Nothing here trusts what the child says about its own end.

import TestSupport
import Testing

import SystemC

enum End: Equatable {
    case exited(Int32)
    case signalled(Int32)
}

struct Trial {
    let end: End
    let lines: [String]
    let stderr: String
    /// From the moment the test chose (start of the child, or `startClock`) until the child was gone.
    let duration: Duration
}

enum LaunchMode {
    case plain
    /// With these signals ignored on entry, as nohup does it.
    case ignoring(String)
    /// Under the real nohup.
    case nohup
    /// As PID 1 of a namespace of its own.
    case asInit
}

struct HarnessError: Error {
    let message: String
}

final class RunningProbe {
    let pid: pid_t
    private var output: Int32
    private let errors: Int32
    private var buffer: [UInt8] = []
    private var lines: [String] = []
    private var started = ContinuousClock.now
    private let clock = ContinuousClock()
    private var reads = true

    /// The children of a test end by themselves; this only keeps a broken one from stopping the suite.
    private let giveUp: Duration = .seconds(60)

    init(_ scenario: String, _ arguments: [String] = [], mode: LaunchMode = .plain, backtrace: Bool = false) throws {
        let probe = TestBundle.folder + "/ExitHooksProbe"
        let command: [String] =
            switch mode {
            case .plain: [probe, scenario] + arguments
            case .ignoring(let signals):
                ["/bin/sh", "-c", "trap '' \(signals); exec \"$@\"", "sh", probe, scenario] + arguments
            case .nohup: ["/usr/bin/env", "nohup", probe, scenario] + arguments
            case .asInit: ["/usr/bin/env", "unshare", "-pf", "--mount-proc", probe, scenario] + arguments
            }
        var pipeEnds: [Int32] = [0, 0]
        guard pipe(&pipeEnds) == 0 else { throw HarnessError(message: "pipe: \(errno)") }
        output = pipeEnds[0]
        var template = Array("/tmp/exit-hooks-stderr-XXXXXX".utf8CString)
        errors = mkstemp(&template)
        unlink(template)
        for descriptor in [pipeEnds[0], pipeEnds[1], errors] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)

        // The test runner's own mask and dispositions are none of the child's business.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let backtracing = "SWIFT_BACKTRACE=enable=\(backtrace ? "yes" : "no"),color=no,interactive=no"
        // Under the thread sanitizer: races end the child, fatal signals are the child's own, and its end is not delayed.
        let sanitizing =
            "TSAN_OPTIONS=halt_on_error=1:exitcode=66:atexit_sleep_ms=0:die_after_fork=0:handle_segv=0:handle_sigbus=0"
            + ":handle_sigfpe=0:handle_sigill=0:handle_sigtrap=0:handle_abort=0"
        // In the copy that `lab mutants` builds, the same mutant is on in the probe.
        let mutant = getenv("BACKSTAY_MUTANT").map { ["BACKSTAY_MUTANT=" + String(cString: $0)] } ?? []
        let environment = ["PATH=/usr/bin:/bin", backtracing, sanitizing] + mutant
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for string in argv + envp { free(string) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, command[0], &actions, &attributes, &argv, &envp)
        close(pipeEnds[1])
        guard error == 0 else { throw HarnessError(message: "spawn \(command[0]): \(error)") }
        pid = child
    }

    deinit {
        if output >= 0 { close(output) }
        close(errors)
    }

    /// Whether the thread sanitizer is in the process.
    static let isSanitized = dlsym(nil, "__tsan_init") != nil

    /// Whether `LaunchMode.asInit` works here: it needs root, and containers often forbid it.
    static func canBecomeInit() -> Bool {
        guard let probe = try? RunningProbe("nothing", mode: .asInit), let trial = try? probe.finish() else {
            return false
        }
        return trial.end == .exited(5)
    }

    func startClock() {
        started = .now
    }

    func send(_ signal: Int32) {
        kill(pid, signal)
    }

    /// The child's next write to stdout finds no reader.
    func closeOutput() {
        reads = false
        close(output)
        output = -1
    }

    /// From now on nobody reads what the child writes.
    func stopReading() {
        reads = false
    }

    /// Waits for a line that begins so.
    @discardableResult
    func line(_ start: String) throws -> String {
        let deadline = ContinuousClock.now + giveUp
        while true {
            if let line = lines.first(where: { $0.hasPrefix(start) }) { return line }
            try checkTime(deadline)
            if readSome(wait: 100) == .nothingMore {
                throw HarnessError(message: "ended without the line '\(start)', after \(lines)")
            }
        }
    }

    /// Waits until the pipe takes no more: what lies in it has stopped growing at its size.
    func waitUntilOutputIsFull() throws {
        let deadline = ContinuousClock.now + giveUp
        let size = fcntl(output, 1032)  // F_GETPIPE_SZ
        var held: Int32 = 0
        repeat {
            try checkTime(deadline)
            usleep(1000)
            _ = ioctl(output, UInt(FIONREAD), &held)
        } while held < size - 4096
    }

    /// Waits for the end of the child itself: the pipe may stay open longer, in another child that was started just when
    /// it was made.
    func finish() throws -> Trial {
        let deadline = ContinuousClock.now + giveUp
        var status: Int32 = 0
        while true {
            let waited = waitpid(pid, &status, WNOHANG)
            if waited == pid { break }
            if waited < 0 && errno != EINTR { throw HarnessError(message: "waitpid: \(errno)") }
            try checkTime(deadline)
            if !reads || readSome(wait: 2) == .nothingMore { usleep(1000) }
        }
        let duration = started.duration(to: .now)
        while reads, readSome(wait: 0) == .something {}
        if !buffer.isEmpty { lines.append(String(decoding: buffer, as: UTF8.self)) }
        let end: End = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
        return Trial(end: end, lines: lines, stderr: readErrors(), duration: duration)
    }

    private func checkTime(_ deadline: ContinuousClock.Instant) throws {
        guard ContinuousClock.now >= deadline else { return }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        throw HarnessError(message: "the child did not end; it wrote \(lines)\n\(readErrors())")
    }

    private enum Reading {
        case something, nothingYet, nothingMore
    }

    private func readSome(wait milliseconds: Int32) -> Reading {
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, milliseconds) == 1 else { return .nothingYet }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(output, &chunk, chunk.count)
        guard count > 0 else { return .nothingMore }
        buffer += chunk[..<count]
        while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: buffer[..<end], as: UTF8.self))
            buffer.removeSubrange(...end)
        }
        return .something
    }

    private func readErrors() -> String {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = pread(errors, &chunk, chunk.count, off_t(text.count))
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += chunk[..<count]
        }
    }
}

/// Runs a scenario from start to end.
func trial(_ scenario: String, _ arguments: String..., mode: LaunchMode = .plain) throws -> Trial {
    try RunningProbe(scenario, arguments, mode: mode).finish()
}

/// Runs a scenario that gets ready, then a signal, then its end.
func trial(_ scenario: String, _ arguments: String..., signal: Int32, mode: LaunchMode = .plain) throws -> Trial {
    let probe = try RunningProbe(scenario, arguments, mode: mode)
    try probe.line("ready")
    probe.startClock()
    probe.send(signal)
    return try probe.finish()
}

/// What was written after "ready".
extension Trial {
    var afterReady: [String] {
        Array(lines.drop { !$0.hasPrefix("ready") }.dropFirst())
    }
}
