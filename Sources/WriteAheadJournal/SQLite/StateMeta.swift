/// The table `meta` of state.db: the store, the checkpoint, and the count and digest of the rows.
package struct StateMeta: Sendable {
    package var storeID: String
    /// The last record that is in the table.
    package var checkpoint: ChainPosition
    /// The checkpoint before it, up to which the journal may be trimmed.
    package var previous: LSN
    package var rows: Int
    package var digest: UInt64

    static func read(_ connection: SQLiteConnection) throws(StoreError) -> StateMeta {
        var numbers: [String: Int64] = [:]
        var storeID: String?
        let rows = try connection.prepare("SELECT key,value FROM meta")
        while try rows.step() {
            guard let key = rows.text(0) else { continue }
            if key == "store_id" { storeID = rows.text(1) } else { numbers[key] = rows.int(1) }
        }
        guard let storeID, let lsn = numbers["checkpoint_lsn"], let chain = numbers["checkpoint_chain"],
            let epoch = numbers["checkpoint_epoch"], let previous = numbers["previous_lsn"],
            let count = numbers["rows"],
            let digest = numbers["digest"]
        else {
            throw StoreError(
                .damaged, "the table meta of \(connection.path) lacks what every store has",
                location: .init(file: connection.path))
        }
        // Memory is reserved for `count` rows, and the log is trimmed up to `previous`. Neither may come from a number
        // that was altered. A row takes more than a byte of a page.
        let pages = try connection.query("PRAGMA page_count") { $0.int(0) } ?? 0
        let isBehind = previous >= 0 && previous <= lsn
        guard LSN.isPossible(lsn), isBehind, count >= 0, count / 65_536 <= pages else {
            throw StoreError(
                .damaged, "the table meta of \(connection.path) has numbers that cannot be",
                location: .init(file: connection.path))
        }
        return StateMeta(
            storeID: storeID,
            checkpoint: ChainPosition(
                lsn: LSN(UInt64(bitPattern: lsn)), chain: UInt32(truncatingIfNeeded: chain),
                epoch: UInt64(bitPattern: epoch)),
            previous: LSN(UInt64(bitPattern: previous)), rows: Int(count), digest: UInt64(bitPattern: digest))
    }

    func write(_ connection: SQLiteConnection) throws(StoreError) {
        let set = try connection.prepare("INSERT OR REPLACE INTO meta(key,value) VALUES(?,?)")
        set.bind(1, "store_id")
        set.bind(2, storeID)
        try set.run()
        for (key, value) in [
            ("checkpoint_lsn", Int64(bitPattern: checkpoint.lsn.value)), ("checkpoint_chain", Int64(checkpoint.chain)),
            ("checkpoint_epoch", Int64(bitPattern: checkpoint.epoch)),
            ("previous_lsn", Int64(bitPattern: previous.value)),
            ("rows", Int64(rows)), ("digest", Int64(bitPattern: digest)),
        ] {
            set.bind(1, key)
            set.bind(2, value)
            try set.run()
        }
    }
}
