enum FaultStep: String, Sendable {
    case open
    /// One change, at `.power` and at `.process`.
    case power, process
    /// Several changes as one record, with half of them taken back.
    case transaction
    /// A transaction that is larger than the tail.
    case large
    case sync, checkpoint, compact, backup, close
}
