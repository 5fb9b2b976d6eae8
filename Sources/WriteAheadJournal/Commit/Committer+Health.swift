// What state the journal is in, and what that means for callers. Whoever asks holds the committer's lock.

extension Committer {
    /// The journal's state.
    enum Health {
        case sound
        /// Nothing is committed for now: the disk is full, or another program holds SQLite's lock.
        case stalled(StoreError, retryAt: UInt64)
        case poisoned(StoreError)
        case closed

        var isSound: Bool {
            if case .sound = self { true } else { false }
        }

        /// Why commits have to wait; nil if they do not.
        var stall: StoreError? {
            if case .stalled(let error, _) = self { error } else { nil }
        }

        /// The error for a caller whose change has no LSN yet: the change will never appear.
        var rejection: StoreError? {
            switch self {
            case .sound, .stalled: nil
            case .poisoned(let error): Committer.rejection(after: error)
            case .closed: Committer.closedError
            }
        }

        /// The error for a caller whose record was published and is not durable: the record may be there at the next
        /// start.
        var verdict: StoreError? {
            switch self {
            case .sound, .stalled: nil
            case .poisoned(let error): Committer.unknown(error)
            case .closed: Committer.unknown(Committer.closedError)
            }
        }
    }
}
