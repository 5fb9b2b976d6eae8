// A child run under the tracer: what it said, how it ended, which of its system calls was struck.
//
// Why the pointers are right: plan, strings and result outlive the tracer, which is waited for before anything is freed.

internal import CLab
internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct TracedRun {
    /// What is done at a call.
    enum Blow: Equatable {
        case none
        case killBefore(UInt64)
        case killAfter(UInt64)
        case fail(UInt64, Int32, sticky: Bool)
    }

    struct Unsupported: Error {}

    /// Calls that were looked at.
    var calls = 0
    /// Whether the call was met, what it was, and which file it was about.
    var struck: (name: String, target: String)?
    var end = ChildProcess.End.exited(0)
    var messages: [Message] = []

    /// - Throws: `Unsupported` where there is no tracer; a `StoreError` where no process can be started.
    init(
        executable: String, arguments: [String], errors: String, blow: Blow = .none, log: String? = nil
    ) throws {
        guard let result = backstay_trace_result_new() else { throw Files.failure("mapping", "memory") }
        defer { backstay_trace_result_free(result) }
        let stderr = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard stderr >= 0 else { throw Files.failure("opening", errors) }
        defer { close(stderr) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Files.failure("making", "a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }

        let words = ([executable] + arguments).map { strdup($0) }
        let variables = Spawn.environment.map { strdup($0) }
        let logName = log.map { strdup($0) } ?? nil
        defer { for text in words + variables + [logName] { free(text) } }
        var plan = Self.plan(blow)
        plan.log = UnsafePointer(logName)
        let tracer = backstay_trace_start(
            executable, words + [nil], variables + [nil], ends[1], stderr, &plan, result)
        close(ends[1])
        guard tracer != BACKSTAY_TRACE_UNSUPPORTED else { throw Unsupported() }
        guard tracer > 0 else { throw Files.failure("starting", executable) }
        messages = Self.lines(ends[0]).map { Message(line: $0) ?? .trouble("a child said: \($0.prefix(80))") }
        let tracerEnd = ProcessEnd(of: tracer)
        guard tracerEnd == .exited(0) else { throw Trouble(description: "the tracer ended: \(tracerEnd)") }
        calls = Int(result.pointee.calls)
        end = ProcessEnd(status: result.pointee.status)
        if result.pointee.struck != 0 {
            let name = backstay_trace_name(result.pointee.number).map { String(cString: $0) } ?? "?"
            let target = withUnsafeBytes(of: result.pointee.target) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            struck = (name, target)
        }
    }

    private static func plan(_ blow: Blow) -> backstay_trace_plan {
        var plan = backstay_trace_plan()
        switch blow {
        case .none: plan.action = BACKSTAY_TRACE_COUNT
        case .killBefore(let index):
            plan.action = BACKSTAY_TRACE_KILL_BEFORE
            plan.index = index
        case .killAfter(let index):
            plan.action = BACKSTAY_TRACE_KILL_AFTER
            plan.index = index
        case .fail(let index, let error, let sticky):
            plan.action = BACKSTAY_TRACE_FAIL
            plan.index = index
            plan.error = error
            plan.sticky = sticky ? 1 : 0
        }
        return plan
    }

    /// All whole lines until the writing end is gone.
    private static func lines(_ descriptor: Int32) -> [Substring] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = read(descriptor, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            bytes.append(contentsOf: piece[0..<got])
        }
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        return String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\n")
    }
}
