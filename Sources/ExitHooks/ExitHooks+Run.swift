// `run`: the whole program as one body that a signal can cancel.
//
// The body runs in the caller's own task, so it needs no Sendable and keeps its isolation. To cancel that task from the
// exit thread, its unsafe reference is kept beyond the closure that hands it out. That is right for two reasons, hence
// the `@unchecked Sendable` box:
//   - `run` never returns, so the task it runs in lives as long as the process.
//   - `cancel` is among the calls that other threads may make on such a reference.

import CExitHooks

extension ExitHooks {
    /// Thrown inside `run`, ends the process with a status: scopes and `defer`s unwind, hooks run. `exit()` unwinds
    /// nothing in Swift.
    public struct Exit: Error, Hashable, CustomStringConvertible {
        /// The status of the process; the parent sees the low 8 bits.
        public let status: Int32

        /// Ends the process with `status`.
        public init(_ status: Int32) { self.status = status }

        /// "exit(3)".
        public var description: String { "exit(\(status))" }
    }

    /// Runs the program's body, then hooks, then ends the process. Also marks crashes.
    ///
    /// ```swift
    /// await ExitHooks.run { try await main() }
    /// ```
    /// - The body returns: status 0.
    /// - It throws `Exit(n)`: status n. It throws another error: the error goes to stderr, status 1.
    /// - A handled signal arrives: the body's task is cancelled and has `unwindBudget` to unwind its `defer`s and
    ///   scopes. Then hooks run, even if it has not ended, and stdout is flushed (at most 500 ms). The process ends by
    ///   the signal or as `onSignal` says. If the body answers by throwing `Exit(n)`, then n is the status.
    /// - The same signal again, 250 ms later or more, ends the process at once.
    ///
    /// - Parameters:
    ///   - signals: those handled while the body runs; empty to leave them to others. If one can't be handled, the body
    ///     is not run, and the process ends as if it had thrown.
    ///   - onSignal: how the process ends after a signal.
    ///   - unwindBudget: how long the body may take to end after a signal, out of `deadline`.
    ///   - deadline: how long the end may take in all; becomes `ExitHooks.deadline`. nil leaves that as it is.
    ///   - body: the program. It keeps the caller's isolation.
    public static func run(
        signals: [Signal] = [.interrupt, .terminate, .hangup],
        onSignal: SignalOutcome = .reraise,
        unwindBudget: Duration = .seconds(2),
        deadline: Duration? = nil,
        _ body: () async throws -> Void
    ) async -> Never {
        if let deadline { ExitHooks.deadline = deadline }
        markCrashes()
        ExitThread.start()
        let reference = withUnsafeCurrentTask { TaskReference(task: $0) }
        let id = Registry.withState { Bodies.begin(&$0, signals: []) }
        Bodies.attach(id) { reference.task?.cancel() }
        let ending: BodyEnding
        do {
            try handleSignals(signals, onSignal: onSignal, unwindBudget: unwindBudget)
            try await body()
            ending = .returned
        } catch {
            ending = .threw(error)
        }
        Bodies.end(run: id, ending)
        await forever()
    }

    /// Where a task stays whose process is about to be gone. It blocks no thread.
    static func forever() async -> Never {
        while true {
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        }
    }

    private struct TaskReference: @unchecked Sendable {
        let task: UnsafeCurrentTask?
    }
}
