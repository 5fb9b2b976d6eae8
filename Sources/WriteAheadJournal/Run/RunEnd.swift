// How a run ended: the verdict, and its text.
//
// A run that closed the store wrote its own end into the table `runs`. For any other run, the next start judges by what
// it left behind (RunTraces.swift).

/// How a run of the application ended, on what evidence, and how sure that is.
public struct RunEnd: Sendable, Hashable, CustomStringConvertible {
    /// The ways a run can end. Open to growth.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The name, as in the table `runs`.
        public let rawValue: String
        /// Makes a kind of its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The store was closed by the application, or closed itself when main returned or `exit(0)` was called.
        public static let clean = Kind(rawValue: "clean")
        /// The process called `exit(n)` with another n than 0, and the store closed itself; `status` is n.
        public static let exit = Kind(rawValue: "exit")
        /// An error was thrown out of the program.
        public static let error = Kind(rawValue: "error")
        /// A handled signal ended it; `status` is its number.
        public static let signal = Kind(rawValue: "signal")
        /// A fatal signal or a trap; `status` is its number.
        public static let crash = Kind(rawValue: "crash")
        /// It ended without any chance to act: SIGKILL, a signal nobody handled, or a crash without marks.
        public static let killed = Kind(rawValue: "killed")
        /// The kernel killed it for want of memory.
        public static let outOfMemory = Kind(rawValue: "outOfMemory")
        /// The machine went down: power loss, kernel panic, reset.
        public static let machineDown = Kind(rawValue: "machineDown")
        /// There was no run before this one.
        public static let none = Kind(rawValue: "none")
    }

    /// How sure the verdict is.
    public enum Confidence: String, Sendable, Hashable {
        /// The run, or the kernel, said so itself.
        case certain
        /// Everything known points there.
        case likely
        /// Other endings would look the same.
        case possible
    }

    /// The way it ended.
    public var kind: Kind
    /// The exit status or the signal's number; nil if the kind has none or it is not known.
    public var status: Int32?
    /// What the verdict rests on, for a person.
    public var evidence: String
    /// How sure it is.
    public var confidence: Confidence

    /// Makes a verdict.
    public init(_ kind: Kind, status: Int32? = nil, evidence: String, confidence: Confidence = .certain) {
        self.kind = kind
        self.status = status
        self.evidence = evidence
        self.confidence = confidence
    }

    /// "killed (likely): evidence".
    public var description: String {
        let number = status.map { kind == .signal || kind == .crash ? " \(SignalName.of($0))" : "(\($0))" } ?? ""
        return "\(kind.rawValue)\(number) (\(confidence.rawValue)): \(evidence)"
    }
}
