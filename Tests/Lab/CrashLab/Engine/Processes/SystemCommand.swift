// Commands of the system that an attack needs, as mkfs: run to their end, with what they said.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

enum SystemCommand {
    /// Where commands for administrators are is not on everybody's path.
    private static let folders: [String] =
        ((getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
            + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])

    /// The path of the command of this name, which may be a path itself; nil where there is none.
    static func path(of name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        return folders.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Runs a command to its end. What it says goes to the end of the file `log`.
    ///
    /// - Throws: `Trouble` with the end of the log where it is missing or does not end with status 0.
    static func run(_ words: [String], log: String) throws {
        guard let name = words.first, let executable = path(of: name) else {
            throw Trouble(description: "\(words.first ?? "a command") is not there")
        }
        let child = try Spawn(
            executable: executable, arguments: Array(words.dropFirst()), output: .file(log), group: .callers
        ).start()
        let end = ProcessEnd(of: child)
        guard end == .exited(0) else {
            let said = (Files.text(at: log) ?? "").suffix(300)
            throw Trouble(description: "\(words.joined(separator: " ")): \(end): \(said)")
        }
    }
}
