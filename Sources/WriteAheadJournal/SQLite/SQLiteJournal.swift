// The journal on SQLite: journal.db in WAL mode. One row of `journal` for each group commit, one fdatasync for each
// row.
//
// Why it is sound:
// 1. No other connection of any process writes journal.db or runs an SQLite checkpoint on it. That keeps clear of
//    SQLite's WAL-reset bug (3.7.0–3.51.2, https://sqlite.org/releaselog/3_51_3.html). And `data_version` shows every
//    foreign write.
// 2. `synchronous` is FULL on this connection from its opening to its end. So a commit that returned is on the disk.
// 3. Before a commit is acknowledged, the database and its -wal are still the files that were opened. A program that
//    replaced one of them would take the acknowledged rows with it.
//
// Why `@unchecked Sendable` is right: the committer lets one thread in at a time.

/// The `JournalBackend` of a store on disk.
package final class SQLiteJournal: JournalBackend, @unchecked Sendable {
    /// One trimming transaction drops about this many bytes, or this many rows, so that a commit never waits long for
    /// it.
    private static let trimBytesMax = 1 << 20
    static let trimRowsMax = 256

    private let connection: SQLiteConnection
    private let begin: SQLiteStatement
    private let commit: SQLiteStatement
    private let rollback: SQLiteStatement
    private let insert: SQLiteStatement
    private let dataVersion: SQLiteStatement
    private var foreign = ForeignWrites()
    private let files: FileWatch
    /// How much of the SQLite WAL is written ahead.
    private var room: WALRoom
    private let paranoidSectors: Bool
    /// The size to which SQLite truncates the WAL's file when it begins anew.
    private var walBytesLimit = 0
    private(set) package var logBytes = 0
    private(set) package var syncs = 0

    /// Opens journal.db of a store whose lock is held.
    init(
        folder: String, vfs: String?, paranoidSectors: Bool = false, walBytesKept: Int = WALRoom.bytesKept
    ) throws(StoreError) {
        let path = folder + "/" + JournalSchema.name
        room = WALRoom(kept: walBytesKept)
        self.paranoidSectors = paranoidSectors
        connection = try SQLiteConnection(path, .readWrite, vfs: vfs, paranoidSectors: paranoidSectors)
        try connection.configureForWriting()
        // The first read takes the lock on -shm. If the -shm file cannot be mapped, the error shows here.
        _ = try connection.query("SELECT count(*) FROM meta") { $0.int(0) }
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        rollback = try connection.prepare("ROLLBACK")
        insert = try connection.prepare(
            "INSERT INTO journal(first_lsn,last_lsn,time,chain,records) VALUES(?,?,?,?,?)")
        dataVersion = try connection.prepare("PRAGMA data_version")
        files = FileWatch(folder: folder, names: [JournalSchema.name, JournalSchema.name + "-wal"])
        try begin.run()
        foreign.accept(version: try readDataVersion(), connection)
        try rollback.run()
        connection.holdDescriptors()
    }

    // MARK: Committing

    package func append(_ batch: RecordBatch) throws(StoreError) {
        try lookAtWALOnce()
        let frames = WALRoom.frames(forBatchOf: batch.bytes.count)
        if !room.holds(frames) && room.isCopyDue(before: frames) { try checkpointSQLiteIfPossible() }
        try write(batchBytes: batch.bytes.count) { () throws(StoreError) in try insertRow(batch) }
    }

    /// Inserts the batch as a row; inside a transaction.
    func insertRow(_ batch: RecordBatch) throws(StoreError) {
        insert.bind(1, Int64(bitPattern: batch.first.value))
        insert.bind(2, Int64(bitPattern: batch.last.value))
        insert.bind(3, Clock.wallMicroseconds())
        insert.bind(4, Int64(batch.chain))
        let result = batch.bytes.withUnsafeBytes { bytes -> Result<Void, StoreError> in
            insert.bindBlob(5, borrowed: bytes)
            do throws(StoreError) {
                try insert.run()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        logBytes += batch.bytes.count
    }

    /// Runs one write transaction of ours, durable on return.
    func write(batchBytes: Int = 0, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        try connection.checkDescriptors()
        try lookAtWALOnce()
        let logBytesBefore = logBytes
        try begin.run()
        do throws(StoreError) {
            try connection.keepCheckpointsOut()
            let isForeign = foreign.haveHappened(version: try readDataVersion(), connection)
            guard !isForeign else {
                throw StoreError(
                    .ioError, "another program wrote to \(connection.path): only the store may; reopen to check it",
                    location: .init(file: connection.path))
            }
            try body()
            try commit.run()
            foreign.noteCommit()
        } catch {
            if connection.isInTransaction { try? rollback.run() }
            // A row that finds no space is tried again, and counts once.
            logBytes = logBytesBefore
            throw error
        }
        syncs += 1
        room.committed(frames: connection.framesInWAL, batchBytes: batchBytes, cutTo: walBytesLimit)
        try files.check()
    }

    private func readDataVersion() throws(StoreError) -> Int64 {
        defer { dataVersion.reset() }
        return try dataVersion.step() ? dataVersion.int(0) : 0
    }

    // MARK: Upkeep

    package func trim(through lsn: LSN) throws(StoreError) -> Bool {
        var last = LSN.zero
        var lastRow: Int64 = 0
        var chain: Int64 = 0
        var bytes = 0
        var count = 0
        var isMore = false
        // Nothing here may touch the records themselves: SQLite would read each to its end. It knows their length
        // without that.
        let rows = try connection.prepare(
            "SELECT first_lsn, last_lsn, chain, length(records) FROM journal WHERE last_lsn<=? ORDER BY first_lsn")
        rows.bind(1, Int64(bitPattern: lsn.value))
        while try rows.step() {
            if count > 0 && bytes + Int(rows.int(3)) > Self.trimBytesMax || count >= Self.trimRowsMax {
                isMore = true
                rows.reset()
                break
            }
            lastRow = rows.int(0)
            last = LSN(UInt64(bitPattern: rows.int(1)))
            chain = rows.int(2)
            bytes += Int(rows.int(3))
            count += 1
        }
        guard last > .zero else { return true }
        let header = try connection.beginningOfBlob(
            in: "journal", "records", row: lastRow, bytes: RecordFormat.batchHeaderSize)
        let epoch = header.withUnsafeBytes { RecordReader.epoch(of: $0) } ?? 0
        try write { () throws(StoreError) in
            let delete = try connection.prepare("DELETE FROM journal WHERE last_lsn<=? AND first_lsn<=?")
            delete.bind(1, Int64(bitPattern: last.value))
            delete.bind(2, Int64(bitPattern: last.value))
            try delete.run()
            try setMeta("base_lsn", Int64(bitPattern: last.value))
            try setMeta("base_chain", chain)
            try setMeta("base_epoch", Int64(bitPattern: epoch))
        }
        logBytes = max(0, logBytes - bytes)
        return !isMore
    }

    private func setMeta(_ key: String, _ value: Int64) throws(StoreError) {
        let set = try connection.prepare("INSERT OR REPLACE INTO meta(key,value) VALUES(?,?)")
        set.bind(1, key)
        set.bind(2, value)
        try set.run()
    }

    package func reserve(bytes: Int) throws(StoreError) {
        try lookAtWALOnce()
        let frames = WALRoom.frames(forBatchOf: bytes)
        if room.holds(frames) { return }
        if room.isCopyDue(before: frames) { try checkpointSQLiteIfPossible() }
        if room.holds(frames) { return }
        room.reserved(frames)
        try limitWAL()
        let needed = room.end(ofNext: frames)
        do throws(StoreError) {
            try growWAL(to: max(room.bytesWanted, needed))
        } catch {
            // Room for the next commit alone is better than none.
            guard error.code == .diskFull, needed < room.bytesWanted else { throw error }
            try growWAL(to: needed)
        }
    }

    package func checkpointSQLite() throws(StoreError) {
        do throws(StoreError) {
            let (frames, copied) = try connection.checkpointSQLite()
            room.copied(all: frames == copied)
        } catch {
            // So that it is not tried again at every commit.
            room.copied(all: false)
            throw error
        }
        try limitWAL()
        try lookAtWAL()
    }

    /// Runs an SQLite checkpoint if it can. If not, the commit goes on without it, and the file grows.
    private func checkpointSQLiteIfPossible() throws(StoreError) {
        do throws(StoreError) {
            try checkpointSQLite()
        } catch {
            guard error.code == .diskFull || error.code == .busy else { throw error }
        }
    }

    package var isSQLiteCheckpointDue: Bool { room.isCopyDue }

    /// Before the first commit of a run. If a write may damage the sector it is in, SQLite pads each commit, so that
    /// the next one begins in another sector. But SQLite syncs the padding only up to there. If a power cut took the
    /// rest of it, SQLite would continue right after the commit itself, in its last sector. So SQLite is made to begin
    /// anew: everything is in the database then, synced.
    func leaveLastSector() throws(StoreError) {
        if paranoidSectors { try checkpointSQLiteIfPossible() }
    }

    private func limitWAL() throws(StoreError) {
        guard walBytesLimit != room.bytesWanted else { return }
        walBytesLimit = room.bytesWanted
        try connection.limitWALFile(to: walBytesLimit)
    }

    /// Before the first write. An opening that ends earlier leaves the files as they were found.
    private func lookAtWALOnce() throws(StoreError) {
        guard room.bytes == 0 else { return }
        try limitWAL()
        try lookAtWAL()
    }

    /// Notes the size of the SQLite WAL's file, and grows it to the size that is kept, if that is possible. The file
    /// may be smaller because it is new, or because another program has truncated it.
    private func lookAtWAL() throws(StoreError) {
        room.found(bytes: try connection.walFileBytes())
        guard room.bytes < room.kept else { return }
        do throws(StoreError) {
            try growWAL(to: room.kept)
        } catch {
            // Without room commits cost more, and nothing else is lost.
            guard error.code == .diskFull || error.code == .busy else { throw error }
        }
    }

    private func growWAL(to bytes: Int) throws(StoreError) {
        try connection.checkDescriptors()
        try begin.run()
        do throws(StoreError) {
            try connection.keepCheckpointsOut()
            try connection.growWALFile(to: bytes)
        } catch {
            try? rollback.run()
            throw error
        }
        try rollback.run()
        syncs += 1
        room.found(bytes: bytes)
    }

    package func compact() throws(StoreError) {
        try connection.checkDescriptors()
        try connection.keepCheckpointsOut()
        foreign.disregard()
        try connection.execute("VACUUM")
        syncs += 1
        begin.reset()
        try begin.run()
        foreign.accept(version: try readDataVersion(), connection)
        try rollback.run()
        room.committed(frames: connection.framesInWAL, cutTo: walBytesLimit)
        try checkpointSQLite()
    }

    package func close() {
        for statement in [begin, commit, rollback, insert, dataVersion] {
            statement.finalize()
        }
        connection.close()
    }

    // MARK: Reading at the opening

    func readMeta() throws(StoreError) -> JournalMeta { try JournalMeta.read(connection) }

    /// Passes on every row after `lsn`, in order. `each` gets the row's first and last LSN, its chain value and its
    /// batch.
    static func rows(
        of connection: SQLiteConnection, after lsn: LSN,
        _ each: (_ first: LSN, _ last: LSN, _ chain: UInt32, _ batch: UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let rows = try connection.prepare(
            "SELECT first_lsn,last_lsn,chain,records FROM journal WHERE first_lsn>? ORDER BY first_lsn")
        rows.bind(1, Int64(bitPattern: lsn.value))
        while try rows.step() {
            let goOn = try each(
                LSN(UInt64(bitPattern: rows.int(0))), LSN(UInt64(bitPattern: rows.int(1))),
                UInt32(truncatingIfNeeded: rows.int(2)), rows.bytes(3))
            if !goOn {
                rows.reset()
                return
            }
        }
    }

    func rows(
        after lsn: LSN,
        _ each: (_ first: LSN, _ last: LSN, _ chain: UInt32, _ batch: UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try Self.rows(of: connection, after: lsn, each)
    }

    /// Sets the count of bytes to what replay counted.
    func noteLogBytes(_ bytes: Int) { logBytes = bytes }

    // MARK: Runs

    package func noteEnd(_ end: RunEnd, at time: Int64) throws(StoreError) {
        // A closed store keeps no more than a new one.
        walBytesLimit = room.kept
        try connection.limitWALFile(to: walBytesLimit)
        try write { () throws(StoreError) in
            try setEnd(of: nil, end, at: time)
        }
    }

    /// Notes an end in the row of a run; nil means the newest.
    func setEnd(of run: Int64?, _ end: RunEnd, at time: Int64?) throws(StoreError) {
        let update = try connection.prepare(
            "UPDATE runs SET ended=?,how=?,status=?,evidence=?,confidence=? WHERE id=coalesce(?,(SELECT max(id) FROM runs))"
        )
        if let time { update.bind(1, time) } else { update.bindNull(1) }
        update.bind(2, end.kind.rawValue)
        if let status = end.status { update.bind(3, Int64(status)) } else { update.bindNull(3) }
        update.bind(4, end.evidence)
        update.bind(5, end.confidence.rawValue)
        if let run { update.bind(6, run) } else { update.bindNull(6) }
        try update.run()
    }

    func insertRun(_ run: RunRow) throws(StoreError) {
        let insert = try connection.prepare(
            "INSERT INTO runs(id,epoch,started,pid,host,boot,memory_group,memory_kills) VALUES(?,?,?,?,?,?,?,?)")
        insert.bind(1, run.id)
        insert.bind(2, Int64(bitPattern: run.epoch))
        insert.bind(3, run.started)
        insert.bind(4, Int64(run.pid))
        insert.bind(5, run.host)
        insert.bind(6, run.boot)
        if let group = run.memoryGroup {
            insert.bind(7, group.path)
            insert.bind(8, group.kills)
        }
        try insert.run()
    }
}
