// What was seen of one scenario of the drill.

/// What was seen of one scenario.
public struct ScenarioResult: Sendable {
    /// The scenario's name.
    public var name: String
    /// The hook ran to its end.
    public var hooksRan = false
    /// The hook was called.
    public var hookBegan = false
    /// The body's `defer` ran.
    public var scopeRan = false
    /// A signal handler ran: the hook or the body was told of the signal, or the cause of the crash was marked.
    public var handlerRan = false
    /// Changes the store answered.
    public var acknowledged = 0
    /// Changes the next start found.
    public var recovered = 0
    /// Changes that were answered at a level that survives this end, and are gone or altered.
    public var lost = 0
    /// How the next start says the run ended.
    public var endedAs = ""
    /// What is wrong in a control, which must lose; nil for a scenario, which must not.
    public var control: String?
    /// How long it took, in seconds.
    public var seconds = 0.0
    /// Rounds that were not played because the drill took long.
    public var roundsLeftOut = 0
    /// Why it could not be played on this machine; nil where it was.
    public var skipped: String?
    /// Everything that is not as it must be; empty where all is well.
    public var problems: [String] = []
}
