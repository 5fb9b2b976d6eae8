// The sizes and times that the committer observes.

extension Committer {
    /// Sizes in bytes, times in nanoseconds.
    package struct Limits: Sendable {
        /// The size of the tail. Records wait for room once that many bytes are published and not committed.
        package var tailBytes = 4 << 20
        /// Room for a commit of this size is made before a change is admitted.
        package var reservedBytes = 64 << 10
        /// Records for which nobody waits are committed at this age.
        package var ageMax: UInt64 = 20_000_000
        /// How long a caller waits during a stall: the disk is full, or another program blocks the journal.
        package var patience: UInt64 = 5_000_000_000
        /// How often a commit that found no space is tried again.
        package var retryInterval: UInt64 = 100_000_000
        package init() {}
    }
}
