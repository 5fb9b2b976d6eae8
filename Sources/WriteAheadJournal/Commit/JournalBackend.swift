// The seam between the committer and where the journal is kept. SQLite is the embedded backend (SQLiteJournal.swift).
//
// The rule that makes it sound: `append` returns only when the batch, and with it every earlier one, survives a power
// cut; an error of code `diskFull` or `busy` means that nothing of the batch was kept and the same batch may be tried
// again; any other error means that nobody knows, and the backend must not be used for writing again.

package protocol JournalBackend: AnyObject, Sendable {
    /// Commits one batch durably.
    func append(_ batch: RecordBatch) throws(StoreError)

    /// Makes room in the engine's log for batches of so many bytes of records in all, as written and synced blocks; no
    /// system call where the room is there. `diskFull` changes nothing that was there.
    func reserve(bytes: Int) throws(StoreError)

    /// Drops rows whose last LSN is at most `lsn`, in several small transactions.
    ///
    /// - Returns: false when there is more to drop: call again, after commits that wait.
    func trim(through lsn: LSN) throws(StoreError) -> Bool

    /// Moves the engine's own log into its database. Never changes what `append` promised.
    func checkpointSQLite() throws(StoreError)

    /// Whether the engine's own log has grown enough for that.
    var isSQLiteCheckpointDue: Bool { get }

    /// Gives unused space back to the file system.
    func compact() throws(StoreError)

    /// Notes how the run ended. Durable when it returns.
    func noteEnd(_ end: RunEnd, at time: Int64) throws(StoreError)

    /// Bytes of records that are kept.
    var logBytes: Int { get }

    /// How many syncs of the log were asked for so far.
    var syncs: Int { get }

    /// Closes without syncing, checkpointing or deleting anything.
    func close()
}
