// `scope`: hooks of a part of the program.
//
// The body runs in a task of its own: a handled signal cancels it, and the caller's task must live on uncancelled. A
// hook belongs to the scope in whose task, or a child of it, it was registered. A task-local value says which.

import CExitHooks

extension ExitHooks {
    /// Runs `body`, then the hooks registered inside it, the last registered first. Returns or throws what the body did.
    ///
    /// Hooks run on return, on a thrown error and on cancellation, each within its budget, all within `deadline`. The
    /// caller is suspended meanwhile. A scope never ends the process:
    /// - A handled signal cancels the body, and the hooks get the signal as their reason. Then the program goes on with
    ///   what the body returned or threw, usually a `CancellationError`. The signal counts as dealt with. To end the
    ///   program by the signal, put `run` around it.
    /// - If `run` or `handleSignals` handles the signal, it belongs to them, and the process ends. The body is
    ///   cancelled and has their `unwindBudget` to end. If it does, the scope's hooks run here; else they run with all
    ///   others.
    /// - Once the process has begun to run its hooks, the scope's are among them, and the scope does not return.
    ///
    /// - Parameters:
    ///   - signals: those that cancel the body, empty to leave them to others.
    ///   - deadline: how long the hooks may take together (default 5 s).
    ///   - body: what to run. It inherits the caller's isolation, priority and task-local values.
    /// - Throws: the body's error unchanged; `Failure` if a signal can't be handled, before the body begins.
    @discardableResult
    public static func scope<Result: Sendable>(
        signals: [Signal] = [.interrupt, .terminate, .hangup],
        deadline: Duration = .seconds(5),
        @_inheritActorContext _ body: sending @escaping @isolated(any) () async throws -> Result
    ) async throws -> Result {
        try ExitThread.start(for: signals)
        let (id, handled) = try Registry.withState { state throws(Failure) in
            let ignored = try SignalTable.retain(&state, signals)
            let handled = Set(Set(signals).subtracting(ignored).map(\.rawValue))
            let id = Bodies.begin(&state, signals: handled)
            state.scopes.insert(id)
            return (id, handled)
        }
        let task = Task { try await Scoping.$current.withValue(id) { try await body() } }
        Bodies.attach(id) { task.cancel() }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        let reason: Reason =
            switch result {
            case .success: .normal
            case .failure(let error): BodyEnding.threw(error).reason
            }
        await Scoping.end(id, handled, reason, deadline)
        return try result.get()
    }
}
