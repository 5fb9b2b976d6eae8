/// All that is known about hooks and the end, under the one lock of the registry.
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
    /// The same for hooks, if there are finalizers. Fixed at the beginning, too: a hook may set another deadline.
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
