// Starting a process, and its end as the kernel tells it: the one place with posix_spawn and waitpid.
//
// A process starts with every signal at its default and none blocked, whatever the parent itself was started with: a drill under
// nohup must not hand its ignored SIGHUP down. Its stdin is empty.

package import WriteAheadJournal
package import SystemC

package struct Spawn {
    /// Whom the signals of a terminal reach, too.
    package enum Group {
        /// It is in the caller's process group.
        case callers
        /// In one of its own: Ctrl+C on the parent is not also a signal to it.
        case own
        /// In a session of its own.
        case session
    }

    package enum Output {
        case descriptor(Int32)
        /// The end of a file, which is made where it is not there.
        case file(String)
    }

    package var executable: String
    package var arguments: [String]
    package var environment: [String]
    package var output: Output
    /// The file at whose end its stderr goes; nil for where its stdout goes.
    package var errors: String?
    package var group: Group
    /// A signal that is blocked on entry; nil for none.
    package var blocked: Int32?

    package init(
        executable: String, arguments: [String], environment: [String] = Spawn.environment, output: Output,
        errors: String? = nil, group: Group = .own
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.output = output
        self.errors = errors
        self.group = group
    }

    /// The caller's environment, without Swift's backtracer: it would take seconds over each crash.
    package static var environment: [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
    }

    package func start() throws(StoreError) -> pid_t {
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
        guard result == 0 else { throw Files.failure("starting", executable, errno: result) }
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
