// The command, run in a folder of a test's own, and what the folder holds then.

#if CommandLine
import TestSupport
import Testing

import SystemC

extension TemporaryFolder {
    /// A store's path in it.
    var store: String { path + "/s" }

    /// Writes a file in it and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: some Collection<UInt8>) throws -> String {
        let path = path + "/" + name
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        let bytes = Array(bytes)
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        return path
    }

    // MARK: The command

    /// The command, built beside the test bundle.
    static let tool = TestBundle.folder + "/backstay"

    /// Starts the command.
    func start(_ arguments: String...) throws -> ChildProcess { try start(arguments.map { Array($0.utf8) }) }

    /// - Parameter arguments: as bytes, so that they may be anything.
    func start(_ arguments: [[UInt8]]) throws -> ChildProcess {
        try ChildProcess(Self.tool, arguments, input: .pipe)
    }

    /// Runs the command to its end.
    @discardableResult
    func run(_ arguments: String..., input: String = "") throws -> ChildProcess.Outcome {
        try run(arguments, input: input)
    }

    @discardableResult
    func run(_ arguments: [String], input: String = "") throws -> ChildProcess.Outcome {
        let process = try start(arguments.map { Array($0.utf8) })
        process.type(input)
        return try process.finish()
    }

    /// What the command prints when all goes well.
    func output(_ arguments: String..., input: String = "") throws -> String {
        let result = try run(arguments, input: input)
        #expect(result.status == 0, "\(arguments): \(result.err)")
        return result.out
    }

    /// Runs a line of shell with TOOL and STORE set.
    func shell(_ line: String) throws -> ChildProcess.Outcome {
        try ChildProcess.run("/bin/sh", ["-c", "TOOL='\(Self.tool)'; STORE='\(store)'; \(line)"])
    }

    // MARK: Stores

    /// A folder and every file in it: inode, size, mode, time of change and content.
    func fingerprint(_ folder: String? = nil) -> [String] {
        let folder = folder ?? store
        var lines: [String] = []
        for name in [""] + Self.names(folder).map({ "/" + $0 }) {
            var status = stat()
            guard lstat(folder + name, &status) == 0 else { continue }
            #if canImport(Darwin)
            let time = status.st_mtimespec
            #else
            let time = status.st_mtim
            #endif
            var hasher = Hasher()
            hasher.combine(Self.contents(folder + name))
            lines.append(
                "\(name) inode \(status.st_ino) size \(status.st_size) mode \(status.st_mode) "
                    + "time \(time.tv_sec).\(time.tv_nsec) content \(hasher.finalize())")
        }
        return lines
    }

    /// A store whose owner was killed: its last changes are in the -wal files alone.
    func makeKilledStore(lines: Int = 50) throws {
        let process = try start("import", store, "--ack")
        process.type((0..<lines).map { "{\"key\":\"k\($0)\",\"value\":\($0)}\n" }.joined())
        for _ in 0..<lines { _ = try #require(try process.readLine()) }
        #expect(try process.end(by: SIGKILL) == -SIGKILL)
    }
}

/// The names of a JSON object's members, in order; those of objects in it are left out.
func memberNames(_ json: String) -> [String] {
    var names: [String] = []
    var depth = 0
    var text = ""
    var isInString = false
    var isEscaped = false
    for character in json {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isInString = false
            } else {
                text.append(character)
            }
            continue
        }
        switch character {
        case "\"":
            isInString = true
            text = ""
        case "{", "[": depth += 1
        case "}", "]": depth -= 1
        case ":" where depth == 1: names.append(text)
        default: break
        }
    }
    return names
}
#endif
