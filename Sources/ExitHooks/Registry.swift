// The list of hooks, and what is known about the end of the process.
//
// Rule: `state` is read and changed only under the C library's lock of CExitHooks (`withState`, `wait`), and no closure of
// a caller is called under it. That is why the unsafe pointer below is right: the lock guards what it points to. The
// pointer itself changes only in a forked child, under the lock, when no other thread exists. There the old state is left
// alone, not freed: to free it would run the deinitializers of what the parent's hooks have captured.

import CExitHooks

/// One registered hook.
struct Hook: Sendable {
    let id: UInt64
    let name: String
    /// Nanoseconds.
    let budget: UInt64
    /// The scope it belongs to, nil for the process.
    let scope: UInt64?
    let isFinalizer: Bool
    let body: @Sendable (ExitHooks.Reason) throws -> Void
}

/// A body of `run` or `scope` that is going on.
struct ActiveBody: Sendable {
    let id: UInt64
    /// The signals that a scope takes; empty for `run`.
    let signals: Set<Int32>
    /// nil until its task is there.
    var cancel: (@Sendable () -> Void)?
    /// The signal it was cancelled for.
    var signal: Int32?
}

/// A call of `run` or `handleSignals`: its signals end the process.
struct Subscription: Sendable {
    let id: UInt64
    let signals: Set<Int32>
    let outcome: ExitHooks.SignalOutcome
    let unwindBudget: UInt64
}

enum Phase {
    case running
    /// A signal has cancelled the bodies, which have until `unwindBy` to end.
    case unwinding
    /// Hooks run.
    case ending
    /// All hooks have run or were given up.
    case finished
}

/// Threads that we keep.
enum OwnThread {
    /// Acts on signals and on the end.
    case exit
    /// Has handled signals unblocked.
    case signals
}

/// How the process goes away once its hooks have run.
enum LastStep: Sendable {
    /// The thread that called `exit()` goes on in it.
    case goOn(status: Int32?)
    case exit(Int32)
    case signal(Int32)
}

struct State {
    var nextID: UInt64 = 1
    /// In order of registration.
    var hooks: [Hook] = []
    /// Hooks that are being called; true once they have ended.
    var calls: [UInt64: Bool] = [:]
    var scopes: Set<UInt64> = []
    var bodies: [ActiveBody] = []
    var subscriptions: [Subscription] = []
    /// How many subscriptions and scopes handle a signal.
    var handled: [Int32: Int] = [:]
    /// Nanoseconds.
    var deadline: UInt64 = 5_000_000_000

    var phase = Phase.running
    var reason: ExitHooks.Reason?
    var lastStep = LastStep.exit(0)
    /// Said on stderr before hooks run.
    var lastWords: String?
    var isPerforming = false
    var unwindBy: UInt64 = 0
    var endBy: UInt64 = 0
    /// The same for hooks, where there are finalizers. Fixed at the beginning, too: a hook may set another deadline.
    var hooksBy: UInt64 = 0
    /// The thread that the C library's `exit` belongs to.
    var finisher: UInt64?
    var abandonedHooks = 0
    var heldThreads = 0

    var threads: Set<OwnThread> = []
    var hasExitThread: Bool { threads.contains(.exit) }

    mutating func makeID() -> UInt64 {
        defer { nextID += 1 }
        return nextID
    }
}

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
