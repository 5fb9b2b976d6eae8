import CSQLite
import Testing

@testable import WriteAheadJournal

import SystemC

@Suite struct SQLiteConnectionTests {
    private func code(_ result: Int32, _ system: Int32 = 0, text: String = "text") -> StoreError.Code {
        SQLiteConnection.error(for: result, system: system, text: text, doing: "writing", path: "/x").code
    }

    private static let spaces = [ENOSPC, EDQUOT, EFBIG]

    /// `diskFull` and `busy` say that nothing was kept and the same may be tried again; anything that may have left
    /// something on the disk must never be one of the two.
    @Test func onlyWhatKeptNothingMayBeTriedAgain() {
        let ioErrors = (1...33).map { SQLITE_IOERR | Int32($0) << 8 }
        for result in [SQLITE_IOERR] + ioErrors {
            let isSync = result == CSQLITE_IOERR_FSYNC || result == CSQLITE_IOERR_DIR_FSYNC
            for system in Self.spaces {
                #expect(code(result, system) == (isSync ? .ioError : .diskFull), "result \(result), errno \(system)")
            }
            for system in [0, EIO, EINTR, EROFS] {
                let isShared = result == CSQLITE_IOERR_SHMSIZE
                #expect(code(result, system) == (isShared ? .diskFull : .ioError), "result \(result), errno \(system)")
            }
        }
        #expect(code(SQLITE_FULL) == .diskFull && code(SQLITE_FULL, EIO) == .diskFull)
    }

    @Test func otherResultsHaveTheirCodes() {
        for result in [SQLITE_BUSY, SQLITE_LOCKED, SQLITE_BUSY | 1 << 8, SQLITE_BUSY | 2 << 8, SQLITE_PROTOCOL] {
            #expect(code(result) == .busy)
        }
        #expect(code(SQLITE_NOTADB) == .notAStore)
        #expect(code(SQLITE_CORRUPT) == .damaged && code(SQLITE_CORRUPT | 2 << 8) == .damaged)
        for result in [SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH, SQLITE_CANTOPEN, SQLITE_NOMEM, SQLITE_INTERRUPT] {
            #expect(code(result) == .ioError, "result \(result)")
        }
        for result in [SQLITE_ERROR, SQLITE_MISUSE, SQLITE_SCHEMA] {
            #expect(code(result) == .ioError, "result \(result)")
        }
        for result in [SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH] {
            #expect(code(result) == .damaged, "result \(result): nothing of ours does it, so a row that is there did")
        }
    }

    @Test func fileThatCannotBeMadeForWantOfSpaceIsDiskFull() {
        for system in Self.spaces { #expect(code(SQLITE_CANTOPEN, system) == .diskFull) }
        #expect(code(SQLITE_CANTOPEN, EMFILE) == .ioError)
    }

    @Test func missingTableIsDamage() {
        #expect(code(SQLITE_ERROR, text: "no such table: journal") == .damaged)
        #expect(code(SQLITE_ERROR, text: "no such column: chain") == .damaged)
        #expect(code(SQLITE_ERROR, text: "near \"SELEC\": syntax error") == .ioError)
    }

    @Test func errorKeepsCauseAndPlace() {
        let error = SQLiteConnection.error(
            for: CSQLITE_IOERR_FSYNC, system: EIO, text: "disk I/O error", doing: "writing", path: "/store/journal.db")
        #expect(error.cause == CSQLITE_IOERR_FSYNC && error.location?.file == "/store/journal.db")
        #expect(error.message.contains("/store/journal.db"))
    }

    // MARK: The settings that durability rests on

    @Test func writingConnectionHasEverySettingItNeeds() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        for (name, value) in [
            ("journal_mode", "wal"), ("synchronous", "2"), ("wal_autocheckpoint", "0"), ("mmap_size", "0"),
            ("secure_delete", "0"), ("locking_mode", "normal"), ("trusted_schema", "0"),
        ] {
            #expect(try connection.query("PRAGMA \(name)") { $0.text(0) } == value, "\(name)")
        }
        connection.close()
    }

