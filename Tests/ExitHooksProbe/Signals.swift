// Scenarios: handled signals and fork.

import CExitHooks
import ExitHooks

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension Probe {
    static let signals: [String: Scenario] = [
        "unhandled": {
            register("a")
            note("ready")
            hang()
        },
        "handled": {
            let handling = try? ExitHooks.handleSignals([.interrupt, .terminate, .hangup, .user1])
            register("a")
            let ignored = handling?.ignored.map(\.name).sorted().joined(separator: " ") ?? "error"
            note("ready \(ignored)")
            hang()
        },
        "blocked": {
            block(SIGTERM)
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            note("ready")
            // A thread of the pool may have been born before; this one surely has it blocked.
            hang()
        },
        "slow-hook": {
            _ = try? ExitHooks.handleSignals([.interrupt, .terminate])
            ExitHooks.deadline = .seconds(20)
            ExitHooks.register("slow", budget: .seconds(20)) { _ in
                note("hook")
                pauseThread(milliseconds: UInt32(number))
                note("done")
            }
            note("ready")
            hang()
        },
        "chained": {
            signal(SIGTERM) { _ in note("previous") }
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            note("ready")
            hang()
        },
        "removed": {
            let first = try? ExitHooks.handleSignals([.terminate])
            let second = try? ExitHooks.handleSignals([.terminate])
            register("a")
            first?.remove()
            first?.remove()
            var found = sigaction()
            sigaction(SIGTERM, nil, &found)
            note("still handled \(found.__sigaction_handler.sa_sigaction != nil)")
            second?.remove()
            note("ready")
            hang()
        },
        "removed-restores": {
            signal(SIGTERM) { _ in note("previous") }
            let handling = try? ExitHooks.handleSignals([.terminate])
            register("a")
            handling?.remove()
            note("ready")
            hang()
        },
        "removed-under-another": {
            signal(SIGTERM) { _ in note("first") }
            let handling = try? ExitHooks.handleSignals([.terminate])
            chain(SIGTERM)
            handling?.remove()
            register("a")
            note("ready")
            hang()
        },
        "refused": {
            for number in [SIGQUIT, SIGCHLD, SIGPIPE, SIGKILL, SIGSEGV, 999] as [Int32] {
                do {
                    try ExitHooks.handleSignals([.terminate, Signal(rawValue: number)])
                    note("accepted \(number)")
                } catch let error as ExitHooks.Failure {
                    note("refused \(error.signal.name) \(error.code == .signalNotHandleable)")
                } catch {
                    note("another error")
                }
            }
            register("a")
            note("ready")
            hang()
        },
        "kill-self": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            note("pid \(getpid())")
            kill(getpid(), SIGTERM)
            hang()
        },
        // Whoever closes all descriptors must not lose the signals, nor find our bytes in a file.
        "descriptors-closed": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            for descriptor in Int32(3)..<64 { close(descriptor) }
            note("ready")
            hang()
        },
        "storm": {
            _ = try? ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
            ExitHooks.register("a", budget: .seconds(3)) { _ in
                note("hook")
                pauseThread(milliseconds: 100)
                note("done")
            }
            note("ready")
            hang()
        },
    ]

    static let forks: [String: Scenario] = [
        "fork-exits": {
            register("a")
            let child = forkProcess()
            if child == 0 { exit(7) }
            note("child \(waitFor(child))")
        },
        "fork-registers": {
            register("a")
            let child = forkProcess()
            if child == 0 {
                register("child's")
                exit(7)
            }
            note("child \(waitFor(child))")
        },
        "fork-handled": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            let child = forkProcess()
            if child == 0 {
                kill(getpid(), SIGTERM)
                _exit(1)
            }
            note("child \(waitFor(child))")
        },
        "fork-in-hook": {
            register("a")
            ExitHooks.register("b") { _ in
                let child = forkProcess()
                if child == 0 { return }
                note("child \(waitFor(child))")
            }
            ExitHooks.register("c") { _ in
                let child = forkProcess()
                if child == 0 { exit(6) }
                note("child \(waitFor(child))")
            }
            exit(3)
        },
        // A child that no fork handler has seen: it has the parent's registry, but another pid.
        "clone-exits": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            note("child \(waitFor(cloneProcess { exit(7) }))")
            note("child \(waitFor(cloneProcess { kill(getpid(), SIGTERM); _exit(1) }))")
        },
    ]

    /// "exited 3" or "signal 15".
    static func waitFor(_ child: pid_t) -> String {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? "exited \(status >> 8 & 0xff)" : "signal \(status & 0x7f)"
    }
}

/// Puts a handler on top that calls the one below, as polite libraries do.
func chain(_ chained: Int32) {
    sigaction(chained, nil, &below)
    signal(chained) { number in
        note("on top")
        below.__sigaction_handler.sa_sigaction?(number, nil, nil)
    }
}

/// Written once, before the handler that reads it is installed.
nonisolated(unsafe) private var below = sigaction()

/// Swift hides fork(); here it is what is tested.
func forkProcess() -> pid_t {
    typealias Fork = @convention(c) () -> pid_t
    return unsafeBitCast(dlsym(nil, "fork"), to: Fork.self)()
}

func cloneProcess(_ child: () -> Void) -> pid_t {
    typealias SystemCall = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int
    #if arch(x86_64)
        let clone = 56
    #else
        let clone = 220
    #endif
    let pid = unsafeBitCast(dlsym(nil, "syscall"), to: SystemCall.self)(clone, Int(SIGCHLD), 0, 0, 0, 0)
    if pid == 0 { child() }
    return pid_t(pid)
}
