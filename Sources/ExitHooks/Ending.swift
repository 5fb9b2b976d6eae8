// How the process ends.
//
// Phases: running → (unwinding, after a signal) → ending, hooks run → finished. The first cause to leave `running`
// decides the reason and the status. Whoever comes later is held until the process is gone.
//
// `exit()` from several threads: glibc gives each caller the exit handlers that are left. The first caller that finds
// none ends the process, hooks or not. So
//   - the gate puts itself back on the list each time it is called,
//   - hooks run on their own threads,
//   - callers wait in the gate.
// When hooks are done only the first caller goes on.

import CExitHooks

import SystemC

enum Ending {
    /// The gate and others that wait for the exit thread allow it this much longer than the deadline, nanoseconds.
    static let grace: UInt64 = 50_000_000

    // MARK: exit()

    private enum Verdict {
        case pass, wait, perform, hold
    }

    /// Called by the C library on the thread that called `exit`.
    static func gate(status: Int32?) {
        let me = backstay_thread_identity()
        let hook = backstay_current_hook()
        let verdict = Registry.withState { state -> Verdict in
            // A hook that calls `exit()` has ended, as far as its successor is concerned.
            if hook != 0, state.calls[hook] != nil {
                state.calls[hook] = true
                backstay_broadcast()
            }
            switch state.phase {
            case .running where state.hooks.isEmpty && state.calls.isEmpty:
                state.phase = .finished
                state.finisher = me
                return .pass
            case .running:
                backstay_list_gate()
                state.finisher = me
                let reason = status == 0 ? ExitHooks.Reason.normal : .exit(status)
                begin(&state, reason, .goOn(status: status))
                return state.hasExitThread ? .wait : .perform
            case .finished where state.finisher == me:
                return .pass
            // Nobody else ends the process here. Either it has waited as long as it may, and comes to the next gate of
            // the list. Or it runs the hooks itself, and one of them calls `exit()`.
            case .unwinding where state.finisher == me, .ending where state.finisher == me:
                return .pass
            case .unwinding, .ending, .finished:
                backstay_list_gate()
                state.phase = state.phase == .unwinding ? .ending : state.phase
                state.heldThreads += 1
                backstay_broadcast()
                return .hold
            }
        }
        switch verdict {
        case .pass:
            break
        case .perform:
            performIfBegun()
        case .wait:
            let endBy = Registry.withState { $0.endBy }
            _ = Registry.wait(until: endBy + grace) { $0.phase == .finished }
        case .hold:
            while true { pause() }
        }
    }

    // MARK: Beginning

    /// Under the lock, in phase `running`.
    static func begin(_ state: inout State, _ reason: ExitHooks.Reason, _ lastStep: LastStep, unwindFor: UInt64 = 0) {
        let now = backstay_now()
        state.reason = reason
        state.lastStep = lastStep
        state.endBy = now + state.deadline
        state.hooksBy = state.endBy - state.deadline / 5
        state.unwindBy = min(now + unwindFor, state.endBy)
        state.phase = unwindFor == 0 || state.bodies.isEmpty ? .ending : .unwinding
        backstay_broadcast()
        backstay_wake()
    }

    /// On the exit thread.
    static func signalArrived(_ number: Int32) {
        let toCancel = Registry.withState { state -> [ActiveBody] in
            guard state.phase == .running else { return [] }
            if let taker = state.subscriptions.last(where: { $0.signals.contains(number) }) {
                let lastStep: LastStep =
                    switch taker.outcome.kind {
                    case .reraise: .signal(number)
                    case .exit(let status): .exit(status)
                    }
                begin(&state, .signal(number), lastStep, unwindFor: taker.unwindBudget)
                return state.bodies
            }
            // Only scopes take it: they end, the process goes on.
            for index in state.bodies.indices where state.bodies[index].signals.contains(number) {
                state.bodies[index].signal = number
            }
            return state.bodies.filter { $0.signal == number }
        }
        guard !toCancel.isEmpty else { return }
        // Cancellation handlers are the program's code and may hang; they don't get this thread.
        let spawned = Threads.spawn(backstay_hook_thread) {
            for body in toCancel { body.cancel?() }
        }
        if !spawned { for body in toCancel { body.cancel?() } }
    }

    // MARK: Performing

    /// On the exit thread. If there is none, on the thread that ends the process.
    static func performIfBegun() {
        let begun = Registry.withState { state -> (unwindBy: UInt64, endBy: UInt64)? in
            guard state.phase == .unwinding || state.phase == .ending, !state.isPerforming else { return nil }
            state.isPerforming = true
            return (state.unwindBy, state.endBy)
        }
        guard let (unwindBy, endBy) = begun else { return }
        _ = Registry.wait(until: unwindBy) { $0.phase == .ending || $0.bodies.isEmpty }
        let (reason, lastWords) = Registry.withState { state in
            state.phase = .ending
            return (state.reason ?? .normal, state.lastWords)
        }
        if let lastWords { Stderr.say(lastWords) }
        Calls.runAll(reason, until: endBy)
        let (lastStep, isStuck) = Registry.withState { state in
            state.phase = .finished
            if case .goOn = state.lastStep {} else { state.finisher = backstay_thread_identity() }
            backstay_broadcast()
            return (state.lastStep, state.abandonedHooks > 0 || state.heldThreads > 0)
        }
        if reason.signal != nil { backstay_await_handlers() }
        switch lastStep {
        case .goOn(let status):
            if isStuck { guardEnd(by: endBy, status: status ?? EXIT_FAILURE) }
        case .exit(let status):
            // After a signal nobody is left to notice that the rest of `exit` hangs.
            if isStuck || reason.signal != nil { guardEnd(by: endBy, status: status) }
            exit(status)
        case .signal(let number):
            let flushBy = min(backstay_now() + 500_000_000, max(endBy, backstay_now() + grace))
            _ = Threads.bounded(until: flushBy) { backstay_flush_stdout() }
            backstay_end_by_signal(number)
        }
    }

    /// What is left of `exit` after the hooks, other exit handlers and the flush of stdio, can wait for a lock. An
    /// abandoned hook or a held thread may have it. Then the process ends without that rest.
    private static func guardEnd(by endBy: UInt64, status: Int32) {
        let by = max(endBy, backstay_now()) + grace
        _ = Threads.spawn(backstay_hook_thread) {
            _ = Registry.wait(until: by) { _ in false }
            _exit(status)
        }
    }
}
