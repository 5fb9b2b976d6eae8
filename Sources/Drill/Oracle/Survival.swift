// The two ends that the oracle tells apart.

/// What a process went down with.
package enum Survival: Sendable {
    /// The process ended; the machine went on. Both levels survive that.
    case process
    /// The power went. Changes below the last `.power` answer survive; newer `.process` ones need not.
    case power
}
