// How a run ended: the verdict, and the pure function that reaches it.
//
// A run that closed the store wrote its own end into the table `runs`. For any other the next start judges by what the
// run left behind; the strongest evidence wins, in the order of `judge`.

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
    /// The exit status or the signal's number, where the kind has one and it is known.
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

/// What an unfinished run left behind.
package struct RunTraces: Sendable {
    /// The run's page was there and is that run's own.
    package var pageIsItsOwn = false
    /// A fatal signal was marked: its number.
    package var fatalSignal: Int32 = 0
    package var fatalCode: Int64 = 0
    /// A handled signal was delivered: its number.
    package var handledSignal: Int32 = 0
    /// Crash marks were in force.
    package var marksArmed = false
    /// An I/O error had poisoned the store.
    package var poisoned = false
    package var bootThen = ""
    package var bootNow = ""
    /// What the kernel's log says about that process, where it can be read.
    package var kernelKilledForMemory = false
    /// The number of that process in the kernel's log and in the table `runs` are the same: neither that run nor this one
    /// is in a PID namespace.
    package var pidIsTheKernels = true
    /// How often the kernel killed in the run's memory group, at its start and now.
    package var memoryKillsThen: Int64?
    package var memoryKillsNow: Int64?
    package var sameMemoryGroup = false

    package init() {}

    /// The verdict. Every combination of traces has one.
    package func judge() -> RunEnd {
        if pageIsItsOwn && fatalSignal != 0 {
            return RunEnd(
                .crash, status: fatalSignal,
                evidence: "the process marked \(SignalName.of(fatalSignal)) (code \(fatalCode)) as it went down")
        }
        if !bootThen.isEmpty && !bootNow.isEmpty && bootThen != bootNow {
            return RunEnd(
                .machineDown, evidence: "the machine was started again since (boot \(bootThen) then, \(bootNow) now)",
                confidence: .likely)
        }
        if kernelKilledForMemory {
            return RunEnd(
                .outOfMemory, evidence: "the kernel's log names the process as killed for want of memory",
                confidence: pidIsTheKernels ? .certain : .likely)
        }
        if sameMemoryGroup, let then = memoryKillsThen, let now = memoryKillsNow, then >= 0, now > then {
            return RunEnd(
                .outOfMemory,
                evidence: "the memory group counted \(now - then) kills since the run began", confidence: .likely)
        }
        if pageIsItsOwn && handledSignal != 0 {
            return RunEnd(
                .signal, status: handledSignal,
                evidence: "\(SignalName.of(handledSignal)) was delivered, and the process ended before it could close",
                confidence: .likely)
        }
        if bootThen.isEmpty || bootNow.isEmpty {
            return RunEnd(
                .killed, evidence: "no end was noted, and the system does not tell one boot from another",
                confidence: .possible)
        }
        if pageIsItsOwn && poisoned {
            return RunEnd(
                .killed,
                evidence: "no end was noted: after an I/O error nothing is, also not where the store is closed",
                confidence: .possible)
        }
        if pageIsItsOwn && marksArmed {
            return RunEnd(
                .killed,
                evidence: "no end and no fatal signal was marked, though marks were in force: SIGKILL, or a signal"
                    + " nobody handled", confidence: .likely)
        }
        return RunEnd(
            .killed, evidence: "killed or crashed, no mark (crash marks were not in force)", confidence: .possible)
    }
}

package enum SignalName {
    /// "SIGTERM" for 15 on Linux; "signal 99" for a number without a name here.
    package static func of(_ number: Int32) -> String { names[number] ?? "signal \(number)" }

    private static let names: [Int32: String] = {
        var names: [Int32: String] = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        ]
        #if canImport(Darwin)
        names[10] = "SIGBUS"
        names[12] = "SIGSYS"
        names[30] = "SIGUSR1"
        names[31] = "SIGUSR2"
        #else
        names[7] = "SIGBUS"
        names[31] = "SIGSYS"
        names[10] = "SIGUSR1"
        names[12] = "SIGUSR2"
        #endif
        return names
    }()
}
