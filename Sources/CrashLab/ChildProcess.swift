// A child: the same executable, run again in a role. The parent reads its messages until the pipe ends.
//
// The child is in a process group of its own, so that Ctrl+C on the drill is not also a signal to the child; it ends by
// itself when nobody reads its messages, and by an alarm in any case.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

final class ChildProcess {
    /// How a child ended, as the kernel says.
    enum End: Equatable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        var description: String {
            switch self {
            case .exited(let status): "exit status \(status)"
            case .signalled(let signal): SignalName.of(signal)
            }
        }
    }

    let pid: pid_t
    private let messages: Int32
    private var buffer: [UInt8] = []
    private let isConsole: Bool
    private var isReaped = false
    private let isWrapped: Bool

    /// Starts `executable` with `arguments`; its stderr goes to the end of the file `errors`.
    ///
    /// - Parameters:
    ///   - isConsole: what it says is a machine's console, on which others speak, too.
    init(
        executable program: String, arguments given: [String], errors: String, launch: Launch = .foreground,
        isConsole: Bool = false
    ) throws(StoreError) {
        self.isConsole = isConsole
        let (executable, arguments) = launch.command(program, given)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Platform.failure("making", "a pipe") }
        defer { close(ends[1]) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)

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
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addclose(&actions, ends[1])
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A drill under nohup must not hand its ignored SIGHUP down.
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        for signal in [SIGKILL, SIGSTOP] { sigdelset(&all, signal) }
        sigemptyset(&none)
        if case .blocked(let signal) = launch { sigaddset(&none, signal) }
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | launch.spawnFlag))

        var child = pid_t()
        let words = ([executable] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        let variables = Self.environment.map { strdup($0) }
        defer { for variable in variables { free(variable) } }
        let result = posix_spawn(&child, executable, &actions, &attributes, words + [nil], variables + [nil])
        guard result == 0 else {
            close(ends[0])
            throw Platform.failure("starting", executable, errno: result)
        }
        pid = child
        isWrapped = launch.isWrapped
        messages = ends[0]
    }

    deinit {
        if !isReaped {
            send(SIGKILL)
            _ = reap()
        }
        close(messages)
    }

    /// The parent's environment, without Swift's backtracer: it would take seconds over each crash.
    static var environment: [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
    }

    /// The process that runs the program: a child of the one that was started, where a shell or `unshare` is between. Nil
    /// while there is none.
    var program: pid_t? {
        guard isWrapped else { return pid }
        let children = Platform.text(at: "/proc/\(pid)/task/\(pid)/children") ?? ""
        return children.split(separator: " ").first.flatMap { pid_t($0) }
    }

    /// Sends a signal.
    func send(_ signal: Int32) { _ = kill(pid, signal) }

    enum Reading {
        case messages([Message])
        /// Nothing came before the deadline.
        case silence
        /// The child, and with it the writing end, is gone.
        case end
    }

    enum Lines {
        case lines([Substring])
        case silence
        case end
    }

    /// Waits for messages until `deadline` (monotonic nanoseconds).
    func next(until deadline: UInt64) -> Reading {
        switch nextLines(until: deadline) {
        case .lines(let lines):
            isConsole
                ? .messages(lines.compactMap { Message(line: $0) })
                : .messages(lines.map { Message(line: $0) ?? .trouble("a child said: \($0.prefix(80))") })
        case .silence: .silence
        case .end: .end
        }
    }

    /// Waits for whole lines until `deadline` (monotonic nanoseconds).
    func nextLines(until deadline: UInt64) -> Lines {
        while true {
            let now = Platform.monotonicNanoseconds()
            let left = deadline > now ? min((deadline - now + 999_999) / 1_000_000, 60_000) : 0
            var request = pollfd(fd: messages, events: Int16(POLLIN), revents: 0)
            let ready = poll(&request, 1, Int32(left))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else {
                if Platform.monotonicNanoseconds() < deadline { continue }
                return .silence
            }
            var piece = [UInt8](repeating: 0, count: 65_536)
            let got = read(messages, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return .end }
            // A kernel ends its lines with two characters, which Swift takes for one that is no newline.
            buffer.append(contentsOf: isConsole ? piece[0..<got].filter { $0 != 13 } : Array(piece[0..<got]))
            guard let end = buffer.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let text = String(decoding: buffer[..<end], as: UTF8.self)
            buffer.removeSubrange(...end)
            // By bytes: splitting by characters takes longer than all else a campaign does.
            return .lines(text.utf8.split(separator: UInt8(ascii: "\n")).map { Substring($0) })
        }
    }

    /// After the pipe's end or a kill.
    func reap() -> End {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        isReaped = true
        let signal = status & 0x7f
        return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }
}
