// Runs the real command, with pipes for its input and output, and judges what came out of it.

#if CommandLine
import Synchronization
import TestSupport
import Testing

import SystemC

/// How a process ended and what it wrote.
struct ToolResult {
    /// The exit status, or minus the signal that ended it.
    var status: Int32
    var out: String
    var err: String

    var lines: [String] { out.split(separator: "\n").map(String.init) }
}

final class ToolProcess {
    let pid: pid_t
    private var input: Int32
    private var output: Int32
    private let errorFile: String
    private var pending: [UInt8] = []
    private var status: Int32?

    /// The command, built beside the test bundle.
    static let path = TestBundle.folder + "/backstay"

    /// - Parameter arguments: as bytes, so that they may be anything.
    init(_ arguments: [[UInt8]], in folder: TestFolder, executable: String = ToolProcess.path) throws {
        // A child that was killed must not end the tests when they write to it.
        signal(SIGPIPE, SIG_IGN)
        let errorFile = folder.path + "/.stderr-\(UInt32.random(in: 0 ... .max))"
        self.errorFile = errorFile
        (pid, input, output) = try Self.spawning.withLock { _ in
            try Self.spawn(arguments, errorFile: errorFile, executable: executable)
        }
    }

    private static func spawn(
        _ arguments: [[UInt8]], errorFile: String, executable: String
    ) throws -> (pid: pid_t, input: Int32, output: Int32) {
        let (childInput, input) = try Self.makePipe()
        let (output, childOutput) = try Self.makePipe()

        var actions = Self.noActions
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, childInput, 0)
        posix_spawn_file_actions_adddup2(&actions, childOutput, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var attributes = Self.noAttributes
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The test runner's threads block signals, and whatever runs the tests may ignore some: a child inherits both.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        posix_spawnattr_setsigmask(&attributes, &defaults)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&defaults, signal) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let argv = ([Array(executable.utf8)] + arguments).map { bytes -> UnsafeMutablePointer<CChar>? in
            strdup(bytes.map { CChar(bitPattern: $0) } + [0])
        }
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, executable, &actions, &attributes, argv + [nil], environ)
        close(childInput)
        close(childOutput)
        try #require(result == 0, "\(executable) does not start: \(String(cString: strerror(result)))")
        return (pid, input, output)
    }

    deinit {
        if status == nil { kill(SIGKILL) }
        closeInput()
        closeOutput()
    }

    #if canImport(Darwin)
    private static var noActions: posix_spawn_file_actions_t? { nil }
    private static var noAttributes: posix_spawnattr_t? { nil }
    #else
    private static var noActions: posix_spawn_file_actions_t { posix_spawn_file_actions_t() }
    private static var noAttributes: posix_spawnattr_t { posix_spawnattr_t() }
    #endif

    /// No child may come to be between a pipe's making and its mark to be closed: it would hold the pipe open.
    private static let spawning = Mutex<Void>(())

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    // MARK: Talking to it

    /// Writes to its stdin; what is written to a process that has ended is lost.
    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if wrote < 0 && errno == EINTR { continue }
            if wrote <= 0 { return }
            rest = rest.dropFirst(wrote)
        }
    }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Reads nothing any more: what it writes to stdout fails from now on.
    func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    /// The next line of its stdout, without its line break; nil at the end, also in the middle of a line.
    func readLine() -> String? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...end) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            guard readMore() else { return nil }
        }
    }

    /// How long it may be silent, in milliseconds, before it counts as hanging.
    private static let patience: Int32 = 30_000

    private func readMore() -> Bool {
        guard output >= 0 else { return false }
        var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, Self.patience) == 0 {
            Issue.record("the command hangs; it is killed")
            _ = sendSignal(pid, SIGKILL)
            return false
        }
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = read(output, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return false }
            pending.append(contentsOf: piece[..<got])
            return true
        }
    }

    // MARK: Its end

    /// Sends a signal and waits for the end.
    ///
    /// - Returns: the exit status, or minus the signal.
    @discardableResult
    func kill(_ signal: Int32) -> Int32 {
        _ = sendSignal(pid, signal)
        return wait()
    }

    /// Waits for its end: the exit status, or minus the signal.
    @discardableResult
    func wait() -> Int32 {
        if let status { return status }
        // Its stdout ends with it; that can be waited for with a limit.
        while readMore() {}
        var raw: Int32 = 0
        while waitpid(pid, &raw, 0) < 0 && errno == EINTR {}
        let ended = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
        status = ended
        return ended
    }

    /// Closes its stdin, reads to the end, and waits.
    func finish() -> ToolResult {
        closeInput()
        while readMore() {}
        let status = wait()
        let err = TestFolder.contents(errorFile) ?? []
        unlink(errorFile)
        return ToolResult(
            status: status, out: String(decoding: pending, as: UTF8.self), err: String(decoding: err, as: UTF8.self)
        )
    }
}

/// kill(2), which a method of the same name would hide.
private func sendSignal(_ pid: pid_t, _ signal: Int32) -> Int32 { kill(pid, signal) }
#endif
