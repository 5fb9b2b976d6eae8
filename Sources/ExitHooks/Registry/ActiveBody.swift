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
