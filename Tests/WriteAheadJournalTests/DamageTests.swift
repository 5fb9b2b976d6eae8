import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// Rows and files altered behind the store's back: never silent, never a wrong value.
@Suite(.timeLimit(.minutes(5))) struct DamageTests {
    // MARK: journal.db

    /// A cleanly closed journal of LSNs 1 to 6 (the run, then five records), one row each.
    private func closedJournal() throws -> FolderImage {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"))
        let journal = try Journal(folder("s")) { _, _ in }
        for number in 0..<5 { try journal.append(record(number)) }
        try journal.close()
        return try FolderImage(of: folder("s"))
    }

    @Test(arguments: [
        ("altered", "UPDATE journal SET records=substr(records,1,length(records)-1)||x'00' WHERE first_lsn=4", 4),
        ("shortened", "UPDATE journal SET records=substr(records,1,20) WHERE first_lsn=4", 4),
        ("emptied", "UPDATE journal SET records=x'' WHERE first_lsn=4", 4),
        ("made NULL", "UPDATE journal SET records='' WHERE first_lsn=4", 4),
        ("deleted inside", "DELETE FROM journal WHERE first_lsn=4", 4),
        ("deleted at the beginning", "DELETE FROM journal WHERE first_lsn=1", 1),
        ("repeated", "INSERT INTO journal SELECT 8,8,time,chain,records FROM journal WHERE first_lsn=7", 8),
        (
            "repeated further on", "INSERT INTO journal SELECT 99,99,time,chain,records FROM journal WHERE first_lsn=7",
            8
        ),
        (
            "swapped",
            "UPDATE journal SET records=(SELECT records FROM journal WHERE first_lsn=5) WHERE first_lsn=4", 4
        ),
        ("given another chain", "UPDATE journal SET chain=chain+1 WHERE first_lsn=4", 4),
        ("given another end", "UPDATE journal SET last_lsn=5 WHERE first_lsn=4", 4),
        ("given another number", "UPDATE journal SET first_lsn=50,last_lsn=50 WHERE first_lsn=7", 7),
    ])
    func rowOfTheJournal(change: String, sql: String, lsn: UInt64) throws {
        let folder = try TemporaryFolder()
        try closedJournal().write(to: folder("s"))
        try sqlite3(folder("s/journal.db"), sql)
        let error = failure { try recordsOf(folder("s")) }
        #expect(error?.code == .damaged, "\(change): \(error?.description ?? "")")
        #expect(error?.location?.lsn == LSN(lsn), "\(change): \(error?.description ?? "")")
        #expect(error?.location?.bytes != nil, "\(change)")
        #expect(error?.location?.file.hasSuffix("/journal.db") == true)
        #expect(Files.exists(folder("s/evidence/journal.db")))
        let reader = try StoreReader(folder("s"))
        let seen = failure { _ = try reader.records { _, _ in } }
        reader.close()
        #expect(seen?.code == .damaged && seen?.location?.lsn == LSN(lsn), "\(change), read only")
    }

    @Test func newestRowsDeletedIsDamageByTheSyncMark() throws {
        let folder = try TemporaryFolder()
        try closedJournal().write(to: folder("s"))
        unlink(folder("s/tail"))
        try sqlite3(folder("s/journal.db"), "DELETE FROM journal WHERE first_lsn>=6")
        let error = failure { try recordsOf(folder("s")) }
        #expect(error?.code == .damaged && error?.location?.lsn == LSN(6))
        let reader = try StoreReader(folder("s"))
        #expect(failure { _ = try reader.records { _, _ in } }?.location?.lsn == LSN(6))
        reader.close()
    }

    @Test(arguments: ["journal", "runs", "meta"])
    func missingTableIsDamage(table: String) throws {
        let folder = try TemporaryFolder()
        try closedJournal().write(to: folder("s"))
        try sqlite3(folder("s/journal.db"), "DROP TABLE \(table)")
        let error = failure { try recordsOf(folder("s")) }
        #expect(error?.code == .damaged, "\(error?.description ?? "")")
    }

    @Test func missingMetaIsDamage() throws {
        for key in ["store_id", "base_lsn", "base_chain", "base_epoch"] {
            let folder = try TemporaryFolder()
            try closedJournal().write(to: folder("s"))
            try sqlite3(folder("s/journal.db"), "DELETE FROM meta WHERE key='\(key)'")
            #expect(failure { try recordsOf(folder("s")) }?.code == .damaged, "\(key)")
        }
    }

    @Test func alteredBeginningOfTheLogIsDamage() throws {
        for sql in ["base_chain", "base_lsn"].map({ "UPDATE meta SET value=value+1 WHERE key='\($0)'" }) {
            let folder = try TemporaryFolder()
            try closedJournal().write(to: folder("s"))
            try sqlite3(folder("s/journal.db"), sql)
            #expect(failure { try recordsOf(folder("s")) }?.code == .damaged, "\(sql)")
        }
    }

    @Test func journalThatIsNoDatabaseAnyMoreIsDamageBesideItsState() throws {
        let image = try closedJournal()
        for bytes in [[], Array("nonsense".utf8), [UInt8](repeating: 0, count: 8_192)] as [[UInt8]] {
            let folder = try TemporaryFolder()
            var image = image
            image.files["journal.db"] = bytes
            try image.write(to: folder("s"))
            let error = failure { try recordsOf(folder("s")) }
            #expect(error?.code == .damaged, "\(bytes.count) bytes: \(error?.description ?? "")")
            #expect(failure { _ = try StoreReader(folder("s")) }?.code == .damaged, "\(bytes.count) bytes")
        }
    }

    /// Numbers that no record gets to, and what no store writes, are damage; never a trap.
    @Test(arguments: [
        "UPDATE journal SET last_lsn=-1 WHERE first_lsn=7", "UPDATE meta SET value=-1 WHERE key='base_lsn'",
        "UPDATE meta SET value=9223372036854775807 WHERE key='base_lsn'",
        "UPDATE journal SET last_lsn=9223372036854775807 WHERE first_lsn=7",
        "UPDATE runs SET id=9223372036854775807 WHERE id=(SELECT max(id) FROM runs)",
    ])
    func numbersThatCannotBeAreDamage(sql: String) throws {
        let folder = try TemporaryFolder()
        try closedJournal().write(to: folder("s"))
        try sqlite3(folder("s/journal.db"), sql)
        #expect(failure { try recordsOf(folder("s")) }?.code == .damaged, "\(sql)")
    }

    @Test(arguments: [("rows", -1), ("rows", 1 << 60), ("previous_lsn", 1 << 40), ("checkpoint_lsn", -1)])
    func numbersOfTheTableThatCannotBeAreDamage(key: String, value: Int) throws {
        let folder = try TemporaryFolder()
        try folded().end.write(to: folder("s"))
        try sqlite3(folder("s/state.db"), "UPDATE meta SET value=\(value) WHERE key='\(key)'")
        #expect(failure { _ = try TinyStore(folder("s")) }?.code == .damaged)
    }

    /// SQLite would wait at the pipe for ever, and delete the -wal of an empty database.
    @Test(arguments: ["journal.db", "journal.db-wal", "state.db", "state.db-wal"])
    func whatIsNoFileIsDamage(name: String) throws {
        for kind in ["mkfifo", "mkdir", "ln -s /dev/null", ":>"] where kind != ":>" || name.hasSuffix(".db") {
            let folder = try TemporaryFolder()
            let image = try killedJournal(3)
            try image.write(to: folder("s"))
            unlink(folder("s/" + name))
            try shell("\(kind) \(quoted(folder("s/" + name)))")
            #expect(failure { try recordsOf(folder("s")) }?.code == .damaged, "\(kind) \(name)")
            #expect(failure { _ = try StoreReader(folder("s")) }?.code == .damaged, "\(kind) \(name), read only")
            let wal = image.files["journal.db-wal"]?.count
            #expect(name.hasSuffix("-wal") || Files.size(folder("s/journal.db-wal")) == wal, "\(kind) \(name)")
        }
    }

    @Test func missingJournalIsNotASilentlyNewStore() throws {
        let folder = try TemporaryFolder()
        var image = try closedJournal()
        image.files["journal.db"] = nil
        try image.write(to: folder("s"))
        #expect(failure { try recordsOf(folder("s")) }?.code == .notAStore)
        #expect(!Files.exists(folder("s/journal.db")))
    }

    // MARK: The sqlite3 shell

    /// A person looks first after the kill: SQLite then recovers, copies its WAL into the database and removes it.
    @Test func shellMayBeTheFirstToOpenAKilledStore() throws {
        let folder = try TemporaryFolder()
        try killedJournal(5).write(to: folder("s"))
        let count = try sqlite3(
            folder("s/journal.db"), "SELECT count(*) FROM journal; PRAGMA wal_checkpoint(TRUNCATE)")
        #expect(count.hasPrefix("6\n"))
        #expect((Files.size(folder("s/journal.db-wal")) ?? 0) == 0)
        let journal = try Journal(folder("s")) { _, _ in }
        #expect(journal.lastEnd.kind == .killed)
        try journal.append(record(5))
        try journal.close()
        #expect(try recordsOf(folder("s")) == (0..<6).map(record))
    }

    @Test func shellThatReadsALiveStoreSeesAllAndChangesNothing() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        for number in 0..<4 {
            try journal.append(record(number))
            let count = try sqlite3(folder("s/journal.db"), "SELECT count(*) FROM journal")
            #expect(count == "\(number + 2)\n")
        }
        try journal.close()
        #expect(try recordsOf(folder("s")).count == 4)
    }

    /// SQLite before 3.51.3 can corrupt a database that one connection writes and another checkpoints.
    @Test func otherProgramsCannotCheckpointALiveStore() throws {
        let folder = try TemporaryFolder()
        func foreign(_ name: String) throws -> String {
            try sqlite3(folder("s/\(name)"), "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        let store = try TinyStore(folder("s"))
        for round in 0..<3 {
            try store.set("key", "\(round)")
            for name in ["journal.db", "state.db"] {
                #expect(try foreign(name).hasPrefix("1|"), "\(name), round \(round)")
            }
            // Its own are not kept out, and do not let others in.
            try store.fold()
            try store.state.checkpointSQLite(force: true)
        }
        try store.close()
        for name in ["journal.db", "state.db"] { #expect(try foreign(name).hasPrefix("0|"), "\(name)") }
        #expect(try TinyStore(folder("s")).values == ["key": "2"])
    }

    /// What comes upon a checkpoint of another program has written nothing, and is tried again.
    @Test func commitWaitsForTheCheckpointOfAnotherProgram() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"))
        let backend = try SQLiteJournal(folder: folder("s"), vfs: nil)
        let stranger = try SQLiteConnection(folder("s/journal.db"), .readWrite, vfs: nil)
        var theirs = CheckpointGuard()
        try stranger.execute("BEGIN IMMEDIATE")
        try theirs.hold(stranger)
        try stranger.execute("ROLLBACK")
        let end = RunEnd(.clean, evidence: "test")
        #expect(failure { try backend.noteEnd(end, at: 1) }?.code == .busy)
        #expect(failure { try backend.reserve(bytes: 20 << 20) }?.code == .busy)
        #expect(backend.syncs == 0)
        theirs.release(stranger)
        try backend.noteEnd(end, at: 2)
        #expect(failure { try theirs.hold(stranger) }?.code == .busy)
        try backend.checkpointSQLite()
        #expect(failure { try theirs.hold(stranger) }?.code == .busy, "also behind a checkpoint of our own")
        backend.close()
        try theirs.hold(stranger)
        stranger.close()
    }

    @Test func shellThatWritesToALiveJournalPoisonsIt() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        try journal.append(record(0))
        try sqlite3(folder("s/journal.db"), "UPDATE runs SET host='elsewhere'")
        #expect(failure { try journal.append(record(1)) }?.outcome == .unknown)
        #expect(failure { try journal.append(record(2)) }?.code == .poisoned)
        #expect(failure { try journal.close() }?.outcome == .unknown)
        #expect(try recordsOf(folder("s")) == [record(0), record(1)], "the tail had the unknown one")
    }

    @Test func replacedFilePoisonsBeforeAnythingIsAcknowledged() throws {
        for name in ["journal.db", "journal.db-wal"] {
            let folder = try TemporaryFolder(onDisk: true)
            let journal = try Journal(folder("s")) { _, _ in }
            try journal.append(record(0))
            try shell("cp \(quoted(folder("s/\(name)"))) \(quoted(folder("x")))")
            #expect(rename(folder("x"), folder("s/\(name)")) == 0)
            #expect(failure { try journal.append(record(1)) }?.outcome == .unknown, "\(name)")
            #expect(failure { try journal.append(record(2)) }?.code == .poisoned, "\(name)")
            #expect(failure { try journal.close() } != nil)
        }
    }

    // MARK: state.db

    /// A header that no byte mends is cleared for SQLite. Where the opening then finds that what hung on it is missed, the
    /// files are as they were found, and so is the evidence.
    @Test func headerThatIsMissedStaysAsItWasFound() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        for number in 0..<5 {
            try store.set("k\(number)", "v")
            try store.fold()
        }
        var image = try store.image()
        store.drop()
        image.files["state.db-wal"]?[12] ^= 0x11
        image.files["state.db-wal"]?[24] ^= 0x11
        try image.write(to: folder("t"))
        #expect(WALScan.file(folder("t/state.db-wal"))?.hasBrokenHeader == true)
        for _ in 0..<2 {
            #expect(failure { try TinyStore(folder("t")).drop() }?.code == .damaged)
            for place in ["t", "t/evidence"] {
                let files = try FolderImage(of: folder(place)).files
                #expect(files["state.db-wal"] == image.files["state.db-wal"], "\(place)")
            }
        }
    }

    /// A byte that is repaired is as it was found where the store is refused for something else; and a WAL that is altered
    /// is not cut off before that is known.
    @Test func refusalLeavesTheFilesAsTheyWereFound() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        for number in 0..<12 {
            try store.set("k\(number)", "v")
            if number % 3 == 2 { try store.fold() }
        }
        try store.image().write(to: folder("t"))
        store.drop()
        // A row is met when all else is decided.
        try sqlite3(folder("t/state.db"), "UPDATE state SET value='else' WHERE key='k1'")
        let image = try FolderImage(of: folder("t"))
        var bit = image
        bit.files["journal.db-wal"]?[32 + 24 + 2_000] ^= 4
        var rot = image
        rot.breakFrame(of: "journal.db-wal", at: 0.8)
        for (what, altered) in [("a bit", bit), ("rot", rot)] {
            try altered.write(to: folder(what))
            #expect(
                WALScan.file(folder(what + "/journal.db-wal")).map { $0.isRotten || !$0.repairs.isEmpty } == true,
                "\(what)")
            let error = failure { try TinyStore(folder(what)).drop() }
            #expect(
                error?.code == .damaged && error?.message.contains("k1") == true, "\(what): \(error?.message ?? "")")
            for place in [what, what + "/evidence"] {
                let after = try FolderImage(of: folder(place))
                for name in ["journal.db", "journal.db-wal", "state.db", "state.db-wal"] {
                    // SQLite makes an empty WAL where there is none.
                    let isAsFound = after.files[name] ?? [] == altered.files[name] ?? []
                    #expect(isAsFound, "\(what), \(place): \(name)")
                }
            }
        }
    }

    /// A cleanly closed store with three checkpoints; `folds` are the images right after each.
    private func folded() throws -> (folds: [FolderImage], end: FolderImage, values: [String: String]) {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        var folds: [FolderImage] = []
        for round in 0..<3 {
            for key in 0..<4 { try store.set("key\(key)", "value \(round).\(key)") }
            try store.remove("key3")
            try store.fold()
            folds.append(try store.image())
        }
        try store.set("late", "not folded yet")
        let values = store.values
        try store.close()
        return (folds, try FolderImage(of: folder("s")), values)
    }

    private func replacingState(of image: FolderImage, by other: FolderImage) -> FolderImage {
        var image = image
        for name in ["state.db", "state.db-wal", "state.db-shm"] { image.files[name] = other.files[name] }
        return image
    }

    private func valuesOf(_ image: FolderImage, sql: String? = nil) throws -> (values: [String: String], replayed: Int)
    {
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        if let sql { try sqlite3(folder("s/state.db"), sql) }
        let store = try TinyStore(folder("s"))
        defer { store.drop() }
        return (store.values, store.replayed)
    }

    @Test func foldedStateAndTheRestOfTheLogAreTheWhole() throws {
        let (folds, end, values) = try folded()
        #expect(try valuesOf(end).values == values)
        #expect(try valuesOf(end).replayed == 1)
        for (round, image) in folds.enumerated() {
            #expect(
                try valuesOf(image).values
                    == ["key0": "value \(round).0", "key1": "value \(round).1", "key2": "value \(round).2"])
        }
    }

    @Test(arguments: [
        ("value", "UPDATE state SET value='else' WHERE key='key1'"),
        ("key", "UPDATE state SET key='key9' WHERE key='key1'"),
        ("name", "UPDATE state SET name='x' WHERE key='key1'"),
        ("type", "UPDATE state SET type='json' WHERE key='key1'"),
        ("type's spelling", "UPDATE state SET type='strong' WHERE key='key1'"),
        ("checksum", "UPDATE state SET crc=crc+1 WHERE key='key1'"),
        ("NULL", "UPDATE state SET value=NULL WHERE key='key1'"),
        ("a row less", "DELETE FROM state WHERE key='key1'"),
        ("all rows less", "DELETE FROM state"),
        ("a row more", "INSERT INTO state SELECT name,'key8',type,value,crc FROM state WHERE key='key1'"),
        ("digest", "UPDATE meta SET value=value+1 WHERE key='digest'"),
        ("row count", "UPDATE meta SET value=value+1 WHERE key='rows'"),
        ("checkpoint ahead", "UPDATE meta SET value=value+1 WHERE key='checkpoint_lsn'"),
        ("checkpoint behind", "UPDATE meta SET value=value-1 WHERE key='checkpoint_lsn'"),
        ("checkpoint far ahead", "UPDATE meta SET value=value+1000 WHERE key='checkpoint_lsn'"),
        ("chain", "UPDATE meta SET value=value+1 WHERE key='checkpoint_chain'"),
        ("store", "UPDATE meta SET value='x' WHERE key='store_id'"),
        ("meta missing", "DELETE FROM meta WHERE key='digest'"),
        ("table missing", "DROP TABLE state"),
        ("meta table missing", "DROP TABLE meta"),
    ])
    func rowOfTheState(change: String, sql: String) throws {
        let error = failure { _ = try valuesOf(try folded().end, sql: sql) }
        #expect(error?.code == .damaged, "\(change): \(error?.description ?? "")")
        #expect(error?.message.contains("kept as found") == true, "\(change)")
    }

    @Test func stateOneCheckpointOldIsRepairedByReplay() throws {
        let (folds, end, values) = try folded()
        let found = try valuesOf(replacingState(of: end, by: folds[1]))
        #expect(found.values == values && found.replayed > 1)
    }

    @Test func stateTwoCheckpointsOldIsDamage() throws {
        let (folds, end, _) = try folded()
        let error = failure { _ = try valuesOf(replacingState(of: end, by: folds[0])) }
        #expect(error?.code == .damaged && error?.message.contains("records are missing") == true)
        #expect(error?.location?.lsn != nil)
    }

    @Test func stateNewerThanTheJournalIsDamage() throws {
        let (folds, end, _) = try folded()
        var mixed = replacingState(of: folds[0], by: end)
        // Without the page nothing but the state itself tells that the journal is short.
        mixed.files["run"] = nil
        let error = failure { _ = try valuesOf(mixed) }
        #expect(error?.code == .damaged && error?.message.contains("its end was lost") == true)
    }

    @Test func stateThatIsMissingEmptyOrAnotherStoresIsDamage() throws {
        let (_, end, _) = try folded()
        let (_, other, _) = try folded()
        for (name, bytes) in [
            ("missing", nil), ("empty", []), ("nonsense", Array("nonsense".utf8)),
            ("another store's", other.files["state.db"]),
            ("the journal", end.files["journal.db"]),
        ] as [(String, [UInt8]?)] {
            var image = end
            image.files["state.db"] = bytes
            image.files["state.db-wal"] = nil
            let error = failure { _ = try valuesOf(image) }
            #expect(error?.code == .damaged, "\(name): \(error?.description ?? "")")
        }
    }

    /// Another history of the same store: equal up to a point, then written by two processes that each had a copy.
    @Test func stateOfAnotherHistoryOfTheStoreIsDamage() throws {
        let folder = try TemporaryFolder()
        try folded().end.write(to: folder("a"))
        try FolderImage(of: folder("a")).write(to: folder("b"))
        for name in ["a", "b"] {
            let store = try TinyStore(folder(name))
            try store.set("key0", name)
            try store.fold()
            try store.set("key1", name)
            try store.close()
        }
        let mixed = replacingState(of: try FolderImage(of: folder("a")), by: try FolderImage(of: folder("b")))
        let error = failure { _ = try valuesOf(mixed) }
        #expect(error?.code == .damaged && error?.message.contains("do not belong together") == true)
    }

    @Test func foldIsRefusedAfterAForeignWrite() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        try store.set("a", "1")
        try sqlite3(folder("s/state.db"), "INSERT INTO state VALUES('','b','string','2',0)")
        #expect(failure { try store.fold() }?.code == .ioError)
        store.drop()
    }
}
