// Threads for hooks: each gets one of its own, so that one that hangs can be left behind.

import CExitHooks

enum Threads {
    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// False if the system gives no thread.
    static func spawn(_ kind: backstay_thread_kind, _ body: @escaping @Sendable () -> Void) -> Bool {
        let job = Unmanaged.passRetained(Job(body))
        let error = backstay_spawn(
            kind,
            { context in
                guard let context else { return }
                Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
            }, job.toOpaque())
        if error != 0 { job.release() }
        return error == 0
    }

    /// Runs `body` on a thread of its own, with signals blocked, and waits for it until `deadline`; whether it has ended.
    static func bounded(until deadline: UInt64, _ body: @escaping @Sendable () -> Void) -> Bool {
        let id = Registry.withState { state in
            let id = state.makeID()
            state.calls[id] = false
            return id
        }
        let spawned = spawn(backstay_exit_thread) {
            body()
            Registry.endCall(id)
        }
        if !spawned {
            body()
            Registry.endCall(id)
        }
        let ended = Registry.wait(until: deadline) { $0.calls[id] == true }
        Registry.withState { $0.calls[id] = nil }
        return ended
    }
}
