// The list of hooks, and what is known about the end of the process.
//
// Rule: `state` is read and changed only under the C library's lock of CExitHooks (`withState`, `wait`). No closure of
// a caller is called under it. That is why the unsafe pointer below is right: the lock guards what it points to. The
// pointer itself changes only in a forked child, under the lock, when no other thread exists. There the old state is
// left alone, not freed. To free it would run the deinitializers of what the parent's hooks have captured.

import CExitHooks

enum Registry {
    nonisolated(unsafe) private static var state = newState()

    private static func newState() -> UnsafeMutablePointer<State> {
        let pointer = UnsafeMutablePointer<State>.allocate(capacity: 1)
        pointer.initialize(to: State())
        return pointer
    }

    private static let started: Void = {
        _ = state
        backstay_start(
            { status, known in Ending.gate(status: known ? status : nil) },
            { Registry.state = Registry.newState() }
        )
    }()

    /// Once per process; cheap afterwards.
    static func start() {
        _ = started
    }

    static func locked<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        start()
        backstay_lock()
        defer { backstay_unlock() }
        return try body()
    }

    static func withState<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        try locked { () throws(E) -> R in try body(&state.pointee) }
    }

    /// Waits until `condition` holds or the deadline has passed; returns whether it holds.
    static func wait(until deadline: UInt64, _ condition: (inout State) -> Bool) -> Bool {
        locked {
            while true {
                if condition(&state.pointee) { return true }
                if !backstay_wait_until(deadline) { return condition(&state.pointee) }
            }
        }
    }

    static func add(
        name: String, budget: Duration, scope: UInt64?, isFinalizer: Bool,
        _ body: @escaping @Sendable (ExitHooks.Reason) throws -> Void
    ) -> ExitHooks.Token {
        let (id, needsThread) = withState { state in
            let id = state.makeID()
            state.hooks.append(
                Hook(
                    id: id, name: name, budget: budget.clampedNanoseconds,
                    scope: scope.flatMap { state.scopes.contains($0) ? $0 : nil },
                    isFinalizer: isFinalizer, body: body))
            return (id, !state.hasExitThread)
        }
        if needsThread { ExitThread.start() }
        return ExitHooks.Token(id: id)
    }

    static func remove(_ id: UInt64) -> Bool {
        // The closure is released outside of the lock: it may own what calls us again.
        let removed = withState { state -> Hook? in
            guard let index = state.hooks.lastIndex(where: { $0.id == id }) else { return nil }
            return state.hooks.remove(at: index)
        }
        return removed != nil
    }

    /// A call that was abandoned is no longer listed. Its late end changes nothing.
    static func endCall(_ id: UInt64) {
        withState { state in
            if state.calls[id] != nil { state.calls[id] = true }
            backstay_broadcast()
        }
    }
}

extension Duration {
    /// Not below 0, not above a day.
    var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        if seconds >= 86_400 { return 86_400_000_000_000 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
