// Reads a store without writing anything, whether or not somebody holds it.
//
// Beside a live owner: one read transaction on each database, the journal's first. The state seen may then be newer than
// the journal seen, never so old that records between them are missing, because trimming stays behind every checkpoint.
// On a store nobody holds: the lock is taken shared, and SQLite reads with its index in memory, so that not even a -shm
// file comes to be.
//
// Why `@unchecked Sendable` is right: used by one thread at a time.

package final class StoreReader: @unchecked Sendable {
    package let folder: String
    /// Whether somebody held the store when reading began.
    package let isLive: Bool
    package let storeID: String
    /// Where the journal's log begins.
    package let base: ChainPosition
    /// Everything up to here was durable before reading began. Taken before the journal's read transaction: a live owner
    /// moves the mark on, and one taken later would speak of records that the transaction cannot see.
    package var syncMark: LSN { page?.syncMark ?? .zero }
    /// The page `run`; nil where it is missing or not sound.
    private let page: RunPage.Image?
    /// Whether the page, where there is one, is this store's and checks.
    package let isRunPageSound: Bool
    /// The tail, copied before the journal's read transaction: what is overwritten in it meanwhile is in the journal.
    private let tail: TailImage?
    /// Why changes that were in the tail alone are lost; nil where none are, or where nobody can tell.
    package private(set) var tailLoss: String?
    /// The log is proved to have lost its end.
    private var rot: StoreError?
    private let lock: FolderLock?
    private let journal: SQLiteConnection
    private let state: SQLiteConnection
    package let stateMeta: StateMeta

    package init(_ path: String, vfs: String? = nil) throws(StoreError) {
        folder = try Platform.resolved(path)
        guard try StoreFolder.examine(folder) == .store else {
            throw StoreError(.notAStore, "there is no store at \(folder)", location: .init(file: folder))
        }
        let hasLockFile = Platform.exists(folder + "/" + FolderLock.fileName)
        let lock = hasLockFile ? try FolderLock.shared(folder: folder) : nil
        self.lock = lock
        isLive = hasLockFile && lock == nil
        let access: SQLiteConnection.Access = isLive ? .readShared : .readPrivate
        let statePath = folder + "/" + StateFile.name
        var opened: [SQLiteConnection] = []
        do throws(StoreError) {
            if !isLive {
                for name in [JournalFile.name, StateFile.name] {
                    let file = try DatabaseInspection(folder: folder, name: name)
                    guard file.wal?.repairs.isEmpty != false else {
                        throw file.error("; open the store, which puts it right")
                    }
                    // What is left of the table is judged by its digest.
                    if name == JournalFile.name && file.wal?.isRotten == true {
                        rot = file.error("; what it says of them is lost")
                    }
                }
            }
            journal = try SQLiteConnection(folder + "/" + JournalFile.name, access, vfs: vfs)
            opened.append(journal)
            storeID = try JournalMeta.read(journal).storeID
            page = try RunPage.read(folder: folder, storeID: storeID)
            // Not one expression: || would take the type of the error away.
            if page != nil { isRunPageSound = true } else { isRunPageSound = try !RunPage.isAltered(folder: folder) }
            tail = try TailImage.read(folder: folder, storeID: storeID)
            try journal.execute("BEGIN")
            base = try JournalMeta.read(journal).base
            guard Platform.exists(statePath) else { throw StateDatabase.missing(statePath) }
            state = try SQLiteConnection(statePath, access, vfs: vfs)
            opened.append(state)
            try state.execute("BEGIN")
            stateMeta = try StateMeta.read(state)
        } catch {
            for connection in opened { connection.close() }
            lock?.release()
            var error = error
            if error.code == .notAStore && Platform.exists(statePath) { error.code = .damaged }
            throw error
        }
    }

    deinit { close() }

    /// Ends both read transactions and lets writers in. The second time it does nothing.
    package func close() {
        journal.close()
        state.close()
        // Last: closing a file drops every lock of SQLite's that this process has on it, a new owner's too.
        lock?.release()
    }

    /// What is altered or missing, where reading went on all the same. Asked once everything has been read.
    package var damage: [String] {
        (isLive || isRunPageSound ? [] : [RunPage.alteration(folder: folder)])
            + (tailLoss.map { [$0] } ?? [])
    }

    package func runs() throws(StoreError) -> [RunRow] { try RunRow.all(journal) }

    package func newestRun() throws(StoreError) -> RunRow? { try RunRow.newest(journal) }

    /// How the run before the next one ended, as that one would judge it; nil while somebody holds the store.
    package func verdictOnLastRun() throws(StoreError) -> RunEnd? {
        guard !isLive, let run = try newestRun() else { return nil }
        return run.end ?? run.traces(page: page).judge()
    }

    /// Bytes of records kept, and their rows.
    package func logSize() throws(StoreError) -> (bytes: Int, rows: Int) {
        try journal.query("SELECT coalesce(sum(length(records)),0),count(*) FROM journal") {
            (Int($0.int(0)), Int($0.int(1)))
        } ?? (0, 0)
    }

    /// Pages of both database files as this reader sees them, and how many of them hold nothing.
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

    /// SQLite's own examination of both files; "ok", or what it found.
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

    /// Every row of `state`, checked.
    package func loadState(_ each: StateRowBody) throws { try StateDatabase.load(state, stateMeta, each) }

    /// Every record of the log, checked, with the time of its row in microseconds since 1970; records that are still in the
    /// tail have none.
    ///
    /// - Returns: the chain behind the last record.
    package func records(_ each: (_ record: Record, _ time: Int64?) throws -> Void) throws -> ChainPosition {
        var position = base
        let isContinued = stateMeta.checkpoint.lsn != base.lsn || stateMeta.checkpoint.chain == base.chain
        guard isContinued else {
            throw StoreError(
                .damaged, "state and journal do not belong together: their chains differ at LSN \(base.lsn)",
                location: .init(file: journal.path, lsn: base.lsn))
        }
        // Rows before the base may be there where pages of a lost trim were copied already: an opening passes them over, too.
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
                    if record.lsn == stateMeta.checkpoint.lsn && record.chain != stateMeta.checkpoint.chain {
                        throw RecordReader.Broken(
                            lsn: record.lsn, bytes: 0..<batch.count, why: "state and journal do not belong together")
                    }
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
        let end = position.lsn
        let found = tail?.continuation(of: position)
        if !isLive, let run = try newestRun() {
            tailLoss = try run.tailLoss(page: page, tail, found, journal)
        }
        if let rest = found?.records, !rest.isEmpty {
            do {
                try rest.bytes.withUnsafeBytes { batch in
                    try RecordReader.read(batch, first: rest.first, position: &position) { try each($0, nil) }
                }
            } catch let broken as RecordReader.Broken {
                throw StoreError(
                    .damaged, broken.why, location: .init(file: folder + "/" + TailFormat.fileName, lsn: broken.lsn))
            }
        }
        guard position.lsn >= syncMark else {
            throw StoreError(
                .damaged,
                "the journal ends at LSN \(position.lsn), but everything up to LSN \(syncMark) was made durable",
                location: .init(file: journal.path, lsn: position.lsn.next))
        }
        // The tail may have all that the mark speaks of.
        if let rot, end >= syncMark { throw rot }
        guard stateMeta.checkpoint.lsn >= base.lsn, isLive || stateMeta.checkpoint.lsn <= position.lsn else {
            throw StoreError(
                .damaged,
                "the state is as of LSN \(stateMeta.checkpoint.lsn), the journal has LSN \(base.lsn.next) to \(position.lsn): records are missing",
                location: .init(file: journal.path, lsn: stateMeta.checkpoint.lsn.next))
        }
        return position
    }
}
