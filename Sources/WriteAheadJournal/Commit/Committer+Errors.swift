// What callers are told if a change is rejected, unknown, or not yet durable.

/// The errors of a committer, each with what to do next.
extension Committer {
    static let closedError = StoreError(.closed, "the store is closed: open it again")

    static func rejection(after error: StoreError) -> StoreError {
        StoreError(
            .poisoned,
            "an earlier failure made it unsafe to go on: close the store and open it again (\(error.message))",
            cause: error.cause, location: error.location)
    }

    static func unknown(_ error: StoreError) -> StoreError {
        StoreError(
            error.code,
            "\(error.message); whether the change reached the disk is not known: close the store, open it again and look",
            cause: error.cause, location: error.location,
            outcome: .unknown)
    }

    static func notYet(_ error: StoreError) -> StoreError {
        StoreError(
            .notYetDurable,
            "the change is applied but not durable yet (\(error.message)); it will be when that is over",
            cause: error.cause, location: error.location, outcome: .unknown)
    }
}
