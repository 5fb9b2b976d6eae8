import Testing

@testable import WriteAheadJournal

import SystemC

@Suite struct WALRoomTests {
    private func room(frames: Int = 0) -> WALRoom {
        var room = WALRoom()
        room.found(bytes: WALRoom.bytesKept)
        room.committed(frames: 1, cutTo: WALRoom.bytesKept)
        if frames > 1 { for now in 2...frames { room.committed(frames: now, cutTo: WALRoom.bytesKept) } }
        return room
    }

    @Test func roomThatIsKeptSmallBeginsAnewSooner() {
        for kept in [80 << 10, WALRoom.bytesKept] {
            var room = WALRoom(kept: kept)
            room.found(bytes: kept)
            var frames = 0
            while !room.isCopyDue(before: 1) {
                frames += 1
                room.committed(frames: frames, cutTo: kept)
            }
            #expect(WALRoom.end(of: frames) <= kept && WALRoom.end(of: frames + 1) > kept)
        }
    }

    @Test func roomKeptTakesAThousandFrames() {
        #expect(WALRoom.end(of: 1_017) <= WALRoom.bytesKept && WALRoom.end(of: 1_019) > WALRoom.bytesKept)
        #expect(room().holds(1_000) && !room(frames: 600).holds(1_000))
    }

    @Test func copyIsDueBeforeTheRoomIsUsedUp() {
        #expect(!room(frames: 1_000).isCopyDue && room(frames: 1_003).isCopyDue)
        #expect(room(frames: 600).isCopyDue(before: 500) && !room(frames: 600).isCopyDue(before: 100))
        var used = room(frames: 1_003)
        used.copied(all: true)
        #expect(!used.isCopyDue && used.holds(1_000) && used.isCopied)
        used.committed(frames: 1, cutTo: WALRoom.bytesKept)
        #expect(used.frames == 1 && !used.isCopied && !used.isCopyDue)
    }

    /// A reader keeps it from beginning anew: once more only when as much has come again.
    @Test func copyThatLeftFramesIsNotTriedAgainAtOnce() {
        var used = room(frames: 1_003)
        used.copied(all: false)
        var due: [Int] = []
        for now in 1_004...4_100 {
            used.committed(frames: now, cutTo: WALRoom.bytesKept)
            if used.isCopyDue {
                due.append(now)
                used.copied(all: false)
            }
        }
        #expect(due.count == 3, "\(due)")
    }

    /// A batch as large as the whole generation before it makes its count of frames no smaller.
    @Test func generationOfOneBatchBeginsAnewWithTheNext() {
        let large = 2 << 20
        var used = room()
        for _ in 0..<5 {
            let before = used.isCopied ? 0 : used.frames
            used.committed(frames: before + 515, batchBytes: large, cutTo: WALRoom.bytesKept)
            #expect(used.isCopyDue)
            used.copied(all: true)
            #expect(used.holds(WALRoom.frames(forBatchOf: large)))
        }
        #expect(used.bytesWanted == WALRoom.bytesKept)
    }

    @Test func wantsWhatTheLargestBatchTook() {
        var used = room()
        used.committed(frames: 2_200, batchBytes: 8_900_000, cutTo: WALRoom.bytesKept)
        #expect(used.bytes == WALRoom.end(of: 2_200))
        #expect(used.bytesWanted >= WALRoom.end(of: 2_199) && used.bytesWanted < WALRoom.end(of: 2_300))
        used.copied(all: true)
        used.committed(frames: 3, cutTo: used.bytesWanted)
        #expect(used.bytes == WALRoom.end(of: 2_200) && used.bytesWanted == WALRoom.bytesKept)
        used.copied(all: true)
        used.committed(frames: 3, cutTo: used.bytesWanted)
        #expect(used.bytes == WALRoom.bytesKept, "SQLite has cut it")
    }

    /// The generation found at the opening is nobody's batch.
    @Test func framesFoundAtTheOpeningAreNoLargeBatch() {
        var used = WALRoom()
        used.found(bytes: 9 << 20)
        used.committed(frames: 2_100, cutTo: 9 << 20)
        #expect(used.bytesWanted == WALRoom.bytesKept)
    }
}

