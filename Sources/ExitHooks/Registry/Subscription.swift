/// A call of `run` or `handleSignals`: its signals end the process.
struct Subscription: Sendable {
    let id: UInt64
    let signals: Set<Int32>
    let outcome: ExitHooks.SignalOutcome
    let unwindBudget: UInt64
}
