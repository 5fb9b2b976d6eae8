/// How much a change must survive before the call that made it returns.
public enum Durability: String, Sendable, Hashable, CaseIterable {
    /// Survives the process: once the call returns, a crash or `kill -9` of this process loses nothing. A kernel panic
    /// or power cut may lose the newest changes, never an older one before a newer one. Same as `write()` without
    /// `fsync()`.
    case process

    /// Survives the machine: once the call returns, the change and every earlier one are in the journal's log file and
    /// `fdatasync()` has returned. This holds as far as the drive keeps what it has confirmed (docs/failure-model.md).
    case power
}
