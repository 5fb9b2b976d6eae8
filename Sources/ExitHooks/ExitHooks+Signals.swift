// Handling signals, always asked for: by `handleSignals`, `run` or `scope`.
//
// Rule: our handler for a signal is installed while somebody asks for it. When the last one stops asking, what was
// found is put back. A signal that was ignored on entry (nohup) stays ignored.

import CExitHooks

import SystemC

extension ExitHooks {
    /// A signal that can end a program in an orderly way.
    public struct Signal: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The system's number.
        public let rawValue: Int32

        /// Any number; whether it can be handled is decided when it is used.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// SIGINT: Ctrl+C.
        public static let interrupt = Signal(rawValue: SIGINT)
        /// SIGTERM: what service managers and `kill` send.
        public static let terminate = Signal(rawValue: SIGTERM)
        /// SIGHUP: the terminal went away.
        public static let hangup = Signal(rawValue: SIGHUP)
        /// SIGUSR1.
        public static let user1 = Signal(rawValue: SIGUSR1)
        /// SIGUSR2.
        public static let user2 = Signal(rawValue: SIGUSR2)
        /// SIGALRM: a timer of `alarm()` ran out.
        public static let alarm = Signal(rawValue: SIGALRM)
        /// SIGXCPU: the limit on processor time is reached.
        public static let cpuLimit = Signal(rawValue: SIGXCPU)

        /// Those that `handleSignals` accepts. By default each of them ends a process.
        static let handleable: Set<Int32> = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU]

        /// "SIGTERM"; "signal 40" for a number without a name here.
        public var name: String {
            Self.names[rawValue] ?? "signal \(rawValue)"
        }

        /// The same as `name`.
        public var description: String { name }

        private static let names: [Int32: String] = [
            SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
            SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
            SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
            SIGCHLD: "SIGCHLD", SIGSTOP: "SIGSTOP", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
        ]
    }

    /// How the process ends after a handled signal, once its hooks have run.
    public struct SignalOutcome: Sendable, Hashable {
        enum Kind: Hashable {
            case reraise
            case exit(Int32)
        }

        let kind: Kind

        /// The signal is raised again with its default action, so that the parent sees the true cause. As PID 1, which no
        /// signal ends, the process exits with status 128 + n.
        public static let reraise = SignalOutcome(kind: .reraise)

        /// `exit(status)`, for a program to which the signal is the ordinary way to stop.
        public static func exit(_ status: Int32) -> SignalOutcome { SignalOutcome(kind: .exit(status)) }
    }

    /// A refusal of this library.
    public struct Failure: Error, Hashable, CustomStringConvertible {
        /// What kind of failure; further codes may be added.
        public struct Code: Sendable, Hashable {
            let name: String
            /// The signal can't be handled: it is not one that asks a program to end, or others depend on it.
            public static let signalNotHandleable = Code(name: "signalNotHandleable")
            /// The system refused to install a handler, or gave no thread.
            public static let systemRefused = Code(name: "systemRefused")
        }

        /// What kind of failure.
        public let code: Code
        /// What is wrong, and what to do.
        public let message: String
        /// The signal it is about.
        public let signal: Signal

        /// The message.
        public var description: String { message }
    }

    /// Handled signals, to stop handling them. Dropping it changes nothing.
    public struct SignalHandling: Sendable {
        let id: UInt64

        /// Those asked for that were ignored on entry, and so are left ignored.
        public let ignored: Set<Signal>

        /// Stops handling the signals, and puts back what was found before. Two things keep it from being put back:
        /// - Others still ask for the signals.
        /// - Another handler was installed on top. Ours then only passes signals on.
        ///
        /// Calling it again changes nothing.
        public func remove() {
            Registry.withState { state in
                guard let index = state.subscriptions.firstIndex(where: { $0.id == id }) else { return }
                SignalTable.release(&state, state.subscriptions.remove(at: index).signals)
            }
        }
    }

    /// Lets signals end the process in an orderly way: hooks run, then the process ends by the signal. Also marks crashes.
    ///
    /// Active bodies of `run` and `scope` are cancelled first and have `unwindBudget` to end. A handler that was there
    /// before is called too, at once. SIG_IGN on entry is respected. The same signal again, 250 ms later or more, ends the
    /// process at once, even while a hook blocks. If several calls ask for one signal, the latest decides.
    ///
    /// - Parameters:
    ///   - signals: any of SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU.
    ///   - onSignal: how the process ends after the hooks.
    ///   - unwindBudget: how long bodies may take to end, out of the common deadline.
    /// - Throws: `Failure` if a signal can't be handled; then none of them is.
    @discardableResult
    public static func handleSignals(
        _ signals: [Signal], onSignal: SignalOutcome = .reraise, unwindBudget: Duration = .seconds(2)
    ) throws(Failure) -> SignalHandling {
        try ExitThread.start(for: signals)
        return try Registry.withState { state throws(Failure) in
            let ignored = try SignalTable.retain(&state, signals)
            let id = state.makeID()
            let handled = Set(signals).subtracting(ignored)
            state.subscriptions.append(
                Subscription(
                    id: id, signals: Set(handled.map(\.rawValue)), outcome: onSignal,
                    unwindBudget: unwindBudget.clampedNanoseconds))
            backstay_mark_crashes()
            return SignalHandling(id: id, ignored: ignored)
        }
    }
}
