// The exit thread, threads for hooks, and what they say on stderr.
//
// One thread per process, started with the first hook or handled signal, sleeps until a signal or an end wakes it. It does
// all that a signal handler must not do. A second one, started with the first handled signal, only takes signals. Every hook
// gets a thread of its own, so that one that hangs can be left behind.

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

extension Registry {
    /// A call that was abandoned is no longer listed; its late end changes nothing.
    static func endCall(_ id: UInt64) {
        withState { state in
            if state.calls[id] != nil { state.calls[id] = true }
            backstay_broadcast()
        }
    }
}

enum ExitThread {
    /// False if the system gives no thread. Then the next registration tries again, an end runs the hooks on the thread it
    /// comes from, and signals can't be handled.
    @discardableResult
    static func start() -> Bool {
        start(.exit) {
            while true {
                let arrived = backstay_wait_wake()
                for number in Int32(1)..<64 where arrived >> UInt64(number) & 1 == 1 {
                    Ending.signalArrived(number)
                }
                Ending.performIfBegun()
            }
        }
    }

    /// Signals need the thread that acts on them: without it they would be swallowed.
    static func start(for signals: [ExitHooks.Signal]) throws(ExitHooks.Failure) {
        guard let first = signals.first else { return }
        guard start(), start(.signals, { backstay_take_signals() }) else {
            throw ExitHooks.Failure(
                code: .systemRefused, message: "the system gives no thread to handle signals on", signal: first)
        }
    }

    private static func start(_ thread: OwnThread, _ body: @escaping @Sendable () -> Void) -> Bool {
        let isMine = Registry.withState { $0.threads.insert(thread).inserted }
        guard isMine else { return true }
        let started = Threads.spawn(backstay_exit_thread, body)
        if !started { Registry.withState { _ = $0.threads.remove(thread) } }
        return started
    }
}

enum Stderr {
    /// Writes `text` and a line end, waiting at most 200 ms for room: nobody may be reading.
    static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            var offset = 0
            while offset < buffer.count {
                let written = backstay_say(start + offset, UInt64(buffer.count - offset), 200)
                if written <= 0 { return }
                offset += Int(written)
            }
        }
    }
}
