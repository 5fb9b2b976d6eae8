// Starting a process, and its end as the kernel tells it: the one place with posix_spawn and waitpid.
//
// A process starts with every signal at its default and none blocked, whatever the lab itself was started with: a drill under
// nohup must not hand its ignored SIGHUP down. Its stdin is empty.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

struct Spawn {
    /// Whom the signals of a terminal reach, too.
    enum Group {
        /// It is in the caller's process group.
        case callers
        /// In one of its own: Ctrl+C on the lab is not also a signal to it.
        case own
        /// In a session of its own.
        case session
    }

    enum Output {
        case descriptor(Int32)
        /// The end of a file, which is made where it is not there.
        case file(String)
    }

    var executable: String
    var arguments: [String]
    var environment = Spawn.environment
    var output: Output
    /// The file at whose end its stderr goes; nil for where its stdout goes.
    var errors: String?
    var group = Group.own
    /// A signal that is blocked on entry; nil for none.
    var blocked: Int32?

    /// The caller's environment, without Swift's backtracer: it would take seconds over each crash.
    static var environment: [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
    }

    func start() throws(StoreError) -> pid_t {
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
        let appends = O_WRONLY | O_CREAT | O_APPEND
        switch output {
        case .descriptor(let descriptor):
            posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO)
            posix_spawn_file_actions_addclose(&actions, descriptor)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, appends, 0o600)
        }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, appends, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        }
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        for signal in [SIGKILL, SIGSTOP] { sigdelset(&defaults, signal) }
        var mask = sigset_t()
        sigemptyset(&mask)
        if let blocked { sigaddset(&mask, blocked) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | flag))

        var child = pid_t()
        let words = ([executable] + arguments).map { strdup($0) }
        let variables = environment.map { strdup($0) }
        defer { for text in words + variables { free(text) } }
        let result = posix_spawn(&child, executable, &actions, &attributes, words + [nil], variables + [nil])
        guard result == 0 else { throw Platform.failure("starting", executable, errno: result) }
        return child
    }

    private var flag: Int32 {
        switch group {
        case .callers: return 0
        case .own: return Int32(POSIX_SPAWN_SETPGROUP)
        case .session:
            // glibc's headers show its name only to those who ask for GNU extensions.
            #if canImport(Darwin)
            return Int32(POSIX_SPAWN_SETSID)
            #else
            return 0x80
            #endif
        }
    }
}

/// How a process ended, as the kernel says.
enum ProcessEnd: Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    /// - Parameter status: as waitpid(2) has it.
    init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }

    /// Waits for the end of a child, which is reaped: once for each. An end that cannot be learned is no end: whatever was
    /// judged by it would be made up.
    init(of child: pid_t) {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            if errno != EINTR { fatalError("waiting for process \(child): \(Platform.text(of: errno))") }
        }
        self.init(status: status)
    }

    var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): SignalName.of(signal)
        }
    }
}
