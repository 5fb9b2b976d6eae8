// A child process as its parent sees it: what it wrote, how it ended, how long it took. Nothing here trusts what the child
// says about its own end.
//
// Its end is what `waitpid` tells, not the end of its output: another child, started at the wrong moment, can hold that
// open. Nothing sleeps for a fixed time.
//
// Why the pointers are right: argument and environment strings live until `posix_spawn` has returned.

import Synchronization

import SystemC

package final class ChildProcess {
    package enum End: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)

        /// The exit status, or minus the signal.
        package var status: Int32 {
            switch self {
            case .exited(let status): status
            case .signalled(let signal): -signal
            }
        }
    }

    /// All that is known of a child once it is gone.
    package struct Outcome: Sendable {
        package let end: End
        /// What it wrote to stdout, also what was read line by line.
        package let out: String
        /// What it wrote to stderr.
        package let err: String
        /// From its start, or from `startClock()`, until it was gone.
        package let duration: Duration

        /// The exit status, or minus the signal that ended it.
        package var status: Int32 { end.status }
        /// The lines of `out`; the last one also if it has no line break.
        package var lines: [String] { ChildProcess.lines(out) }
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// What the child has for its stdin.
    package enum Input: Sendable {
        case nothing
        case pipe
        /// A terminal of its own, in a session of its own: lines come as they are printed, and Ctrl+C is a byte. Its
        /// stdout is the same terminal.
        case terminal
    }

    package let pid: Int32
    private var input: Int32
    /// The reading end of its stdout; -1 once that is closed.
    package private(set) var output: Int32
    private let errors: Int32
    private let patience: Duration
    private var written: [UInt8] = []
    /// Before it, `readLine` has read.
    private var position = 0
    private var reads = true
    private var end: End?
    private var started = ContinuousClock.now
    private var duration: Duration?

    /// - Parameters:
    ///   - arguments: as bytes, so that they may be anything.
    ///   - environment: "NAME=value" each; nil for the one of this process.
    ///   - patience: how long it may be silent before it counts as hanging. Only a broken program comes near it.
    package init(
        _ executable: String, _ arguments: [[UInt8]], environment: [String]? = nil, input kind: Input = .nothing,
        patience: Duration = .seconds(60)
    ) throws {
        self.patience = patience
        // A child that was killed must not end the tests when they write to it.
        signal(SIGPIPE, SIG_IGN)
        let ends = try Self.starting.withLock { _ in
            try Self.start(executable, arguments, environment, kind)
        }
        (pid, input, output, errors) = ends
    }

    package convenience init(
        _ executable: String, _ arguments: [String], environment: [String]? = nil, input: Input = .nothing,
        patience: Duration = .seconds(60)
    ) throws {
        try self.init(
            executable, arguments.map { Array($0.utf8) }, environment: environment, input: input, patience: patience)
    }

    /// Runs a program to its end.
    package static func run(
        _ executable: String, _ arguments: [String], patience: Duration = .seconds(60)
    ) throws -> Outcome {
        try ChildProcess(executable, arguments, patience: patience).finish()
    }

    deinit {
        if end == nil {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        }
        for descriptor in Set([input, output, errors]) where descriptor >= 0 { close(descriptor) }
    }

    // MARK: Starting it

    /// No child may come to be between a pipe's making and its mark to be closed: it would hold the pipe open.
    private static let starting = Mutex<Void>(())

    private typealias Ends = (pid: pid_t, input: Int32, output: Int32, errors: Int32)

    private static func start(
        _ executable: String, _ arguments: [[UInt8]], _ environment: [String]?, _ kind: Input
    ) throws -> Ends {
        var actions = noActions
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // What only the child needs.
        var lent: [Int32] = []
        defer { for descriptor in lent { close(descriptor) } }

        let errors = try makeNamelessFile()
        var ends: Ends = (-1, -1, -1, errors)
        switch kind {
        case .terminal:
            let terminal = try makeTerminal()
            // In a session of its own, the first terminal that it opens is the one it takes signals from.
            posix_spawn_file_actions_addopen(&actions, 0, terminal.name, O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            // Held until the child has it: a terminal that nobody holds counts as hung up.
            lent.append(terminal.side)
            (ends.input, ends.output) = (terminal.own, terminal.own)
        case .pipe:
            let pipe = try makePipe()
            posix_spawn_file_actions_adddup2(&actions, pipe.read, 0)
            lent.append(pipe.read)
            ends.input = pipe.write
        case .nothing:
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if kind != .terminal {
            let pipe = try makePipe()
            posix_spawn_file_actions_adddup2(&actions, pipe.write, 1)
            lent.append(pipe.write)
            ends.output = pipe.read
        }
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        ends.pid = try spawn(executable, arguments, environment, &actions, inSession: kind == .terminal)
        return ends
    }

    #if canImport(Darwin)
    private typealias Actions = posix_spawn_file_actions_t?
    private static var noActions: Actions { nil }
    private static var noAttributes: posix_spawnattr_t? { nil }
    private static let session = Int32(POSIX_SPAWN_SETSID)
    private static let always = Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
    #else
    private typealias Actions = posix_spawn_file_actions_t
    private static var noActions: Actions { posix_spawn_file_actions_t() }
    private static var noAttributes: posix_spawnattr_t { posix_spawnattr_t() }
    // POSIX_SPAWN_SETSID, which the headers show only to those who ask for GNU extensions.
    private static let session: Int32 = 0x80
    private static let always: Int32 = 0
    #endif

    private static func spawn(
        _ executable: String, _ arguments: [[UInt8]], _ environment: [String]?, _ actions: inout Actions,
        inSession: Bool
    ) throws -> pid_t {
        var attributes = noAttributes
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What the test runner ignores or blocks is none of the child's business.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | always | (inSession ? session : 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let argv = ([Array(executable.utf8)] + arguments).map { bytes -> UnsafeMutablePointer<CChar>? in
            strdup(bytes.map { CChar(bitPattern: $0) } + [0])
        }
        let given = environment?.map { strdup($0) }
        defer { for string in argv + (given ?? []) { free(string) } }
        var pid: pid_t = 0
        let error =
            if let given {
                posix_spawn(&pid, executable, &actions, &attributes, argv + [nil], given + [nil])
            } else {
                posix_spawn(&pid, executable, &actions, &attributes, argv + [nil], environ)
            }
        guard error == 0 else { throw Failure("\(executable) can't be started: \(String(cString: strerror(error)))") }
        return pid
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure("pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Stderr goes to a file, so that a child that says much does not wait for its reader.
    private static func makeNamelessFile() throws -> Int32 {
        var template = Array("/tmp/backstay-test-stderr-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Failure("mkstemp: \(errno)") }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private static func makeTerminal() throws -> (own: Int32, side: Int32, name: String) {
        var own: Int32 = -1
        var side: Int32 = -1
        var name = [CChar](repeating: 0, count: 1_024)
        guard openpty(&own, &side, nil, nil, nil) == 0, ttyname_r(side, &name, name.count) == 0 else {
            throw Failure("no terminal: \(errno)")
        }
        for descriptor in [own, side] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var settings = termios()
        guard tcgetattr(side, &settings) == 0 else { throw Failure("tcgetattr: \(errno)") }
        settings.c_oflag &= ~tcflag_t(OPOST)
        settings.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(side, TCSANOW, &settings)
        return (own, side, String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    // MARK: Acting on it

    package func send(_ signal: Int32) {
        if end == nil { kill(pid, signal) }
    }

    /// Writes to its stdin, or types on its terminal. What is written to a process that has ended is lost.
    package func type(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if wrote < 0 && errno == EINTR { continue }
            if wrote <= 0 { return }
            rest = rest.dropFirst(wrote)
        }
    }

    package func closeInput() {
        if input >= 0 && input != output { close(input) }
        input = -1
    }

    /// The child's next write to stdout finds no reader.
    package func closeOutput() {
        reads = false
        if output >= 0 && output != input { close(output) }
        output = -1
    }

    /// From now on nobody reads what the child writes.
    package func stopReading() { reads = false }

    /// The moment from which `Outcome.duration` counts.
    package func startClock() { started = .now }

    // MARK: Watching it

    /// The whole lines printed so far.
    package var lines: [String] { Self.lines(String(decoding: written[..<upToLastLineBreak], as: UTF8.self)) }

    /// The next line of its stdout, without its line break. Nil at the end, also in the middle of a line.
    package func readLine() throws -> String? {
        while true {
            if let end = written[position...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return String(decoding: written[position..<end], as: UTF8.self)
            }
            guard try readMore() else { return nil }
        }
    }

    /// Waits for a line that begins so: a line counts once it is whole.
    @discardableResult
    package func line(_ start: String) throws -> String {
        while true {
            if let line = lines.first(where: { $0.hasPrefix(start) }) { return line }
            guard try readMore() else {
                throw Failure("ended without the line \"\(start)\", after \(lines)\n\(readErrors())")
            }
        }
    }

    /// Waits for its end. Its stdin stays open.
    @discardableResult
    package func wait() throws -> End {
        var deadline = ContinuousClock.now + patience
        while true {
            noteEnd()
            if let end {
                while read(wait: 0) == .something {}
                return end
            }
            switch read(wait: 2) {
            case .something: deadline = .now + patience
            case .nothingYet: break
            case .nothingMore: usleep(1_000)
            }
            try checkTime(deadline)
        }
    }

    /// Sends a signal and waits for the end: the exit status, or minus the signal.
    @discardableResult
    package func end(by signal: Int32) throws -> Int32 {
        send(signal)
        return try wait().status
    }

    /// Closes its stdin, unless that is a terminal, and waits for its end.
    package func finish() throws -> Outcome {
        if input != output { closeInput() }
        let end = try wait()
        return Outcome(
            end: end, out: String(decoding: written, as: UTF8.self), err: readErrors(), duration: duration ?? .zero)
    }

    // MARK: Reading

    private enum Reading {
        case something, nothingYet, nothingMore
    }

    private func read(wait milliseconds: Int32) -> Reading {
        guard reads, output >= 0 else { return .nothingMore }
        var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) == 1 else { return .nothingYet }
        var piece = [UInt8](repeating: 0, count: 65_536)
        let got = readDescriptor(output, &piece, piece.count)
        if got < 0 && errno == EINTR { return .nothingYet }
        // On Linux a terminal whose other side is closed answers EIO.
        guard got > 0 else { return .nothingMore }
        written.append(contentsOf: piece[..<got])
        return .something
    }

    /// Waits for output; false once there will be no more.
    private func readMore() throws -> Bool {
        let deadline = ContinuousClock.now + patience
        while true {
            switch read(wait: end == nil ? 2 : 0) {
            case .something: return true
            case .nothingMore: return false
            case .nothingYet: if end != nil { return false }
            }
            noteEnd()
            try checkTime(deadline)
        }
    }

    private func noteEnd() {
        guard end == nil else { return }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return }
        duration = started.duration(to: .now)
        end = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
    }

    private func checkTime(_ deadline: ContinuousClock.Instant) throws {
        guard end == nil, ContinuousClock.now >= deadline else { return }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        end = .signalled(SIGKILL)
        throw Failure("the child hung and was killed; it wrote \(lines)\n\(readErrors())")
    }

    private func readErrors() -> String {
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while true {
            let got = pread(errors, &piece, piece.count, off_t(text.count))
            guard got > 0 else { return String(decoding: text, as: UTF8.self) }
            text += piece[..<got]
        }
    }

    private var upToLastLineBreak: Int { written.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0 }

    private static func lines(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// read(2), which a method of the same name hides.
private func readDescriptor(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}

/// Runs a line of shell: its status, or minus the signal, and what it wrote to stdout and stderr.
package func runShell(_ line: String) throws -> (status: Int32, output: String) {
    let outcome = try ChildProcess.run("/bin/sh", ["-c", "exec 2>&1\n" + line])
    return (outcome.status, outcome.out)
}
