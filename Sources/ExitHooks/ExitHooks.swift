// Exit hooks: work to do when the process ends.
//
// A hook runs when
//   - main returns,
//   - any thread calls `exit()`,
//   - an error or an `Exit` comes out of `run`,
//   - a handled signal arrives.
// It does not run on SIGKILL, a crash, power loss, `_exit()`, or a signal that nobody handles. So nothing may depend on it: hooks make an end tidy, they don't make data safe.
//
// Rules:
//   1. A hook is unlisted before it is called. So it runs at most once, and completes or is abandoned when its budget
//      is over.
//   2. Hooks run one by one, the last registered first; then finalizers, in the same way.
//   3. Hooks of a process don't run in its forked children.
//   4. The first cause that ends the process is the one that counts: its reason and its status.
//
// Where to read on: Registry.swift (the list), Ending.swift (how the process ends), ExitHooks+Run.swift,
// ExitHooks+Scope.swift, ExitHooks+Signals.swift.

import CExitHooks

/// Exit hooks: closures that run when the process ends in an orderly way, or when a scope ends.
///
/// ```swift
/// ExitHooks.register("save") { reason in try save(because: reason) }
/// try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
/// ```
///
/// No hook runs after SIGKILL, a crash, power loss or a signal that is not handled. Data that matters must be safe before.
public enum ExitHooks {
    /// Registers a hook.
    ///
    /// Hooks run one by one, the last registered first, each on a thread of its own. Inside a `scope`, the hook belongs
    /// to that scope and runs when it ends; else it runs when the process ends. A hook that is registered while hooks
    /// run is still run. A hook that is registered once all hooks have run is not called. One that throws, hangs or
    /// calls `exit()` does not stop the others. What it threw is reported on stderr.
    ///
    /// - Parameters:
    ///   - name: names the hook in reports.
    ///   - budget: how long the hook may take (default 2 s), never more than what is left of the common deadline. When
    ///     it is over, the hook is abandoned: its thread is left behind and the next hook starts.
    ///   - body: the hook. It must not wait for the main thread or the main actor, which may be held in `exit()`.
    /// - Returns: a token to cancel the hook; it may be dropped.
    @discardableResult
    public static func register(
        _ name: String, budget: Duration = .seconds(2), _ body: @escaping @Sendable (Reason) throws -> Void
    ) -> Token {
        Registry.add(name: name, budget: budget, scope: Scoping.current, isFinalizer: false, body)
    }

    /// Registers a function together with its arguments, which are copied now.
    ///
    /// ```swift
    /// ExitHooks.register("save", saveFile, "backup.json", data)
    /// ```
    /// Everything else is as for a hook that takes the reason.
    @discardableResult
    public static func register<each Argument: Sendable>(
        _ name: String, budget: Duration = .seconds(2),
        _ body: @escaping @Sendable (repeat each Argument) throws -> Void, _ arguments: repeat each Argument
    ) -> Token {
        register(name, budget: budget) { (_: Reason) in try body(repeat each arguments) }
    }

    /// Registers work that runs after all hooks, whatever the order of registration. The last registered finalizer runs
    /// first. A fifth of the common deadline is kept free for finalizers.
    @discardableResult
    package static func registerFinalizer(
        _ name: String, budget: Duration = .seconds(5), _ body: @escaping @Sendable (Reason) -> Void
    ) -> Token {
        Registry.add(name: name, budget: budget, scope: nil, isFinalizer: true, body)
    }

    /// How long all hooks together may take when the process ends. 5 s unless set, at least 10 ms, at most a day.
    ///
    /// With a signal it includes the time that `run` and scopes have to unwind. Docker kills after 10 s, Kubernetes after
    /// 30 s.
    public static var deadline: Duration {
        get { .nanoseconds(Registry.withState { Int64($0.deadline) }) }
        set { Registry.withState { $0.deadline = max(newValue.clampedNanoseconds, 10_000_000) } }
    }

    /// Why the process is ending; nil while it is not. Set before the first hook runs.
    package static var currentReason: Reason? {
        Registry.withState { $0.reason }
    }

    /// A registered hook, to cancel it. Dropping a token changes nothing.
    public struct Token: Sendable {
        let id: UInt64

        /// Unlists the hook. True if it was still listed: it won't run. False if it has run, is running or was
        /// cancelled before. A hook that is running is not waited for.
        @discardableResult
        public func cancel() -> Bool {
            Registry.remove(id)
        }
    }
}

// Crash marks for the store.
extension ExitHooks {
    /// Fatal signals (SEGV, BUS, ILL, TRAP, FPE, ABRT, SYS) note their cause for the store. Then they go on to the
    /// handler that was there before (such as Swift's backtracer) or to the default. `run` and `handleSignals` do this,
    /// too.
    ///
    /// A signal that is ignored stays ignored. Calling this again changes nothing.
    public static func markCrashes() {
        Registry.locked { backstay_mark_crashes() }
    }

    /// True once `markCrashes` is in force in this process.
    package static var marksCrashes: Bool { backstay_marks_crashes() }

    /// Has fatal and handled signals marked in `mark`: a `backstay_crash_mark`, 64 bytes, aligned to 8.
    ///
    /// - Returns: false if 64 marks are registered already. The memory must stay valid until `unregisterCrashMark` returns.
    package static func registerCrashMark(_ mark: UnsafeMutableRawPointer) -> Bool {
        Registry.start()
        return backstay_add_crash_mark(mark.assumingMemoryBound(to: backstay_crash_mark.self))
    }

    /// Once it returns, no handler touches the mark.
    package static func unregisterCrashMark(_ mark: UnsafeMutableRawPointer) {
        backstay_remove_crash_mark(mark.assumingMemoryBound(to: backstay_crash_mark.self))
    }
}
