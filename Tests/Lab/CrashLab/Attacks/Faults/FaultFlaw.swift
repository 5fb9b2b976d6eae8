// What the engine, or the store, does in a control that it must not.

internal import CFaultVFS

enum FaultFlaw: String, CaseIterable, Sendable {
    case none
    case swallowsSyncError = "the sync's error is swallowed"
    case retriesSync = "a failed sync is tried again"
    /// Of the lab's own: the ledger has the answer before the store is asked.
    case acknowledgesEarly = "changes are acknowledged before the commit"

    var engine: backstay_flaw {
        switch self {
        case .none, .acknowledgesEarly: BACKSTAY_FLAW_NONE
        case .swallowsSyncError: BACKSTAY_FLAW_SWALLOWS_SYNC_ERROR
        case .retriesSync: BACKSTAY_FLAW_RETRIES_SYNC
        }
    }
}