    /// What upkeep goes by: a count that stays at zero is a log that grows for ever.
    @Test func writingConnectionCountsTheFramesOfItsWAL() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        for _ in 0..<5 {
            try connection.execute("INSERT INTO t VALUES(zeroblob(9000))")
            let bytes = Files.size(folder("a.db-wal")) ?? 0
            #expect(connection.framesInWAL == (bytes - 32) / 4_120)
        }
        let result = try connection.checkpointSQLite()
        #expect(result.frames == connection.framesInWAL && result.copied == result.frames)
        try connection.execute("INSERT INTO t VALUES(1)")
        #expect(connection.framesInWAL < 5)
        connection.close()
    }

    /// SQLite gives -1 for both numbers then, which must not pass for "all".
    @Test func checkpointBesideAnotherOneHasCopiedNothing() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        defer { connection.close() }
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        let other = try SQLiteConnection(folder("a.db"), .readWrite, vfs: nil)
        try other.configureForWriting()
        try other.transaction { () throws(StoreError) in }
        let beside = try connection.checkpointSQLite()
        #expect(beside.copied < beside.frames)
        other.close()
        let alone = try connection.checkpointSQLite()
        #expect(alone.copied == alone.frames && alone.frames > 0)
    }

    /// VACUUM writes like any transaction: never while another program is at a checkpoint.
    @Test func compactionIsRefusedBesideACheckpointOfAnotherProgram() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        let journal = try SQLiteJournal(folder: folder("s"), vfs: nil)
        defer { journal.close() }
        let other = try SQLiteConnection(folder("s/journal.db"), .readWrite, vfs: nil)
        try other.configureForWriting()
        try other.transaction { () throws(StoreError) in }
        #expect(failure { try journal.compact() }?.code == .busy)
        other.close()
        try journal.compact()
    }

    /// What it does behind VACUUM would be refused in any case, and that is too late.
    @Test func compactionOfTheTableIsRefusedBesideACheckpointOfAnotherProgram() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        let state = try StateDatabase(folder: folder("s"), vfs: nil)
        defer { state.close() }
        let other = try SQLiteConnection(folder("s/state.db"), .readWrite, vfs: nil)
        try other.configureForWriting()
        // The table's connection has the lock, and gives it up only while it runs a checkpoint itself.
        let isTaken = Shared(false)
        let threads = Threads()
        try threads.run {
            let end = Clock.monotonicNanoseconds() + 10_000_000_000
            while !isTaken.value, Clock.monotonicNanoseconds() < end {
                if (try? other.transaction { () throws(StoreError) in }) != nil { isTaken.change { $0 = true } }
            }
        }
        let end = Clock.monotonicNanoseconds() + 10_000_000_000
        while !isTaken.value, Clock.monotonicNanoseconds() < end { try state.checkpointSQLite(force: true) }
        threads.join()
        try #require(isTaken.value)
        let before = Files.contents(folder("s/state.db-wal"))
        #expect(failure { try state.compact() }?.code == .busy)
        #expect(Files.contents(folder("s/state.db-wal")) == before, "nothing is written")
        other.close()
        try state.compact()
    }

    @Test func closeNeitherCopiesNorRemovesTheSQLiteWAL() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        let before = Files.size(folder("a.db-wal"))
        #expect((before ?? 0) > 4_096)
        connection.close()
        connection.close()
        #expect(Files.size(folder("a.db-wal")) == before)
    }

    @Test func settingThatDoesNotHoldIsUnsupported() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        let error = failure { try connection.pragma("page_size", "4097", expect: "4097") }
        #expect(error?.code == .unsupported)
    }

    @Test func transactionThatThrowsLeavesNothing() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.execute("CREATE TABLE t(x)")
        let error = failure {
            try connection.transaction { () throws(StoreError) in
                try connection.execute("INSERT INTO t VALUES(1)")
                throw StoreError(.ioError, "mine")
            }
        }
        #expect(error?.message == "mine" && !connection.isInTransaction)
        #expect(try connection.query("SELECT count(*) FROM t") { $0.int(0) } == 0)
    }

    @Test func pathsWithOddCharactersOpen() throws {
        let folder = try TemporaryFolder()
        for name in ["a b.db", "50%.db", "q?x=1.db", "h#h.db", "é ü.db", "a'b\"c.db"] {
            let made = try SQLiteConnection(folder(name), .create, vfs: nil)
            try made.execute("CREATE TABLE t(x); INSERT INTO t VALUES(42)")
            made.close()
            let read = try SQLiteConnection(folder(name), .readPrivate, vfs: nil)
            #expect(try read.query("SELECT x FROM t") { $0.int(0) } == 42, "\(name)")
            read.close()
        }
    }
}
