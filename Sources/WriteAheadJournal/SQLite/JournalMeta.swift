/// The table `meta` of journal.db: the store's id, and where the store's log begins.
struct JournalMeta {
    var storeID: String
    /// The last record that was trimmed away. The log continues it.
    var base: ChainPosition

    static func read(_ connection: SQLiteConnection) throws(StoreError) -> JournalMeta {
        let application = try connection.query("PRAGMA application_id") { $0.int(0) } ?? 0
        guard application == JournalSchema.applicationID else {
            throw StoreError(
                .notAStore, "\(connection.path) is a database of another program",
                location: .init(file: connection.path))
        }
        let version = try connection.query("PRAGMA user_version") { $0.int(0) } ?? 0
        guard version <= JournalSchema.formatVersion else {
            throw StoreError(
                .newerFormat,
                "\(connection.path) has format \(version); this version reads up to \(JournalSchema.formatVersion): use a newer one",
                location: .init(file: connection.path))
        }
        func number(_ key: String) throws(StoreError) -> Int64? {
            try connection.query("SELECT value FROM meta WHERE key=?", bind: { $0.bind(1, key) }) {
                $0.isInteger(0) ? $0.int(0) : nil
            }
        }
        let storeID = try connection.query("SELECT value FROM meta WHERE key='store_id'") { $0.text(0) }
        guard let storeID, let lsn = try number("base_lsn"), let chain = try number("base_chain"),
            let epoch = try number("base_epoch"), LSN.isPossible(lsn)
        else {
            throw StoreError(
                .damaged, "the table meta of \(connection.path) lacks what every store has",
                location: .init(file: connection.path))
        }
        return JournalMeta(
            storeID: storeID,
            base: ChainPosition(
                lsn: LSN(UInt64(bitPattern: lsn)), chain: UInt32(truncatingIfNeeded: chain),
                epoch: UInt64(bitPattern: epoch)))
    }

    /// Where the log ends, by its last row alone.
    static func end(_ connection: SQLiteConnection, _ meta: JournalMeta) throws(StoreError) -> ChainPosition {
        let end = try connection.query(
            "SELECT last_lsn, chain, substr(records,1,16) FROM journal ORDER BY first_lsn DESC LIMIT 1"
        ) {
            ChainPosition(
                lsn: LSN(UInt64(bitPattern: $0.int(0))), chain: UInt32(truncatingIfNeeded: $0.int(1)),
                epoch: RecordReader.epoch(of: $0.bytes(2)) ?? 0)
        }
        guard let end else { return meta.base }
        guard LSN.isPossible(Int64(bitPattern: end.lsn.value)) else {
            throw StoreError(
                .damaged, "the last row of the journal has a number that no record gets to",
                location: .init(file: connection.path))
        }
        return end
    }
}
