import CExitHooks

/// The scopes that are open: which one a task is in, and how one ends.
enum Scoping {
    /// The innermost scope of the current task.
    @TaskLocal static var current: UInt64?

    static func end(_ id: UInt64, _ handled: Set<Int32>, _ reason: ExitHooks.Reason, _ deadline: Duration) async {
        // A signal, to this scope or to the process, is the reason before what the body made of it.
        let (finalReason, hasHooks) = Registry.withState { state in
            let signal = state.bodies.first { $0.id == id }?.signal
            return (
                signal.map { .signal($0) } ?? state.reason ?? reason, state.hooks.contains { $0.scope == id }
            )
        }
        if hasHooks {
            let endBy = backstay_now() + deadline.clampedNanoseconds
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                let work: @Sendable () -> Void = {
                    Calls.run(scope: id, finalReason, until: endBy)
                    continuation.resume()
                }
                if !Threads.spawn(backstay_hook_thread, work) { work() }
            }
        }
        // The body's task is released outside of the lock: what it holds may call us in its deinitializer.
        let (processEnds, _) = Registry.withState { state -> (Bool, ActiveBody?) in
            state.scopes.remove(id)
            let body = state.bodies.firstIndex { $0.id == id }.map { state.bodies.remove(at: $0) }
            SignalTable.release(&state, handled)
            for number in handled where !state.bodies.contains(where: { $0.signal == number }) {
                if state.phase == .running { backstay_forget_signal(number) }
            }
            backstay_broadcast()
            return (state.phase == .ending || state.phase == .finished, body)
        }
        if processEnds { await ExitHooks.forever() }
    }
}
