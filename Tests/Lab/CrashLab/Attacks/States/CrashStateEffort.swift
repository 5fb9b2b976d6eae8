internal import Drill

/// How many states are drawn.
struct CrashStateEffort: Sendable {
    /// All subsets of up to so many operations between two syncs.
    var exhaustiveMax = 12
    /// So many subsets of more.
    var sampled = 96
    /// So many with torn writes, between two syncs.
    var torn = 32
    /// So many cuts of a write at which a process dies.
    var cuts = 2
}
