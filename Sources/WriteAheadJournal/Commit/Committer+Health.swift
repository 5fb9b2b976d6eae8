// What state the journal is in, and what that means for callers. Whoever asks holds the committer's lock.

extension Committer {
    enum Health {
        case sound
        /// Not committing for now: no space, or SQLite's lock is held by a stranger.
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

        /// What a caller gets whose change has no LSN yet: it will never appear.
        var rejection: StoreError? {
            switch self {
            case .sound, .stalled: nil
            case .poisoned(let error): Committer.rejection(after: error)
            case .closed: Committer.closedError
            }
        }

        /// What a caller gets whose record was published and is not durable: it may be there at the next start.
        var verdict: StoreError? {
            switch self {
            case .sound, .stalled: nil
            case .poisoned(let error): Committer.unknown(error)
            case .closed: Committer.unknown(Committer.closedError)
            }
        }
    }
}
