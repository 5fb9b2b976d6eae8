// A child: the same executable, run again in a role. The parent reads its messages until the pipe ends.
//
// The child is in a process group of its own, so that Ctrl+C on the drill is not also a signal to the child; it ends by
// itself when nobody reads its messages, and by an alarm in any case.

package import WriteAheadJournal
package import SystemC

package final class ChildProcess {
    package typealias End = ProcessEnd

    /// A child that says nothing for so long hangs.
    package static let silenceMax: UInt64 = 30_000_000_000

    package let pid: pid_t
    private let messages: Int32
    private var buffer: [UInt8] = []
    private let isConsole: Bool
    /// Nil until it was reaped.
    private var end: End?
    private let isWrapped: Bool

    /// Starts `executable` with `arguments`; its stderr goes to the end of the file `errors`.
    ///
    /// - Parameters:
    ///   - isConsole: what it says is a machine's console, on which others speak, too.
    package init(
        executable program: String, arguments given: [String], errors: String, launch: Launch = .foreground,
        isConsole: Bool = false
    ) throws(StoreError) {
        self.isConsole = isConsole
        isWrapped = launch.isWrapped
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Files.failure("making", "a pipe") }
        defer { close(ends[1]) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        let (executable, arguments) = launch.command(program, given)
        var spawn = Spawn(
            executable: executable, arguments: arguments, output: .descriptor(ends[1]), errors: errors)
        launch.prepare(&spawn)
        do throws(StoreError) {
            pid = try spawn.start()
        } catch {
            close(ends[0])
            throw error
        }
        messages = ends[0]
    }

    deinit {
        send(SIGKILL)
        _ = reap()
        close(messages)
    }

    /// The running program: what is run as children where nothing else is named.
    package static var ownExecutable: String {
        #if os(Linux)
        // A link to the file that runs, whatever it was called as.
        if let path = realpath("/proc/self/exe", nil) {
            defer { free(path) }
            return String(cString: path)
        }
        #endif
        return CommandLine.arguments[0]
    }

    /// The process that runs the program: a child of the one that was started, where a shell or `unshare` is between. Nil
    /// while there is none.
    package var program: pid_t? {
        guard isWrapped else { return pid }
        let children = Files.text(at: "/proc/\(pid)/task/\(pid)/children") ?? ""
        return children.split(separator: " ").first.flatMap { pid_t($0) }
    }

    /// Sends a signal, unless it was reaped: its number may be another's by then.
    package func send(_ signal: Int32) { if end == nil { _ = kill(pid, signal) } }

    package enum Reading {
        case messages([Message])
        /// Nothing came before the deadline.
        case silence
        /// The child, and with it the writing end, is gone.
        case end
    }

    package enum Lines {
        case lines([Substring])
        case silence
        case end
    }

    /// Waits for messages until `deadline` (monotonic nanoseconds).
    package func next(until deadline: UInt64) -> Reading {
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
    package func nextLines(until deadline: UInt64) -> Lines {
        while true {
            let now = Clock.monotonicNanoseconds()
            let left = deadline > now ? min((deadline - now + 999_999) / 1_000_000, 60_000) : 0
            var request = pollfd(fd: messages, events: Int16(POLLIN), revents: 0)
            let ready = poll(&request, 1, Int32(left))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else {
                if Clock.monotonicNanoseconds() < deadline { continue }
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

    /// Why listening to a child has ended.
    package enum Silenced {
        /// The child is gone.
        case end
        /// It said nothing for too long.
        case silence
        /// The listener has heard enough.
        case enough
    }

    /// Hands on what it says until it is gone, is silent for so many nanoseconds, or `listen` returns false.
    package func hear(
        patience: UInt64 = ChildProcess.silenceMax, _ listen: ([Message]) throws -> Bool
    ) rethrows -> Silenced {
        while true {
            switch next(until: Clock.monotonicNanoseconds() + patience) {
            case .end: return .end
            case .silence: return .silence
            case .messages(let messages): if try !listen(messages) { return .enough }
            }
        }
    }

    /// Its end, after the pipe's end or a kill.
    package func reap() -> End {
        if let end { return end }
        let end = End(of: pid)
        self.end = end
        return end
    }
}
