// An example as a child process on a terminal of its own, seen from its parent: what it printed and how it ended.
//
// The terminal makes it what a user has: lines come as they are printed, and Ctrl+C is a byte that the terminal turns into
// SIGINT. Nothing here sleeps: it waits for output, and for the end as `waitpid` tells it.
//
// Why the pointers are right: argument and path strings live until `posix_spawn` has returned.

import TestSupport
import Testing

import SystemC

/// How a process ended, as its parent is told.
enum End: Equatable {
    case exit(Int32)
    case signal(Int32)
}

/// All that is known of a child once it is gone.
struct Outcome {
    var lines: [String]
    var errors: String
    var end: End
}

final class Child {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let pid: pid_t
    private var terminal: Int32
    private var stderr: Int32
    private var bytes: [UInt8] = []
    private var errorBytes: [UInt8] = []
    /// As `waitpid` tells it, once the child is gone.
    private var status: Int32?

    /// Only keeps a child that hangs from stopping the suite.
    private let giveUp = ContinuousClock.now + .seconds(60)

    init(_ example: String, _ arguments: [String] = []) throws {
        let program = TestBundle.folder + "/" + example
        var terminal: Int32 = -1
        var side: Int32 = -1
        var name = [CChar](repeating: 0, count: 1_024)
        guard openpty(&terminal, &side, nil, nil, nil) == 0, ttyname_r(side, &name, name.count) == 0 else {
            throw Failure(description: "no terminal: \(errno)")
        }
        // Held until the child has it: a terminal that nobody holds counts as hung up.
        defer { close(side) }
        var settings = termios()
        guard tcgetattr(side, &settings) == 0 else { throw Failure(description: "tcgetattr: \(errno)") }
        settings.c_oflag &= ~tcflag_t(OPOST)
        settings.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(side, TCSANOW, &settings)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(errno)") }
        defer { close(ends[1]) }
        for descriptor in [terminal, side] + ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        self.terminal = terminal
        stderr = ends[0]
        let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        pid = try Self.spawn([program] + arguments, path, ends[1])
    }

    deinit {
        if status == nil {
            var status: Int32 = 0
            kill(pid, SIGKILL)
            waitpid(pid, &status, 0)
        }
        if terminal >= 0 { close(terminal) }
        if stderr >= 0 { close(stderr) }
    }

    private static func spawn(_ command: [String], _ terminal: String, _ stderr: Int32) throws -> pid_t {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        let extra = Int32(POSIX_SPAWN_SETSID) | Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        // POSIX_SPAWN_SETSID, which the headers show only to those who ask for GNU extensions.
        let extra: Int32 = 0x80
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        // In a session of its own, the first terminal that it opens is the one it takes signals from.
        posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, stderr, 2)
        // What the test runner ignores or blocks is none of the child's business.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | extra
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var pid: pid_t = 0
        let error = posix_spawn(&pid, command[0], &actions, &attributes, &arguments, &environment)
        guard error == 0 else { throw Failure(description: "\(command[0]) can't be started: \(error)") }
        return pid
    }

    // MARK: Acting on it

    func send(_ signal: Int32) {
        if status == nil { kill(pid, signal) }
    }

    func pressReturn() { type("\n") }

    /// The end of the input.
    func pressControlD() { type("\u{4}") }

    func pressControlC() {
        #if os(Linux)
        type("\u{3}")
        #else
        send(SIGINT)
        #endif
    }

    private func type(_ text: String) {
        let keys = Array(text.utf8)
        _ = write(terminal, keys, keys.count)
    }

    // MARK: Watching it

    /// The lines printed so far.
    var lines: [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }

    /// Waits for a line that is or begins so: a line counts once it is complete.
    func wait(for start: String) throws {
        while !lines.contains(where: { $0.hasPrefix(start) }) {
            guard try readMore() else {
                throw Failure(description: "ended without printing \"\(start)\": \(try finish())")
            }
        }
    }

    /// Waits for the child's end.
    func finish() throws -> Outcome {
        while try readMore() {}
        guard let status else { throw Failure(description: "its end is not known") }
        #expect(bytes.isEmpty || bytes.last == UInt8(ascii: "\n"), "the last line has no end")
        return Outcome(
            lines: lines, errors: String(decoding: errorBytes, as: UTF8.self),
            end: status & 0x7f == 0 ? .exit(status >> 8 & 0xff) : .signal(status & 0x7f))
    }

    /// Waits for output; false when the child is gone and all of it is read.
    private func readMore() throws -> Bool {
        if status != nil { return readOnce(wait: 0) }
        guard giveUp > .now else {
            throw Failure(
                description: "does not end; it printed \(lines) \(String(decoding: errorBytes, as: UTF8.self))")
        }
        if readOnce(wait: terminal < 0 && stderr < 0 ? 1 : 100) { return true }
        // The outputs alone don't tell the end: another suite's child, started at the wrong moment, can hold them.
        var ended: Int32 = 0
        let found = waitpid(pid, &ended, WNOHANG)
        if found == pid { status = ended }
        if found < 0 && errno != EINTR { throw Failure(description: "waitpid: \(errno)") }
        return true
    }

    /// True if there was something, be it an end of file.
    private func readOnce(wait milliseconds: Int32) -> Bool {
        var open = [terminal, stderr].filter { $0 >= 0 }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&open, nfds_t(open.count), milliseconds) > 0 else { return false }
        for ready in open where ready.revents != 0 {
            var chunk = [UInt8](repeating: 0, count: 4_096)
            let count = read(ready.fd, &chunk, chunk.count)
            if count > 0 {
                if ready.fd == terminal { bytes += chunk[..<count] } else { errorBytes += chunk[..<count] }
            } else if count == 0 || errno != EINTR {
                // On Linux a terminal whose other side is closed answers EIO.
                close(ready.fd)
                if ready.fd == terminal { terminal = -1 } else { stderr = -1 }
            }
        }
        return true
    }
}
