// Reads a store without writing anything, whether or not somebody holds it.
//
// Beside a live owner it uses one read transaction on each database, the journal's first. The state it sees may then be
// newer than the journal it sees. It is never so old that records between them are missing: the log is trimmed only up
// to a checkpoint that the table has already.
//
// If nobody holds the store, the reader takes the lock shared. SQLite then keeps its index in memory, so that not even
// a -shm file is created.
//
// Why `@unchecked Sendable` is right: one thread at a time uses it.

/// A store opened for reading.
package final class StoreReader: @unchecked Sendable {
    package let folder: String
    /// Whether somebody held the store when reading began.
    package let isLive: Bool
    package let storeID: String
    /// Where the journal's log begins.
    package let base: ChainPosition
    /// Every record up to this one was durable before reading began. The mark is taken before the journal's read
    /// transaction begins. A live owner moves it on, and a later one would speak of records that the transaction cannot
    /// see.
    package var syncMark: LSN { found.syncMark }
    /// What is altered or missing, if reading continues all the same. It is known after the log has been read.
    package private(set) var damage: [StoreSurvey.Finding] = []
    private var found: FoundStore
    private let lock: FolderLock?
    private let journal: SQLiteConnection
    private let state: SQLiteConnection
    package let stateMeta: StateMeta

    package init(_ path: String, vfs: String? = nil) throws(StoreError) {
        folder = try Files.resolved(path)
        guard try StoreFolder.classify(folder) == .store else {
            throw StoreError(.notAStore, "there is no store at \(folder)", location: .init(file: folder))
        }
        let hasLockFile = Files.exists(folder + "/" + FolderLock.fileName)
        let lock = hasLockFile ? try FolderLock.shared(folder: folder) : nil
        self.lock = lock
        isLive = hasLockFile && lock == nil
        let access: SQLiteConnection.Access = isLive ? .readShared : .readPrivate
        let statePath = folder + "/" + StateSchema.name
        var opened: [SQLiteConnection] = []
        var found = FoundStore(folder: folder)
        found.isLive = isLive
        do throws(StoreError) {
            if !isLive {
                try found.inspectFiles()
                // Only what SQLite would not see is refused here. The rest is judged after it has been read.
                if found.verdict == .ask(.repairedBytes) { throw found.error(.bytesAltered) }
            }
            journal = try SQLiteConnection(folder + "/" + JournalSchema.name, access, vfs: vfs)
            opened.append(journal)
            storeID = try JournalMeta.read(journal).storeID
            // A record that is overwritten in the ring from here on is in the journal.
            try found.readTraces(storeID: storeID)
            try journal.execute("BEGIN")
            base = try JournalMeta.read(journal).base
            found.base = base.lsn
            found.lastRun = try RunRow.newest(journal)
            guard Files.exists(statePath) else { throw StateDatabase.missing(statePath) }
            state = try SQLiteConnection(statePath, access, vfs: vfs)
            opened.append(state)
            try state.execute("BEGIN")
            stateMeta = try StateMeta.read(state)
            found.checkpoint = stateMeta.checkpoint.lsn
            found.isOfAnotherStore = stateMeta.storeID != storeID
            self.found = found
        } catch {
            for connection in opened { connection.close() }
            lock?.release()
            var error = error
            if error.code == .notAStore && Files.exists(statePath) { error.code = .damaged }
            throw error
        }
    }

    deinit { close() }

    /// Ends both read transactions and lets writers in. A second call does nothing.
    package func close() {
        journal.close()
        state.close()
        // Last: closing a file drops every lock of SQLite's that this process has on it, even a new owner's.
        lock?.release()
    }

    /// Bytes of journal.db's SQLite WAL that do not count, and why. Beside a live owner they are the owner's, and none
    /// are reported.
    package var discarded: (bytes: Int, reason: String) {
        found.journalFile?.wal.map { ($0.discardedBytes, $0.reason) } ?? (0, "")
    }

    /// Whether rows of the log are known to be on the disk: their run had them synced, and no sync has failed.
    package var areRowsSynced: Bool {
        let found = found.findings
        return isLive || found.lastRun == .ended && RecoveryPlan.files(found.page, found.lastRun) == .asFound
    }

    package func runs() throws(StoreError) -> [RunRow] { try RunRow.all(journal) }

    package func newestRun() throws(StoreError) -> RunRow? { try RunRow.newest(journal) }

    /// How the last run ended, as the next run would judge it; nil while somebody holds the store.
    package func verdictOnLastRun() throws(StoreError) -> RunEnd? {
        guard !isLive, let run = try newestRun() else { return nil }
        return run.end ?? run.traces(page: found.page).judge()
    }

    /// Bytes of records kept, and their rows.
    package func logSize() throws(StoreError) -> (bytes: Int, rows: Int) {
        try journal.query("SELECT coalesce(sum(length(records)),0),count(*) FROM journal") {
            (Int($0.int(0)), Int($0.int(1)))
        } ?? (0, 0)
    }

    /// Pages of both database files as this reader sees them, and how many of them are free.
    package func pages() throws(StoreError) -> [(file: String, pages: Int, free: Int, pageBytes: Int)] {
        var result: [(file: String, pages: Int, free: Int, pageBytes: Int)] = []
        for connection in [journal, state] {
            var numbers: [Int] = []
            for pragma in ["page_count", "freelist_count", "page_size"] {
                numbers.append(try connection.query("PRAGMA \(pragma)") { Int($0.int(0)) } ?? 0)
            }
            result.append((connection.path, numbers[0], numbers[1], numbers[2]))
        }
        return result
    }

    /// SQLite's own examination of both files: "ok", or what it found.
    package func integrityCheck() throws(StoreError) -> [(file: String, finding: String)] {
        var findings: [(file: String, finding: String)] = []
        for connection in [journal, state] {
            let rows = try connection.prepare("PRAGMA integrity_check(10)")
            while try rows.step() {
                let text = rows.text(0) ?? ""
                if text != "ok" { findings.append((connection.path, text)) }
            }
        }
        return findings
    }

    /// Passes on every row of `state`, checked.
    package func loadState(_ each: StateRowBody) throws { try StateDatabase.load(state, stateMeta, each) }

    /// Passes on every record of the log, checked, with the time of its row in microseconds since 1970. Records that
    /// are still in the tail have no time.
    ///
    /// - Returns: the chain after the last record.
    /// - Throws: `damaged`, also after the last record, if that is the verdict on all that was found.
    package func records(_ each: (_ record: Record, _ time: Int64?) throws -> Void) throws -> ChainPosition {
        var position = base
        compare(position)
        // Rows before the base may be there if pages of a lost trim were copied already. An opening passes over them,
        // too.
        let rows = try journal.prepare(
            "SELECT first_lsn,last_lsn,chain,records,time FROM journal WHERE first_lsn>? ORDER BY first_lsn")
        rows.bind(1, Int64(bitPattern: base.lsn.value))
        while try rows.step() {
            let first = LSN(UInt64(bitPattern: rows.int(0)))
            let last = LSN(UInt64(bitPattern: rows.int(1)))
            let chain = UInt32(truncatingIfNeeded: rows.int(2))
            let time = rows.int(4)
            let batch = rows.bytes(3)
            do {
                try RecordReader.read(batch, first: first, position: &position) { record in
                    compare(ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
                    try each(record, time)
                }
                guard position.lsn == last, position.chain == chain else {
                    throw RecordReader.Broken(
                        lsn: first, bytes: 0..<batch.count, why: "the row's numbers are not those of its records")
                }
            } catch let broken as RecordReader.Broken {
                throw StoreError(
                    .damaged, broken.why, location: .init(file: journal.path, lsn: broken.lsn, bytes: broken.bytes))
            }
        }
        try found.reached(position, journal)
        if let rest = found.tail?.records, !rest.isEmpty {
            do {
                try rest.bytes.withUnsafeBytes { batch in
                    try RecordReader.read(batch, first: rest.first, position: &position) { record in
                        compare(ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
                        try each(record, nil)
                    }
                }
            } catch let broken as RecordReader.Broken {
                throw StoreError(
                    .damaged, broken.why, location: .init(file: folder + "/" + TailFormat.fileName, lsn: broken.lsn))
            }
        }
        damage = try found.plan(journal, state: state).reports.map(found.finding)
        return position
    }

    /// Compares log and table in the record that both have.
    private func compare(_ position: ChainPosition) {
        let checkpoint = stateMeta.checkpoint
        if checkpoint.lsn == position.lsn && checkpoint.chain != position.chain { found.isOfAnotherHistory = true }
    }
}
