// What a commit costs, as counts: they don't flicker. The VFS counts what SQLite asks of each file.

import CFaultVFS
import Testing

@testable import WriteAheadJournal

import SystemC

/// Registered once: the VFS has one configuration per process.
let countingVFS: String? = {
    var options = backstay_fault_options()
    return backstay_fault_register(&options) == 0 ? BACKSTAY_FAULT_VFS_NAME : nil
}()

/// What was done to the files of one database since the last look.
struct FileCounts {
    let path: String
    private var before: (database: backstay_io_counts, wal: backstay_io_counts)

    init(_ path: String) throws {
        self.path = try Files.resolved(path)
        before = (backstay_fault_counts(self.path), backstay_fault_counts(self.path + "-wal"))
    }

    /// Of the database file and of its SQLite WAL.
    func since() -> (database: backstay_io_counts, wal: backstay_io_counts) {
        func less(_ a: backstay_io_counts, _ b: backstay_io_counts) -> backstay_io_counts {
            backstay_io_counts(
                writes: a.writes - b.writes, bytes: a.bytes - b.bytes, grown: a.grown - b.grown,
                syncs: a.syncs - b.syncs, truncations: a.truncations - b.truncations, sizes: a.sizes - b.sizes)
        }
        return (
            less(backstay_fault_counts(path), before.database), less(backstay_fault_counts(path + "-wal"), before.wal)
        )
    }
}

/// A journal's backend by itself, and batches that continue each other.
private final class BareJournal {
    let backend: SQLiteJournal
    let path: String
    private var position = ChainPosition(lsn: LSN(100), chain: 0, epoch: 0)

    init(_ folder: String, vfs: String?) throws {
        if !Files.exists(folder) { try recordsOf(folder) }
        path = folder + "/journal.db"
        backend = try SQLiteJournal(folder: folder, vfs: vfs)
    }

    func append(records: Int = 1, bytes: Int) throws {
        var batch = RecordBatch()
        let body = [UInt8](repeating: 7, count: bytes)
        for _ in 0..<records {
            let crc = batch.append(.bytes, lsn: position.lsn.next, after: position.chain, epoch: 0) {
                $0.append(contentsOf: body)
            }
            position = ChainPosition(lsn: position.lsn.next, chain: crc, epoch: 0)
        }
        batch.seal()
        try backend.append(batch)
    }

    /// As the committer does.
    func appendAndMaintain(bytes: Int) throws {
        try append(bytes: bytes)
        if backend.isSQLiteCheckpointDue { try backend.checkpointSQLite() }
    }
}

