// A child process that acts out a scenario of ExitHooksProbe.

import TestSupport
import Testing

import SystemC

enum LaunchMode {
    case plain
    /// With these signals ignored on entry, as nohup does it.
    case ignoring(String)
    /// Under the real nohup.
    case nohup
    /// As PID 1 of a namespace of its own.
    case asInit
}

extension ChildProcess {
    /// Starts a scenario of ExitHooksProbe.
    static func probe(
        _ scenario: String, _ arguments: [String] = [], mode: LaunchMode = .plain, backtrace: Bool = false
    ) throws -> ChildProcess {
        let probe = TestBundle.folder + "/ExitHooksProbe"
        let command: [String] =
            switch mode {
            case .plain: [probe, scenario] + arguments
            case .ignoring(let signals):
                ["/bin/sh", "-c", "trap '' \(signals); exec \"$@\"", "sh", probe, scenario] + arguments
            case .nohup: ["/usr/bin/env", "nohup", probe, scenario] + arguments
            case .asInit: ["/usr/bin/env", "unshare", "-pf", "--mount-proc", probe, scenario] + arguments
            }
        let backtracing = "SWIFT_BACKTRACE=enable=\(backtrace ? "yes" : "no"),color=no,interactive=no"
        // Under the thread sanitizer: races end the child, fatal signals are the child's own, and its end is not delayed.
        let sanitizing =
            "TSAN_OPTIONS=halt_on_error=1:exitcode=66:atexit_sleep_ms=0:die_after_fork=0:handle_segv=0:handle_sigbus=0"
            + ":handle_sigfpe=0:handle_sigill=0:handle_sigtrap=0:handle_abort=0"
        // In the copy that `lab mutants` builds, the same mutant is on in the probe.
        let mutant = getenv("BACKSTAY_MUTANT").map { ["BACKSTAY_MUTANT=" + String(cString: $0)] } ?? []
        let environment = ["PATH=/usr/bin:/bin", backtracing, sanitizing] + mutant
        return try ChildProcess(command[0], Array(command.dropFirst()), environment: environment)
    }

    /// Whether the thread sanitizer is in the process.
    static let isSanitized = dlsym(nil, "__tsan_init") != nil

    /// Whether `LaunchMode.asInit` works here: it needs root, and containers often forbid it.
    static func canBecomeInit() -> Bool {
        let trial = try? ChildProcess.probe("nothing", mode: .asInit).finish()
        return trial?.end == .exited(5)
    }

    /// Waits until the pipe takes no more: what lies in it has stopped growing at its size.
    func waitUntilOutputIsFull() throws {
        let deadline = ContinuousClock.now + .seconds(60)
        let size = fcntl(output, 1032)  // F_GETPIPE_SZ
        var held: Int32 = 0
        repeat {
            guard ContinuousClock.now < deadline else { throw Failure("the pipe does not fill") }
            usleep(1000)
            _ = ioctl(output, UInt(FIONREAD), &held)
        } while held < size - 4096
    }
}

/// Runs a scenario from start to end.
func trial(_ scenario: String, _ arguments: String..., mode: LaunchMode = .plain) throws -> ChildProcess.Outcome {
    try ChildProcess.probe(scenario, arguments, mode: mode).finish()
}

/// Runs a scenario that gets ready, then a signal, then its end.
func trial(
    _ scenario: String, _ arguments: String..., signal: Int32, mode: LaunchMode = .plain
) throws -> ChildProcess.Outcome {
    let probe = try ChildProcess.probe(scenario, arguments, mode: mode)
    try probe.line("ready")
    probe.startClock()
    probe.send(signal)
    return try probe.finish()
}

/// What was written after "ready".
extension ChildProcess.Outcome {
    var afterReady: [String] {
        Array(lines.drop { !$0.hasPrefix("ready") }.dropFirst())
    }
}
