// Calling hooks: in order, each within its budget, all within the deadline.

import CExitHooks

import SystemC

enum Calls {
    private enum Next {
        case call(Hook, by: UInt64)
        case skip(Hook)
        case done
    }

    /// Everything that is listed, at the end of the process: hooks, then finalizers.
    static func runAll(_ reason: ExitHooks.Reason, until endBy: UInt64) {
        // A scope that ends just now may be in the middle of a hook, which has no more time than the others.
        let hooksBy = Registry.withState { $0.hooksBy }
        _ = Registry.wait(until: hooksBy) { $0.calls.isEmpty || $0.calls.values.allSatisfy { $0 } }
        while true {
            let next = Registry.withState { state -> Next in
                let hasFinalizers = state.hooks.contains { $0.isFinalizer }
                let hooksBy = hasFinalizers ? state.hooksBy : endBy
                return take(&state, until: hooksBy) { !$0.isFinalizer }
                    ?? take(&state, until: endBy) { $0.isFinalizer }
                    ?? .done
            }
            guard perform(next, reason) else { return }
        }
    }

    /// The hooks of one scope. Stops when the process begins to end. That end then takes those that are left.
    static func run(scope: UInt64, _ reason: ExitHooks.Reason, until endBy: UInt64) {
        while true {
            let next = Registry.withState { state -> Next in
                guard state.phase == .running || state.phase == .unwinding else { return .done }
                return take(&state, until: endBy) { $0.scope == scope } ?? .done
            }
            guard perform(next, reason) else { return }
        }
    }

    /// Unlists the last hook that matches. In the same step it counts as called, so that an end that begins now waits.
    private static func take(_ state: inout State, until endBy: UInt64, _ matches: (Hook) -> Bool) -> Next? {
        guard let index = state.hooks.lastIndex(where: matches) else { return nil }
        let hook = state.hooks.remove(at: index)
        let now = backstay_now()
        if now >= endBy { return .skip(hook) }
        state.calls[hook.id] = false
        return .call(hook, by: min(now + hook.budget, endBy))
    }

    private static func perform(_ next: Next, _ reason: ExitHooks.Reason) -> Bool {
        switch next {
        case .done:
            return false
        case .skip(let hook):
            Stderr.say("exit hook '\(hook.name)' was not run: no time was left")
        case .call(let hook, let by):
            call(hook, reason, by: by)
        }
        return true
    }

    private static func call(_ hook: Hook, _ reason: ExitHooks.Reason, by: UInt64) {
        let body: @Sendable () -> Void = {
            backstay_set_current_hook(hook.id)
            do {
                try hook.body(reason)
            } catch {
                Stderr.say("exit hook '\(hook.name)' failed: \(error)")
            }
            // A hook may fork. Its child has no hooks, and must not go on as if it were the exit thread.
            if backstay_current_hook() != hook.id { _exit(0) }
            backstay_set_current_hook(0)
            Registry.endCall(hook.id)
        }
        if !Threads.spawn(backstay_hook_thread, body) { body() }
        let ended = Registry.wait(until: by) { $0.calls[hook.id] == true }
        Registry.withState { state in
            state.calls[hook.id] = nil
            if !ended { state.abandonedHooks += 1 }
            backstay_broadcast()
        }
        if !ended { Stderr.say("exit hook '\(hook.name)' was abandoned: its time was over") }
    }
}
