internal import WriteAheadJournal

/// Keeps nothing: for stores in memory.
final class InMemoryBackend: JournalBackend {
    func append(_ batch: RecordBatch) throws(StoreError) {}
    func trim(through lsn: LSN) throws(StoreError) -> Bool { true }
    func reserve(bytes: Int) throws(StoreError) {}
    func checkpointSQLite() throws(StoreError) {}
    var isSQLiteCheckpointDue: Bool { false }
    func compact() throws(StoreError) {}
    func noteEnd(_ end: RunEnd, at time: Int64) throws(StoreError) {}
    var logBytes: Int { 0 }
    var syncs: Int { 0 }
    func close() {}
}
