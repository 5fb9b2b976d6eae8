// What the committer goes by: sizes and times.

extension Committer {
    package struct Limits: Sendable {
        /// Records wait for room above so many published, uncommitted bytes.
        package var tailBytes = 4 << 20
        /// Room for a commit of so many bytes is made sure of before a change is admitted.
        package var reservedBytes = 64 << 10
        /// Records nobody waits for are committed when they are so old.
        package var ageMax: UInt64 = 20_000_000
        /// How long a caller waits while the disk is full or another program blocks the journal.
        package var patience: UInt64 = 5_000_000_000
        /// How often a commit that found no space is tried again.
        package var retryInterval: UInt64 = 100_000_000
        package init() {}
    }
}
