// Scenarios: handled signals and fork.

import CExitHooks
import ExitHooks

import SystemC

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
            // Slower than the hooks.
            signal(SIGTERM) { _ in
                pauseThread(milliseconds: 20)
                note("previous")
            }
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
            note("handled \(hasHandler(SIGTERM))")
            second?.remove()
            note("handled \(hasHandler(SIGTERM))")
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
        "mask": {
            _ = try? ExitHooks.handleSignals([.terminate])
            // A thread is born with all signals blocked.
            for _ in 0..<100 where threadsBlocking(SIGPROF) > 0 { pauseThread(milliseconds: 20) }
            note("blocked in \(threadsBlocking(SIGPROF)) threads")
        },
        // Whoever closes all descriptors must not lose the signals, nor find our bytes in a file.
        "descriptors-closed": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("a")
            for descriptor in Int32(3)..<64 { close(descriptor) }
            note("ready")
            hang()
        },
        // The signals can only come to a thread of ours, and hooks are running when the second does.
        "previous-exits": {
            block(SIGTERM)
            block(SIGINT)
            signal(SIGINT) { _ in exit(5) }
            _ = try? ExitHooks.handleSignals([.terminate, .interrupt])
            register("a")
            ExitHooks.register("slow") { _ in
                note("hook")
                pauseThread(milliseconds: 300)
                note("done")
            }
            // Hooks have the mask of the program's first use: SIGTERM and SIGINT blocked.
            note("ready")
            hang()
        },
        "no-thread": {
            let room = addressSpace() + 2 << 20
            var limit = rlimit(rlim_cur: room, rlim_max: room)
            setrlimit(__rlimit_resource_t(9), &limit)  // RLIMIT_AS
            register("a", "b")
            do {
                try ExitHooks.handleSignals([.terminate])
                note("handled")
            } catch let error as ExitHooks.Failure {
                note("refused \(error.code == .systemRefused)")
            } catch {
                note("another error")
            }
            exit(3)
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

func hasHandler(_ signal: Int32) -> Bool {
    var found = sigaction()
    sigaction(signal, nil, &found)
    return found.__sigaction_handler.sa_sigaction != nil
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

func contents(of path: String) -> String {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 8192)
    let count = read(descriptor, &text, text.count)
    return String(decoding: text[..<max(count, 0)], as: UTF8.self)
}

/// Bytes of address space in use.
func addressSpace() -> UInt {
    (contents(of: "/proc/self/statm").split(separator: " ").first.flatMap { UInt($0) } ?? 0) * 4096
}

/// How many threads of this process block the signal.
func threadsBlocking(_ signal: Int32) -> Int {
    guard let folder = opendir("/proc/self/task") else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let lines = contents(of: "/proc/self/task/\(name)/status").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("SigBlk:") }) else { continue }
        let mask = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) ?? 0
        if mask >> UInt64(signal - 1) & 1 == 1 { count += 1 }
    }
    return count
}

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
