// The exit thread.
//
// There is one per process, started with the first hook or handled signal. It sleeps until a signal or an end wakes it.
// It does all that a signal handler must not do. A second one, started with the first handled signal, only takes
// signals.

import CExitHooks

enum ExitThread {
    /// False if the system gives no thread. Then the next registration tries again. An end runs the hooks on the thread
    /// it comes from, and signals can't be handled.
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
