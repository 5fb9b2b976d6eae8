// Commands of the system that a row needs, as mkfs: run to their end, with what they said.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

enum SystemCommand {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Where commands for administrators are is not on everybody's path.
    private static let folders: [String] =
        ((getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
            + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])

    /// The path of the command of this name; nil where there is none.
    static func path(of name: String) -> String? {
        folders.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Runs a command to its end. What it says goes to the end of the file `log`.
    ///
    /// - Throws: a `Failure` with the end of the log where it is missing or does not end with status 0.
    static func run(_ words: [String], log: String) throws {
        guard let name = words.first, let executable = path(of: name) else {
            throw Failure(description: "\(words.first ?? "a command") is not there")
        }
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        #else
        var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var child = pid_t()
        let arguments = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        let result = posix_spawn(&child, executable, &actions, nil, arguments + [nil], environ)
        guard result == 0 else { throw Platform.failure("starting", executable, errno: result) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        guard status == 0 else {
            let said = (Platform.text(at: log) ?? "").suffix(300)
            throw Failure(description: "\(words.joined(separator: " ")): status \(status): \(said)")
        }
    }
}