@Suite(.timeLimit(.minutes(5))) struct CommitCountTests {
    private static let frame = 4_096 + 24

    @Test func loneCommitIsOneSyncOfABitMoreThanAPageAndGrowsNothing() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        for _ in 0..<10 { try journal.append(bytes: 116) }
        let counts = try FileCounts(journal.path)
        let commits = 480
        for _ in 0..<commits { try journal.append(bytes: 116) }
        let (database, wal) = counts.since()
        #expect(wal.syncs == commits)
        #expect(wal.grown == 0 && wal.truncations == 0 && wal.sizes == 0)
        // A leaf each time; for every 24th also its parent and the first page.
        #expect(wal.bytes <= commits * Self.frame * 109 / 100)
        #expect(wal.bytes % UInt64(Self.frame) == 0 && wal.writes == wal.bytes / UInt64(Self.frame) * 2)
        #expect(database.writes == 0 && database.syncs == 0)
        journal.backend.close()
    }

    @Test func thousandRecordsAreOneRowAndOneSync() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.append(bytes: 100)
        let rows = { try journal.backend.rowCount() }
        let before = try rows()
        let counts = try FileCounts(journal.path)
        try journal.append(records: 1_000, bytes: 116)
        let (database, wal) = counts.since()
        #expect(try rows() == before + 1)
        #expect(wal.syncs == 1 && wal.grown == 0 && wal.sizes == 0)
        // 125 bytes a record, 4,092 of them a frame, and the leaf they hang from.
        let packed = 16 + 1_000 * (9 + 116)
        #expect(Int(wal.bytes) <= (packed / 4_092 + 2) * Self.frame)
        #expect(database.writes == 0 && database.syncs == 0)
        journal.backend.close()
    }

    /// Thousands of commits: the SQLite WAL begins anew before its frames reach the end of what is written.
    @Test(arguments: [100, 20_000, 262_144, 1_000_000, 2_097_152])
    func sqliteWALBeginsAnewBeforeItGrows(bytes: Int) throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.append(bytes: bytes)
        let size = Files.size(journal.path + "-wal")
        #expect(size == 4 << 20)
        let counts = try FileCounts(journal.path)
        let commits = max(12, min(3_000, (40 << 20) / bytes))
        for _ in 0..<commits { try journal.appendAndMaintain(bytes: bytes) }
        let (database, wal) = counts.since()
        #expect(wal.grown == 0 && wal.truncations == 0)
        #expect(Files.size(journal.path + "-wal") == size)
        #expect(database.syncs >= 2, "it began anew")
        // Each time it begins anew: one sync of the WAL and one of its header, one of the database.
        #expect(wal.syncs <= UInt64(commits) + 2 * database.syncs)
        // SQLite looks at the size when it begins anew, and so do we.
        #expect(wal.sizes <= 2 * database.syncs)
        journal.backend.close()
    }

    /// What comes after small batches does not make the file grow either.
    @Test func largeBatchBehindSmallOnesBeginsAnewFirst() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        for _ in 0..<700 { try journal.append(bytes: 100) }
        #expect(!journal.backend.isSQLiteCheckpointDue)
        let counts = try FileCounts(journal.path)
        try journal.append(bytes: 2 << 20)
        let (database, wal) = counts.since()
        #expect(wal.grown == 0 && database.syncs == 1)
        journal.backend.close()
    }

    /// One that is larger than all the room makes the file grow, once; a close gives the space back.
    @Test func batchLargerThanTheRoomGrowsTheFileOnceAndACloseCutsIt() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.append(bytes: 100)
        for _ in 0..<2 { try journal.appendAndMaintain(bytes: 9_000_000) }
        let counts = try FileCounts(journal.path)
        for _ in 0..<4 { try journal.appendAndMaintain(bytes: 9_000_000) }
        let wal = counts.since().wal
        // Which pages hang a batch up differs by a few.
        #expect(wal.grown <= 4 * Self.frame && wal.truncations == 0)
        let large = try #require(Files.size(journal.path + "-wal"))
        #expect(large > 9_000_000 && large < 9_300_000)
        try journal.backend.checkpointSQLite()
        try journal.backend.noteEnd(RunEnd(.clean, evidence: "test"), at: 1)
        journal.backend.close()
        #expect(Files.size(journal.path + "-wal") == 4 << 20)
    }

    /// Small batches after a large one: the file goes back to its size by itself.
    @Test func fileThatGrewIsCutWhenTheRoomIsNotNeededAgain() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.appendAndMaintain(bytes: 9_000_000)
        for _ in 0..<2_400 { try journal.appendAndMaintain(bytes: 3_000) }
        #expect(Files.size(journal.path + "-wal") == 4 << 20)
        let counts = try FileCounts(journal.path)
        for _ in 0..<500 { try journal.append(bytes: 3_000) }
        #expect(counts.since().wal.grown == 0)
        journal.backend.close()
    }

    // MARK: Room on request

    @Test func roomIsWrittenOnceAndSynced() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"))
        try sqlite3(folder("s/journal.db"), "PRAGMA wal_checkpoint(TRUNCATE)")
        let counts = try FileCounts(folder("s/journal.db"))
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.backend.reserve(bytes: 1)
        let wal = counts.since().wal
        #expect(wal.grown == 4 << 20 && wal.bytes == wal.grown && wal.syncs == 1)
        try journal.backend.reserve(bytes: 6 << 20)
        let more = counts.since().wal
        #expect(more.grown > 6 << 20 && more.bytes == more.grown && more.syncs == 2)
        journal.backend.close()
    }

    @Test func roomThatIsThereCostsNoSystemCall() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        try journal.append(bytes: 100)
        let counts = try FileCounts(journal.path)
        for bytes in [0, 1, 100, 65_536, 2 << 20] { try journal.backend.reserve(bytes: bytes) }
        let (database, wal) = counts.since()
        #expect(wal.writes + wal.syncs + wal.sizes + wal.truncations == 0)
        #expect(database.writes + database.syncs + database.sizes + database.truncations == 0)
        journal.backend.close()
    }

    @Test(arguments: [1, 5_000, 1 << 20, 3 << 20, 4 << 20, 20 << 20])
    func batchOfWhatWasReservedOnlyOverwrites(bytes: Int) throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        for round in 0..<3 {
            // From the beginning, from the middle and from the end of what is written.
            for _ in 0..<(round * 400) { try journal.append(bytes: 100) }
            try journal.backend.reserve(bytes: bytes)
            let counts = try FileCounts(journal.path)
            try journal.append(bytes: max(0, bytes - 16 - 9))
            let (database, wal) = counts.since()
            #expect(wal.grown == 0, "round \(round)")
            #expect(database.syncs == 0, "round \(round): its way was free")
        }
        journal.backend.close()
    }

    /// Rows that were dropped left free pages behind, which are taken again: the list of them is written, too.
    @Test func batchOfWhatWasReservedOnlyOverwritesAlsoOverFreedPages() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        for _ in 0..<8 { try journal.appendAndMaintain(bytes: 3 << 20) }
        while try !journal.backend.trim(through: LSN(1_000)) {}
        try journal.backend.checkpointSQLite()
        try journal.backend.reserve(bytes: 3 << 20)
        let counts = try FileCounts(journal.path)
        try journal.append(bytes: 3 << 20)
        #expect(counts.since().wal.grown == 0)
        journal.backend.close()
    }

    // MARK: Trimming

    /// A commit waits for one of these transactions at most: few rows, few pages, one sync.
    @Test func trimOfManyRowsIsManySmallTransactions() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        for _ in 0..<900 { try journal.append(bytes: 100) }
        try journal.backend.checkpointSQLite()
        var left = try journal.backend.rowCount()
        while true {
            let counts = try FileCounts(journal.path)
            let isDone = try journal.backend.trim(through: LSN(900))
            let wal = counts.since().wal
            #expect(wal.syncs <= 2, "one, and one where the SQLite WAL begins anew")
            #expect(wal.bytes <= 16 * UInt64(Self.frame))
            let now = try journal.backend.rowCount()
            #expect(left - now <= SQLiteJournal.trimRowsMax && now < left)
            left = now
            if isDone { break }
        }
        // The records from 101 to 900 are gone, and what comes behind them continues the chain.
        #expect(left == 100)
        #expect(try journal.backend.readMeta().base.lsn == LSN(900))
        journal.backend.close()
    }

    /// Also rows that are large: two never share a transaction.
    @Test func trimOfLargeRowsTakesOneAtATime() throws {
        let vfs = try #require(countingVFS)
        let folder = try TemporaryFolder()
        let journal = try BareJournal(folder("s"), vfs: vfs)
        // What the making of the store left.
        #expect(try journal.backend.trim(through: LSN(100)))
        for _ in 0..<4 { try journal.appendAndMaintain(bytes: 2 << 20) }
        for _ in 0..<3 {
            let rows = try journal.backend.rowCount()
            #expect(try journal.backend.trim(through: LSN(104)) == false)
            #expect(try journal.backend.rowCount() == rows - 1)
        }
        #expect(try journal.backend.trim(through: LSN(104)))
        #expect(try journal.backend.rowCount() == 0)
        journal.backend.close()
    }
}

extension SQLiteJournal {
    fileprivate func rowCount() throws -> Int {
        var count = 0
        try rows(after: .zero) { _, _, _, _ in
            count += 1
            return true
        }
        return count
    }
}
