// How a program is started, as far as signals are concerned.

internal import SystemC

package enum Launch: Equatable {
    /// In a process group of its own, no signal ignored or blocked.
    case foreground
    /// SIGHUP ignored, as `nohup` does.
    case nohup
    /// This signal ignored, or blocked, on entry.
    case ignored(Int32)
    case blocked(Int32)
    /// In a session of its own, as a service.
    case session
    /// Process 1 of a PID namespace, as in a container.
    case firstProcess
    /// Below a shell that waits for it.
    case belowShell

    package static func all(_ signal: Int32) -> [Launch] {
        [.foreground, .nohup, .ignored(signal), .blocked(signal), .session, .firstProcess, .belowShell]
    }

    package var name: String {
        switch self {
        case .foreground: "foreground"
        case .nohup: "nohup"
        case .ignored: "ignored on entry"
        case .blocked: "blocked on entry"
        case .session: "session of its own"
        case .firstProcess: "process 1"
        case .belowShell: "below a shell"
        }
    }

    /// Whether another process is between the parent and the program.
    package var isWrapped: Bool { self == .firstProcess || self == .belowShell }

    func command(_ executable: String, _ arguments: [String]) -> (String, [String]) {
        func shell(_ line: String) -> (String, [String]) { ("/bin/sh", ["-c", line, executable] + arguments) }
        switch self {
        case .foreground, .blocked, .session: return (executable, arguments)
        case .nohup: return shell("trap '' HUP; exec \"$0\" \"$@\"")
        // A shell cannot ignore SIGKILL, and says so by status; there is nothing to be ignored then.
        case .ignored(let signal):
            return signal == SIGKILL ? (executable, arguments) : shell("trap '' \(signal); exec \"$0\" \"$@\"")
        case .firstProcess:
            return ("/usr/bin/unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", executable] + arguments)
        case .belowShell: return shell("\"$0\" \"$@\"; exit $?")
        }
    }

    /// What a shell cannot do for it.
    package func prepare(_ spawn: inout Spawn) {
        if self == .session { spawn.group = .session }
        if case .blocked(let signal) = self { spawn.blocked = signal }
    }
}
