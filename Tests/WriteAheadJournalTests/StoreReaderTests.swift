import TestSupport
import Testing

@testable import WriteAheadJournal

@Suite(.timeLimit(.minutes(5))) struct StoreReaderTests {
    /// All that a reader can be asked for.
    private func readAll(_ path: String) throws -> (records: [[UInt8]], values: [String: String], isLive: Bool) {
        let reader = try StoreReader(path)
        defer { reader.close() }
        var values: [String: String] = [:]
        try reader.loadState { _, key, _, value in
            values[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        var records: [[UInt8]] = []
        _ = try reader.records { record, _ in
            if record.kind == .bytes { records.append(Array(record.body)) }
            guard record.kind == .changes, record.lsn > reader.stateMeta.checkpoint.lsn else { return }
            try OperationCodec.read(record.body) { operation in
                let key = String(decoding: operation.key, as: UTF8.self)
                values[key] = operation.code == .remove ? nil : String(decoding: operation.value, as: UTF8.self)
            }
        }
        #expect(try reader.integrityCheck().isEmpty)
        _ = try reader.runs()
        _ = try reader.verdictOnLastRun()
        _ = try reader.logSize()
        return (records, values, reader.isLive)
    }

    @Test func closedStoreIsReadWithoutATrace() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        let before = FolderListing(folder("s"))
        #expect(try readAll(folder("s")).records == [[1]])
        #expect(FolderListing(folder("s")) == before)
    }

    /// A live owner's mark speaks of records that a reader which has begun cannot see.
    @Test func markThatMovesOnIsNotHeldAgainstAReader() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        try store.set("a", "1")
        let seen = store.committer.last
        let reader = try StoreReader(folder("s"))
        #expect(reader.isLive && reader.syncMark == seen)
        for number in 0..<3 { try store.set("b\(number)", "2") }
        #expect(try reader.records { _, _ in }.lsn == seen)
        reader.close()
        let later = try StoreReader(folder("s"))
        #expect(later.syncMark > seen)
        later.close()
        try store.close()
    }

    /// Pages of a trim may have reached journal.db one by one: the log begins where `meta` says, whatever rows are before.
    @Test func rowsBeforeTheLogsBeginningAreNoPartOfIt() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        for number in 0..<4 { try store.set("a\(number)", "1") }
        try store.image().write(to: folder("before"))
        for number in 0..<4 {
            try store.set("b\(number)", "2")
            try store.fold()
        }
        let values = store.values
        try store.image().write(to: folder("t"))
        store.drop()
        let added = try sqlite3(
            folder("t/journal.db"),
            """
            ATTACH '\(folder("before/journal.db"))' AS before;
            INSERT OR IGNORE INTO journal SELECT * FROM before.journal;
            SELECT changes() > 1;
            """)
        #expect(added == "1\n")
        // The shell has copied SQLite's WAL into the database, as an opening would leave it to others.
        #expect(try readAll(folder("t")).values == values)
        let again = try TinyStore(folder("t"))
        #expect(again.values == values)
        try again.close()
    }

    /// Killed, with and without the files SQLite keeps beside the database: every byte, time and name stays.
    @Test func killedStoreIsReadWithoutATrace() throws {
        let image = try killedJournal(5)
        for removed in [[], ["journal.db-shm", "state.db-shm"], ["state.db-wal"], ["run"], ["lock"], ["run", "lock"]] {
            let folder = try TemporaryFolder(onDisk: true)
            var image = image
            for name in removed { image.files[name] = nil }
            try image.write(to: folder("s"))
            let before = FolderListing(folder("s"))
            let (records, _, isLive) = try readAll(folder("s"))
            #expect(records == (0..<5).map(record), "without \(removed)")
            #expect(!isLive)
            #expect(FolderListing(folder("s")) == before, "without \(removed)")
            #expect(try recordsOf(folder("s")).count == 5)
        }
    }

    @Test func killedStoreWithoutItsSQLiteWALIsDamageAndStaysAsItIs() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(5)
        image.files["journal.db-wal"] = nil
        try image.write(to: folder("s"))
        let before = FolderListing(folder("s"))
        #expect(failure { _ = try readAll(folder("s")) }?.code == .damaged)
        #expect(FolderListing(folder("s")) == before)
    }

    @Test func liveStoreShowsAllThatIsAcknowledged() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let store = try TinyStore(folder("s"))
        for number in 0..<12 {
            try store.set("key\(number % 5)", "\(number)")
            if number % 4 == 3 { try store.fold() }
            let (_, values, isLive) = try readAll(folder("s"))
            #expect(values == store.values, "after \(number)")
            #expect(isLive)
        }
        let before = FolderListing(folder("s"), withBytes: false)
        _ = try readAll(folder("s"))
        #expect(FolderListing(folder("s"), withBytes: false) == before)
        try store.close()
        #expect(try readAll(folder("s")).values == store.values)
    }

    /// What is committed after a reader has begun must not look like a loss to it.
    @Test func writesWhileAReaderReadsAreNoDamage() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        try store.set("a", "1")
        let reader = try StoreReader(folder("s"))
        try store.set("a", "2")
        try store.set("a", "3")
        var last = LSN.zero
        let end = try reader.records { record, _ in last = record.lsn }
        #expect(end.lsn == last && last == LSN(2), "the view is of when it was opened")
        reader.close()
        try store.close()
    }

    @Test func readersBesideABusyWriterSeeWholeStates() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        try store.set("n", "0")
        let done = Shared(false)
        let seen = Shared<[String]>([])
        let threads = Threads()
        for _ in 0..<2 {
            try threads.run {
                while !done.value {
                    do {
                        let value = try readAll(folder("s")).values["n"] ?? "none"
                        seen.change { $0.append(value) }
                    } catch {
                        seen.change { $0.append("\(error)") }
                        return
                    }
                }
            }
        }
        var number = 0
        while number < 300 || seen.value.count < 20 {
            number += 1
            try store.set("n", "\(number)")
            if number % 50 == 0 { try store.fold() }
            if number > 100_000 { break }
        }
        done.change { $0 = true }
        threads.join()
        #expect(seen.value.allSatisfy { Int($0) != nil }, "\(seen.value.filter { Int($0) == nil })")
        try store.close()
    }

    @Test func verdictIsTheOneTheNextStartReaches() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(1)
        // As the signal handler does: armed, thread, signal.
        for (offset, byte) in [(0, 1), (32, 7), (8, 11)] as [(Int, UInt8)] { image.files["run"]?[128 + offset] = byte }
        try image.write(to: folder("s"))
        let reader = try StoreReader(folder("s"))
        #expect(try reader.verdictOnLastRun()?.kind == .crash)
        #expect(try reader.newestRun()?.end == nil)
        reader.close()
        let journal = try Journal(folder("s")) { _, _ in }
        #expect(journal.lastEnd.kind == .crash)
        let live = try StoreReader(folder("s"))
        #expect(try live.verdictOnLastRun() == nil, "that run goes on")
        live.close()
        try journal.close()
    }

    /// After a failed sync nothing says that a row is on the disk, a noted end neither.
    @Test func rowsOfAPoisonedStoreAreNotCalledSynced() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        var reader = try StoreReader(folder("s"))
        #expect(reader.areRowsSynced)
        reader.close()
        var image = try FolderImage(of: folder("s"))
        image.files["run"]?[224] = 1
        try image.write(to: folder("t"))
        reader = try StoreReader(folder("t"))
        #expect(!reader.areRowsSynced)
        reader.close()
        try killedJournal(1).write(to: folder("u"))
        reader = try StoreReader(folder("u"))
        #expect(!reader.areRowsSynced, "the last row of a run without an end")
        reader.close()
    }

    /// A torn end is dropped for a reader as for an opening, and both say so.
    @Test func readerTellsWhatItDiscards() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(3)
        let wal = try #require(image.files["journal.db-wal"])
        let end = try #require(framesOf(wal).last?.end)
        image.files["journal.db-wal"] = Array(wal[..<(end - 100)])
        image.files["run"] = nil
        image.files["tail"] = nil
        try image.write(to: folder("s"))
        let reader = try StoreReader(folder("s"))
        let seen = reader.discarded
        reader.close()
        let opening = try JournalOpening(folder("s"), .init())
        #expect(seen.bytes > 0 && seen.bytes == opening.discardedBytes && seen.reason == opening.discardReason)
        opening.abandon()
    }

    @Test func placeWithoutAStoreIsRefusedAndNothingIsMade() throws {
        let folder = try TemporaryFolder()
        #expect(failure { _ = try StoreReader(folder("none")) }?.code == .notAStore)
        #expect(failure { _ = try StoreReader(folder.path) }?.code == .notAStore)
        #expect(Files.names(in: folder.path) == [])
    }

    @Test func readerKeepsAWriterOutOnlyWhileItReads() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        let reader = try StoreReader(folder("s"))
        let error = failure { _ = try JournalOpening(folder("s"), .init()) }
        #expect(error?.code == .busy && error?.message.contains("being read") == true)
        reader.close()
        #expect(try recordsOf(folder("s")) == [[1]])
        withExtendedLifetime(reader) {}
    }
}
