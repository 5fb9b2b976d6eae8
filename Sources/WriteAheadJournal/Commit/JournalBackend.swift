// The interface between the committer and the place where the journal is kept. SQLite is the embedded backend
// (SQLiteJournal.swift).
//
// The rule that makes it sound:
// - `append` returns only after the batch, and with it every earlier one, survives a power cut.
// - An error of code `diskFull` or `busy` means that nothing of the batch was kept. The same batch may be tried again.
// - Any other error means that nobody knows. The backend must not be used for writing again.

/// What a committer needs of a log.
package protocol JournalBackend: AnyObject, Sendable {
    /// Commits one batch durably.
    func append(_ batch: RecordBatch) throws(StoreError)

    /// Makes room in the engine's log for batches with `bytes` of records in all, as written and synced blocks. If the
    /// room is there, it makes no system call. `diskFull` changes nothing that was there.
    func reserve(bytes: Int) throws(StoreError)

    /// Drops rows whose last LSN is at most `lsn`, in several small transactions.
    ///
    /// - Returns: false if there is more to drop: call again, after commits that wait.
    func trim(through lsn: LSN) throws(StoreError) -> Bool

    /// Moves the engine's own log into its database. It never changes what `append` promised.
    func checkpointSQLite() throws(StoreError)

    /// Whether the engine's own log has grown enough for `checkpointSQLite`.
    var isSQLiteCheckpointDue: Bool { get }

    /// Gives unused space back to the file system.
    func compact() throws(StoreError)

    /// Notes how the run ended. The note is durable on return.
    func noteEnd(_ end: RunEnd, at time: Int64) throws(StoreError)

    /// Bytes of records that are kept.
    var logBytes: Int { get }

    /// How many syncs of the log were asked for so far.
    var syncs: Int { get }

    /// Closes without syncing, checkpointing or deleting anything.
    func close()
}
