// What a child tells its parent: lines over a pipe, one `write` each, so that a kill leaves whole lines and at most one
// torn end, which is not counted. The pipe is the child's stdout.

internal import WriteAheadJournal
internal import SystemC

package enum Message: Equatable, Sendable {
    /// A writer is about to make its first change.
    case began(writer: Int)
    /// A change was acknowledged. Written after the call returned and before the writer's next change.
    case acknowledged(Change, lsn: UInt64)
    /// A change was refused (never applied) or its fate is not known; the writer stops.
    case refused(Change)
    case unknown(Change)
    /// The program has got to some point.
    case phase(Phase)
    /// The hook was called, for this reason.
    case hook(reason: String)
    /// A row of the store, as the next start finds it.
    case row(key: String, word: String)
    /// How the next start says the last run ended.
    case ended(kind: String, status: Int32?, text: String)
    /// What the next start reports as damage.
    case damage(String)
    /// So many records were in the tail alone.
    case recovered(fromTail: Int)
    /// The next start's last word: so many rows.
    case done(rows: Int)
    /// A call ended with an error of this code, which is an answer; the program comes to its end in order.
    case failed(code: String)
    /// Something went wrong that has no other message.
    case trouble(String)

    package var isAcknowledgement: Bool { if case .acknowledged = self { true } else { false } }

    package enum Phase: String, Sendable {
        case opening, open, closing, closed, checkpointing, checkpointed, hookEnded, scopeEnded, cancelled, hungry
        /// Told by the parent that there is room again.
        case room
    }

    package var line: String {
        switch self {
        case .began(let writer): "b \(writer)"
        case .acknowledged(let change, let lsn): "a \(change.writer) \(change.number) \(lsn)"
        case .refused(let change): "r \(change.writer) \(change.number)"
        case .unknown(let change): "u \(change.writer) \(change.number)"
        case .phase(let phase): "p \(phase.rawValue)"
        case .hook(let reason): "h \(Self.flat(reason))"
        case .row(let key, let word): "v \(Self.flat(key)) \(Self.flat(word))"
        case .ended(let kind, let status, let text): "e \(kind) \(status.map { "\($0)" } ?? "-") \(Self.flat(text))"
        case .damage(let text): "m \(Self.flat(text))"
        case .recovered(let count): "f \(count)"
        case .done(let rows): "d \(rows)"
        case .failed(let code): "x \(Self.flat(code))"
        case .trouble(let text): "t \(Self.flat(text))"
        }
    }

    package init?(line: Substring) {
        let space = UInt8(ascii: " ")
        let parts = line.utf8.split(separator: space, maxSplits: 3, omittingEmptySubsequences: false)
            .map { Substring($0) }
        func change() -> Change? {
            guard parts.count >= 3, let writer = Int(parts[1]), let number = Int(parts[2]) else { return nil }
            return Change(writer: writer, number: number)
        }
        let rest = Substring(line.utf8.dropFirst(2))
        switch parts.first ?? "" {
        case "b":
            guard let writer = Int(rest) else { return nil }
            self = .began(writer: writer)
        case "a":
            guard parts.count == 4, let change = change(), let lsn = UInt64(parts[3]) else { return nil }
            self = .acknowledged(change, lsn: lsn)
        case "r":
            guard let change = change() else { return nil }
            self = .refused(change)
        case "u":
            guard let change = change() else { return nil }
            self = .unknown(change)
        case "p":
            guard let phase = Phase(rawValue: String(rest)) else { return nil }
            self = .phase(phase)
        case "h": self = .hook(reason: String(rest))
        case "v":
            guard let middle = rest.utf8.firstIndex(of: space) else { return nil }
            self = .row(key: String(rest[..<middle]), word: String(rest.utf8[middle...].dropFirst()) ?? "")
        case "e":
            guard parts.count == 4 else { return nil }
            self = .ended(kind: String(parts[1]), status: Int32(parts[2]), text: String(parts[3]))
        case "m": self = .damage(String(rest))
        case "f":
            guard let count = Int(rest) else { return nil }
            self = .recovered(fromTail: count)
        case "d":
            guard let rows = Int(rest) else { return nil }
            self = .done(rows: rows)
        case "x": self = .failed(code: String(rest))
        case "t": self = .trouble(String(rest))
        default: return nil
        }
    }

    /// A line must stay one line. What is no plain text cannot be a value of ours, and stays different from them all.
    private static func flat(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 32 || $0.value > 126 }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 || $0.value > 126 ? "?" : $0 }))
    }

    /// Says it to the parent. Nobody there to hear it ends the process: a drill that was stopped leaves no children.
    package func send() {
        let bytes = Array((line + "\n").utf8)
        let written = bytes.withUnsafeBytes { Files.writeAll(STDOUT_FILENO, $0) }
        if !written { _exit(99) }
    }
}
