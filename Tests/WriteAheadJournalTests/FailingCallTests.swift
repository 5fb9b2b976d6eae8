// Single calls of SQLite's VFS that fail, where what the journal made of it was once wrong. Every call and every way is the
// lab's (`lab faults`).

import CFaultVFS
import CSQLite
import Testing

@testable import WriteAheadJournal

import SystemC

@Suite(.timeLimit(.minutes(5))) struct FailingCallTests {
    private var options: JournalOpening.Options {
        var options = JournalOpening.Options()
        options.vfs = countingVFS
        options.limits.tailBytes = 64 << 10
        options.limits.patience = 30_000_000
        options.limits.retryInterval = 5_000_000
        return options
    }

    /// The faults of one folder, lifted with the test.
    private final class Faults {
        let folder: String

        init(_ folder: TemporaryFolder) throws { self.folder = try Files.resolved(folder.path) }

        deinit { backstay_fault_end(folder) }

        /// From the `call`-th on, calls of the class fail; 0 for none.
        func fail(
            _ kind: backstay_fault_kind, _ callClass: backstay_fault_class, call: UInt64 = 1, lasts: Bool = true
        ) {
            folder.withCString { folder in
                var fault = backstay_fault()
                fault.folder = folder
                fault.store = folder
                fault.call = call
                fault.kind = kind
                fault.lasts = lasts
                fault.lasting_classes = 1 << callClass.rawValue
                backstay_fault_set(&fault)
            }
        }

        func count() { fail(BACKSTAY_FAULT_EIO, BACKSTAY_FAULT_READ, call: 0) }
        func lift() { backstay_fault_lift(folder) }
        var tally: backstay_fault_tally { backstay_fault_tally_of(folder) }

        /// The numbers of the calls of a class among those since counting began.
        func calls(_ wanted: backstay_fault_class) -> [UInt64] {
            var classes = [UInt8](repeating: 0, count: 10_000)
            let count = Int(backstay_fault_trace(folder, &classes, 10_000))
            return (0..<count).filter { classes[$0] == UInt8(wanted.rawValue) }.map { UInt64($0 + 1) }
        }
    }

    private func identity(_ folder: String) -> UInt64 {
        var status = stat()
        return stat(folder + "/journal.db", &status) == 0 ? UInt64(status.st_ino) : 0
    }

    // MARK: Reading

    @Test func readThatFailsIsNoDamage() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        for number in 0..<50 { try store.set("key\(number)", String(repeating: "x", count: 1_000)) }
        store.drop()
        let image = try FolderImage(of: folder("s"))
        func open(_ path: String) throws {
            let opening = try JournalOpening(path, options)
            defer { opening.abandon() }
            try opening.replay(after: nil) { _ in }
        }
        let faults = try Faults(folder)
        faults.count()
        try open(folder("s"))
        let reads = faults.calls(BACKSTAY_FAULT_READ)
        #expect(reads.count > 10)
        var failures = 0
        for (index, read) in reads.enumerated() {
            try image.write(to: folder("c\(index)"))
            faults.fail(BACKSTAY_FAULT_EIO, BACKSTAY_FAULT_READ, call: read, lasts: false)
            do {
                try open(folder("c\(index)"))
            } catch {
                failures += 1
                // The note of the file's errno is what tells it; SQLite calls it malformed.
                #expect((error as? StoreError)?.code == .ioError, "read \(read): \(error)")
            }
            #expect(!Files.exists(folder("c\(index)/evidence")))
        }
        #expect(failures > 5)
    }

    // MARK: What passes

    private func passes(_ kind: backstay_fault_kind, _ callClass: backstay_fault_class) throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), options)
        let faults = try Faults(folder)
        faults.count()
        try store.set("a", "1")
        faults.fail(kind, callClass, call: try #require(faults.calls(callClass).first))
        let error = failure { try store.set("b", "2") }
        // What poisons would never pass.
        try #require(error?.code == .notYetDurable, "\(error?.description ?? "it went through")")
        #expect(faults.tally.failed > 0)
        faults.lift()
        let unknown = store.committer.last
        #expect(eventually { store.committer.lastDurable == unknown || store.committer.figures.poisoned != nil })
        try #require(store.committer.figures.poisoned == nil)
        #expect(eventually { (try? store.set("c", "3")) != nil })
        store.drop()
        let again = try TinyStore(folder("s"))
        #expect(again.values == ["a": "1", "b": "2", "c": "3"])
        try again.close()
    }

    /// SQLite keeps no errno of a COMMIT that fails.
    @Test func quotaThatIsUsedUpIsAFullDisk() throws { try passes(BACKSTAY_FAULT_EDQUOT, BACKSTAY_FAULT_WRITE) }

    /// SQLite throws its cache away and moves its data version on, as if somebody had written.
    @Test func lockOfTheIndexThatIsNotToBeHadPasses() throws {
        try passes(BACKSTAY_FAULT_BUSY, BACKSTAY_FAULT_SHM_LOCK)
    }

    /// The log's bound goes by what is in it: counted at each try, writers would wait for ever at a bound not reached.
    @Test func batchThatIsTriedAgainCountsOnceInTheLog() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), options)
        let faults = try Faults(folder)
        faults.count()
        try store.set("a", "1")
        let before = store.committer.figures.logBytes
        faults.fail(
            BACKSTAY_FAULT_ENOSPC, BACKSTAY_FAULT_WRITE, call: try #require(faults.calls(BACKSTAY_FAULT_WRITE).first))
        // Larger than the tail, and than the room that is made sure of before.
        #expect(failure { try store.set("b", String(repeating: "x", count: 200_000)) }?.code == .notYetDurable)
        faults.lift()
        let unknown = store.committer.last
        #expect(eventually { store.committer.lastDurable == unknown })
        let counted = store.committer.figures.logBytes - before
        #expect(counted > 200_000 && counted < 201_000, "\(counted) bytes counted")
        store.drop()
    }

    @Test func compactionThatFindsNoSpaceIsNoForeignWrite() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), options)
        for number in 0..<50 { try store.set("key\(number)", String(repeating: "x", count: 4_000)) }
        let faults = try Faults(folder)
        func compact() throws {
            try store.committer.withBackend { (backend) throws(StoreError) in try backend.compact() }
        }
        faults.count()
        try compact()
        let writes = faults.calls(BACKSTAY_FAULT_WRITE)
        // In the middle of the VACUUM's own, not of the SQLite checkpoint behind it.
        faults.fail(BACKSTAY_FAULT_ENOSPC, BACKSTAY_FAULT_WRITE, call: writes[writes.count / 4])
        #expect(failure { try compact() }?.code == .diskFull)
        faults.lift()
        #expect(throws: Never.self) { try store.set("late", "1") }
        #expect(throws: Never.self) { try compact() }
        store.drop()
    }

    /// The VACUUM is committed, and the transaction behind it, in which the store looks what it left, does not begin.
    @Test func compactionWhoseEndIsNotSeenIsNoForeignWrite() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), options)
        try store.set("a", "1")
        let faults = try Faults(folder)
        func compact() throws {
            try store.committer.withBackend { (backend) throws(StoreError) in try backend.compact() }
        }
        // The first one leaves the SQLite WAL as all others find it.
        try compact()
        faults.count()
        try compact()
        let committed = try #require(faults.calls(BACKSTAY_FAULT_SYNC).first)
        // The first one is to read, and SQLite waits long for it.
        let lock = try #require(faults.calls(BACKSTAY_FAULT_SHM_LOCK).filter { $0 > committed }.dropFirst().first)
        faults.fail(BACKSTAY_FAULT_BUSY, BACKSTAY_FAULT_SHM_LOCK, call: lock)
        #expect(failure { try compact() }?.code == .busy)
        faults.lift()
        #expect(throws: Never.self) { try store.set("b", "2") }
        #expect(throws: Never.self) { try compact() }
        store.drop()
    }

    /// What a VACUUM leaves is not taken for somebody else's, and what somebody else writes is found after it.
    @Test func foreignWriteBehindACompactionIsFound() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        try store.set("a", "1")
        try store.committer.withBackend { (backend) throws(StoreError) in try backend.compact() }
        try store.set("b", "2")
        try sqlite3(folder("s/journal.db"), "INSERT INTO meta VALUES('foreign',1)")
        let error = failure { try store.set("c", "3") }
        #expect(error?.code == .ioError && error?.outcome == .unknown)
        store.drop()
    }

    // MARK: Syncs that failed

    /// The run's start may be seen by the next opening without being on the disk: it is written anew.
    @Test func openingWhoseSyncFailedIsWrittenAnew() throws {
        let folder = try TemporaryFolder()
        let path = folder("s")
        try TinyStore(path, options).close()
        let was = identity(path)
        let faults = try Faults(folder)
        faults.count()
        try TinyStore(path, options).close()
        let sync = try #require(faults.calls(BACKSTAY_FAULT_SYNC).first)
        #expect(identity(path) == was)
        faults.fail(BACKSTAY_FAULT_EIO, BACKSTAY_FAULT_SYNC, call: sync)
        #expect(failure { _ = try TinyStore(path, options) }?.code == .ioError)
        faults.lift()
        try TinyStore(path, options).close()
        #expect(identity(path) != was)
    }

    /// The end may be seen by the next opening without being on the disk.
    @Test func endWhoseSyncFailedIsWrittenAnew() throws {
        let folder = try TemporaryFolder()
        func end(_ store: TinyStore) throws {
            _ = store.committer.stop()
            try store.committer.close(marking: RunEnd(.clean, evidence: "test"))
        }
        let faults = try Faults(folder)
        faults.count()
        var store: TinyStore? = try TinyStore(folder("a"), options)
        let before = faults.tally.calls
        try end(try #require(store))
        let last = try #require(faults.calls(BACKSTAY_FAULT_SYNC).last)
        store = try TinyStore(folder("b"), options)
        faults.fail(BACKSTAY_FAULT_EIO, BACKSTAY_FAULT_SYNC, call: last - before)
        #expect(failure { try end(try #require(store)) }?.code == .ioError)
        #expect(faults.tally.failed == 1)
        store = nil
        faults.lift()
        let was = identity(folder("b"))
        try TinyStore(folder("b"), options).close()
        #expect(identity(folder("b")) != was)
    }

    // MARK: Other calls

    /// SQLite opens a file that it may not write for reading, and says so when it writes.
    @Test func databaseThatIsOpenedForReadingOnlyIsRefused() throws {
        let folder = try TemporaryFolder()
        try TinyStore(folder("s")).close()
        let faults = try Faults(folder)
        faults.fail(BACKSTAY_FAULT_EROFS, BACKSTAY_FAULT_OPEN, lasts: false)
        let error = failure { try StateDatabase(folder: Files.resolved(folder("s")), vfs: countingVFS).close() }
        #expect(error?.code == .ioError && faults.tally.failed == 1)
    }

    /// A parameter that cannot be bound, for want of memory mostly, is NULL for SQLite, which says nothing more.
    @Test func parameterThatIsNotBoundIsNoNULL() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.execute("CREATE TABLE t(x)")
        sqlite3_limit(connection.handle, SQLITE_LIMIT_LENGTH, 1_000)
        let insert = try connection.prepare("INSERT INTO t VALUES(?)")
        insert.bind(1, String(repeating: "x", count: 2_000))
        #expect(failure { try insert.run() } != nil)
        #expect(try connection.query("SELECT count(*) FROM t") { $0.int(0) } == 0)
        insert.bind(1, "short")
        try insert.run()
        #expect(try connection.query("SELECT x FROM t") { $0.text(0) } == "short")
        connection.close()
    }
}
