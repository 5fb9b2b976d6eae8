// What a store tells of itself: events, how it was recovered, where it stands.

public import WriteAheadJournal

extension StateStore {
    /// What happened, for a log.
    public enum Event: Sendable {
        /// The store is open: how the last run ended, and what was replayed.
        case opened(RecoveryReport)
        /// Everything up to the LSN is in the table `state`.
        case checkpointed(LSN, seconds: Double)
        /// A checkpoint failed. The log keeps everything. If it lacked space or a lock, the next one tries again. Any
        /// other failure has poisoned the store.
        case checkpointFailed(StoreError)
        /// The store is closed. The error, if any, is the reason why changes are not durable.
        case closed(StoreError?)
    }

    /// What opening found and did.
    public struct RecoveryReport: Sendable {
        /// How the last run ended, with evidence and confidence.
        public var lastEnd: RunEnd
        /// Whether opening made the store.
        public var isNew: Bool
        /// Log records applied to the state of the last checkpoint.
        public var recordsReplayed: Int
        /// Those of them that were in the mapped tail alone: published, not committed when the run ended.
        /// `openReadOnly` does not count them.
        public var recordsFromTail = 0
        /// Those of the tail that the journal once had and lost. `discardReason` then tells.
        public var recordsResupplied = 0
        /// What was found altered or missing in the files, and what was done about it. Empty for a sound store. If
        /// something was repaired or is lost, the files as found are in `evidence/`, and the sentence says so.
        public var damage: [String] = []
        /// Bytes after the last commit in the log's file that are not a whole commit, and are dropped. As a rule a
        /// crash cut them short, and they were never acknowledged. What else they can be, `damage` tells, and
        /// `provenLSN` after a power cut.
        public var bytesDiscarded: Int
        /// Why they were discarded. Empty if there were none.
        public var discardReason: String
        /// The last record of the log as it was found.
        public var lastLSN: LSN
        /// The log is proved to be complete up to here: the sync mark. After a power cut the mark may be older than the
        /// log. Then only SQLite says that nothing of the log's end is lost; it is not proved.
        public var provenLSN = LSN.zero
        /// The keys found.
        public var keys: Int
        /// How long opening took, in seconds.
        public var seconds: Double
    }

    /// Where the store stands.
    public struct Statistics: Sendable {
        /// Keys in the state.
        public var keys: Int
        /// Bytes of keys and values.
        public var contentBytes: Int
        /// Bytes of memory the state takes, snapshots included.
        public var memoryBytes: Int
        /// The last record.
        public var lastLSN: LSN
        /// The last record that survives power loss.
        public var durableLSN: LSN
        /// The last record that is in the table `state`.
        public var checkpointLSN: LSN
        /// Whether `.process` changes are acknowledged in the mapped tail. False if the file system does not keep one,
        /// and for a store that was opened read-only.
        public var isTailMapped = false
        /// Records a power cut right now could take.
        public var recordsAtRisk: Int
        /// How long the oldest of them has waited, in milliseconds.
        public var millisecondsAtRisk: Double
        /// Bytes of records in the journal.
        public var logBytes: Int
        /// Syncs of the journal since opening.
        public var syncs: Int
        /// Group commits since opening.
        public var commits: Int
        /// How long replay would take at the next start if the process were killed now, in seconds. Estimated from this
        /// start's replay, or by 1 M records/s.
        public var projectedReplaySeconds: Double
        /// The failure that keeps the store from accepting changes, if any.
        public var trouble: StoreError?

        /// Nothing is known but the reason.
        static func unknown(_ trouble: StoreError) -> Statistics {
            Statistics(
                keys: 0, contentBytes: 0, memoryBytes: 0, lastLSN: .zero, durableLSN: .zero, checkpointLSN: .zero,
                recordsAtRisk: 0, millisecondsAtRisk: 0, logBytes: 0, syncs: 0, commits: 0, projectedReplaySeconds: 0,
                trouble: trouble)
        }
    }
}
