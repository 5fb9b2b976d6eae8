// A folder of a test's own, gone with the test, and the command run in it.

#if CommandLine
import Testing

import SystemC

final class TestFolder {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        path = "\(base)/backstay-tool-test-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        try #require(mkdir(path, 0o700) == 0)
    }

    deinit { Self.remove(path) }

    /// A store's path in it.
    var store: String { path + "/s" }

    private static func remove(_ path: String) {
        for name in names(path) where unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
        rmdir(path)
    }

    static func names(_ path: String) -> [String] {
        guard let handle = opendir(path) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = read(descriptor, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return bytes }
            bytes.append(contentsOf: piece[..<got])
        }
    }

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

    /// Starts the command.
    func start(_ arguments: String...) throws -> ToolProcess {
        try ToolProcess(arguments.map { Array($0.utf8) }, in: self)
    }

    /// Runs the command to its end.
    @discardableResult
    func run(_ arguments: String..., input: String = "") throws -> ToolResult {
        try run(arguments, input: input)
    }

    @discardableResult
    func run(_ arguments: [String], input: String = "") throws -> ToolResult {
        let process = try ToolProcess(arguments.map { Array($0.utf8) }, in: self)
        process.send(input)
        return process.finish()
    }

    /// What the command prints when all goes well.
    func output(_ arguments: String..., input: String = "") throws -> String {
        let result = try run(arguments, input: input)
        #expect(result.status == 0, "\(arguments): \(result.err)")
        return result.out
    }

    /// Runs a line of shell with TOOL and STORE set.
    func shell(_ line: String) throws -> ToolResult {
        let text = "TOOL='\(ToolProcess.path)'; STORE='\(store)'; \(line)"
        let process = try ToolProcess([Array("-c".utf8), Array(text.utf8)], in: self, executable: "/bin/sh")
        return process.finish()
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
        process.send((0..<lines).map { "{\"key\":\"k\($0)\",\"value\":\($0)}\n" }.joined())
        for _ in 0..<lines { _ = try #require(process.readLine()) }
        #expect(process.kill(SIGKILL) == -SIGKILL)
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
