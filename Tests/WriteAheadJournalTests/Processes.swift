// Forked children, for tests of what they share with their parent. Only for the processes of exit tests, which have no
// other thread at work: after fork() in any other, nothing but system calls would be safe.

import WriteAheadJournal

import SystemC

/// fork(), which Swift hides.
///
/// - Parameter runsHandlers: false for a child of which no fork handler knows, as a bare clone() makes it.
func forkProcess(runsHandlers: Bool = true) throws -> pid_t {
    typealias Fork = @convention(c) () -> pid_t
    let name = runsHandlers ? "fork" : "_Fork"
    guard let symbol = dlsym(dlopen(nil, RTLD_NOW), name) else { throw Files.failure("finding", name) }
    let pid = unsafeBitCast(symbol, to: Fork.self)()
    guard pid >= 0 else { throw Files.failure("forking", "the test") }
    return pid
}

/// Runs the body in a forked child, which then waits to be killed; status 7 where the body throws.
func child(_ body: () throws -> Void) throws -> pid_t {
    let pid = try forkProcess()
    if pid == 0 {
        do { try body() } catch { _exit(7) }
        while true { pause() }
    }
    return pid
}

func reap(_ pid: pid_t) {
    kill(pid, SIGKILL)
    _ = waitForEnd(of: pid)
}

/// The status of waitpid().
func waitForEnd(of pid: pid_t) -> Int32 {
    var status: Int32 = -1
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
}

/// A pipe on which a process tells another a number.
struct Channel {
    private var ends: [Int32] = [0, 0]

    init() throws {
        guard pipe(&ends) == 0 else { throw Files.failure("making", "a pipe") }
    }

    func send(_ number: Int32) {
        var number = number
        _ = write(ends[1], &number, 4)
    }

    /// Nil when nothing came for two minutes.
    func receive() -> Int32? {
        var end = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        var number: Int32 = 0
        guard poll(&end, 1, 120_000) == 1, read(ends[0], &number, 4) == 4 else { return nil }
        return number
    }
}