/// The file itself.
@Suite(.timeLimit(.minutes(5))) struct SQLiteWALFileTests {
    private func connection(_ folder: TemporaryFolder) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
        return connection
    }

    @Test func growingWritesBlocksAndKeepsEveryFrame() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let connection = try connection(folder)
        let before = try #require(Files.contents(folder("a.db-wal")))
        for bytes in [before.count, 1, 300_000, 300_000, 299_999, 1_000_001] {
            try connection.execute("BEGIN IMMEDIATE")
            try connection.growWALFile(to: bytes)
            try connection.execute("ROLLBACK")
            #expect(try connection.walFileBytes() == max(bytes, before.count, bytes == 299_999 ? 300_000 : 0))
        }
        try connection.execute("INSERT INTO t VALUES(2)")
        #expect(try connection.walFileBytes() == 1_000_001, "the frame lies in front of the end")
        connection.close()
        var status = stat()
        #expect(stat(folder("a.db-wal"), &status) == 0 && Int(status.st_blocks) * 512 >= 1_000_001, "not a hole")
        let after = try #require(Files.contents(folder("a.db-wal"), limit: 1 << 30))
        #expect(after.starts(with: before))
        #expect(WALScan.file(folder("a.db-wal")) == WALScan(committedBytes: try #require(framesOf(after).last?.end)))
        #expect(try sqlite3(folder("a.db"), "SELECT count(*) FROM t") == "2\n")
    }

    /// A limit that shows only while writing.
    @Test func growthThatFailsHalfwayIsTakenBack() async throws {
        await #expect(processExitsWith: .exitCode(0)) {
            let folder = try TemporaryFolder()
            let made = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
            try made.configureForWriting()
            try made.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
            let before = try made.walFileBytes()
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1_000_000, rlim_max: 1_000_000)
            guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { _exit(2) }
            try made.execute("BEGIN IMMEDIATE")
            let error = failure { try made.growWALFile(to: 4 << 20) }
            try made.execute("ROLLBACK")
            guard error?.code == .diskFull else { _exit(3) }
            guard try made.walFileBytes() == before else { _exit(4) }
            try made.execute("INSERT INTO t VALUES(2)")
            made.close()
            let isWhole = try sqlite3(folder("a.db"), "SELECT count(*) FROM t") == "2\n"
            // Nobody is deinitialized here.
            Files.removeFolder(folder.path)
            _exit(isWhole ? 0 : 5)
        }
    }

    /// It survives what could take it away: closes, starts, SQLite's own checkpoints.
    @Test func roomStaysOverClosesAndStarts() throws {
        let folder = try TemporaryFolder(onDisk: true)
        for number in 0..<3 {
            let journal = try Journal(folder("s")) { _, _ in }
            #expect(Files.size(folder("s/journal.db-wal")) == 4 << 20, "start \(number)")
            try journal.append(record(number))
            try journal.close()
            #expect(Files.size(folder("s/journal.db-wal")) == 4 << 20, "close \(number)")
        }
        #expect(try recordsOf(folder("s")).count == 3)
        // The shell removes it; the next start makes it anew.
        try sqlite3(folder("s/journal.db"), "SELECT count(*) FROM journal; PRAGMA wal_checkpoint(TRUNCATE)")
        #expect((Files.size(folder("s/journal.db-wal")) ?? 0) == 0)
        #expect(try recordsOf(folder("s")).count == 3)
        #expect(Files.size(folder("s/journal.db-wal")) == 4 << 20)
    }

    /// An opening that is given up has written nothing.
    @Test func openingThatIsGivenUpMakesNoRoom() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        try sqlite3(folder("s/journal.db"), "SELECT 1 FROM journal; PRAGMA wal_checkpoint(TRUNCATE)")
        let opening = try JournalOpening(folder("s"), .init())
        try opening.replay(after: nil) { _ in }
        #expect((Files.size(folder("s/journal.db-wal")) ?? 0) == 0)
        opening.abandon()
        #expect((Files.size(folder("s/journal.db-wal")) ?? 0) == 0)
    }

    /// Zeros are written only while nobody else can write: a stranger's frames could be where the file just ended.
    @Test func strangersWriteLockKeepsRoomFromBeingMade() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"))
        let backend = try SQLiteJournal(folder: folder("s"), vfs: nil)
        try backend.reserve(bytes: 1)
        let stranger = try SQLiteConnection(folder("s/journal.db"), .readWrite, vfs: nil)
        try stranger.execute("BEGIN IMMEDIATE")
        let size = Files.size(folder("s/journal.db-wal"))
        #expect(failure { try backend.reserve(bytes: 20 << 20) }?.code == .busy)
        #expect(Files.size(folder("s/journal.db-wal")) == size)
        try stranger.execute("ROLLBACK")
        stranger.close()
        try backend.reserve(bytes: 20 << 20)
        #expect(Files.size(folder("s/journal.db-wal")) ?? 0 > 20 << 20)
        backend.close()
    }
}
