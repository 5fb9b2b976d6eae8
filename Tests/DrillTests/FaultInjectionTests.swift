// The VFS that fails as told: which call, with what, and what is left of the pages.

import CFaultVFS
import CSQLite
@testable import Drill
import Testing
import WriteAheadJournal

import SystemC

@Suite struct FaultInjectionTests {
    /// A folder with a database in WAL mode and its shadow, gone with the test.
    private final class Place {
        let base: String
        let folder: String
        let disk: String
        private(set) var handle: OpaquePointer?

        init(opens: Bool = true) throws {
            var template = Array("/tmp/backstay-faults-XXXXXX".utf8CString)
            base = try Files.resolved(String(cString: try #require(mkdtemp(&template))))
            folder = base + "/real"
            disk = base + "/disk"
            for path in [folder, disk] { mkdir(path, 0o700) }
            try FaultVFS.register(folder: folder, shadow: disk) { $0.adopts = true }
            guard opens else { return }
            try #require(open() == SQLITE_OK)
            try #require(
                run("PRAGMA synchronous=EXTRA; CREATE TABLE t(x); PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0")
                    == SQLITE_OK)
            // From here on each insert makes the same calls.
            try #require(
                run("INSERT INTO t VALUES(0); DELETE FROM t; INSERT INTO t VALUES(0); DELETE FROM t") == SQLITE_OK)
        }

        deinit {
            backstay_fault_end(folder)
            sqlite3_close_v2(handle)
            folder.withCString { backstay_fault_unshadow($0) }
            Files.removeFolder(base)
        }

        func open() -> Int32 {
            let result = sqlite3_open_v2(
                folder + "/a.db", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, BACKSTAY_FAULT_VFS_NAME)
            sqlite3_extended_result_codes(handle, 1)
            return result
        }

        func close() {
            sqlite3_close_v2(handle)
            handle = nil
        }

        /// The result, as SQLite extends it.
        func run(_ sql: String) -> Int32 { sqlite3_exec(handle, sql, nil, nil, nil) }

        func rows() -> Int64 { Self.rows(handle) }

        private static func rows(_ handle: OpaquePointer?) -> Int64 {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(handle, "SELECT count(*) FROM t", -1, &statement, nil) == SQLITE_OK,
                sqlite3_step(statement) == SQLITE_ROW
            else { return -1 }
            return sqlite3_column_int64(statement, 0)
        }

        /// The rows that a start after a power cut finds.
        func rowsOnDisk() throws -> Int64 {
            let copy = base + "/copy"
            Files.removeFolder(copy)
            mkdir(copy, 0o700)
            for name in Files.names(in: disk) { try Files.copyFile(disk + "/" + name, to: copy + "/" + name) }
            var handle: OpaquePointer?
            defer { sqlite3_close_v2(handle) }
            guard sqlite3_open_v2(copy + "/a.db", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else { return -1 }
            return Self.rows(handle)
        }

        func fail(
            _ kind: backstay_fault_kind, _ classes: [backstay_fault_class], call: UInt64, lasts: Bool = false,
            pages: backstay_fault_pages = BACKSTAY_PAGES_STAY_DIRTY, flaw: backstay_flaw = BACKSTAY_FLAW_NONE
        ) {
            folder.withCString { folder in
                var fault = backstay_fault()
                fault.folder = folder
                fault.store = folder
                fault.call = call
                fault.kind = kind
                fault.lasts = lasts
                fault.lasting_classes = classes.reduce(0) { $0 | 1 << $1.rawValue }
                fault.pages = pages
                fault.seed = 5
                fault.flaw = flaw
                backstay_fault_set(&fault)
            }
        }

        /// What the WAL's file says went wrong last.
        func errnoOfWAL() -> Int32 {
            var file: UnsafeMutablePointer<sqlite3_file>?
            sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
            var last: Int32 = -1
            if let file { _ = file.pointee.pMethods?.pointee.xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &last) }
            return last
        }

        /// The numbers of the calls of a class that a statement makes.
        func calls(_ wanted: backstay_fault_class, of sql: String) throws -> [UInt64] {
            fail(BACKSTAY_FAULT_EIO, [], call: 0)
            try #require(run(sql) == SQLITE_OK)
            var classes = [UInt8](repeating: 0, count: 1_000)
            let count = backstay_fault_trace(folder, &classes, 1_000)
            return (0..<Int(count)).filter { classes[$0] == UInt8(wanted.rawValue) }.map { UInt64($0 + 1) }
        }
    }

    struct Ending: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var kind: backstay_fault_kind
        var callClass: backstay_fault_class
        var code: Int32
        var system: Int32
    }

    private static func extended(_ number: Int32) -> Int32 { SQLITE_IOERR | number << 8 }

    @Test(arguments: [
        Ending(
            testDescription: "EIO of a write", kind: BACKSTAY_FAULT_EIO, callClass: BACKSTAY_FAULT_WRITE,
            code: extended(3), system: EIO),
        Ending(
            testDescription: "ENOSPC of a write", kind: BACKSTAY_FAULT_ENOSPC, callClass: BACKSTAY_FAULT_WRITE,
            code: SQLITE_FULL, system: 0),
        Ending(
            testDescription: "EDQUOT of a write", kind: BACKSTAY_FAULT_EDQUOT, callClass: BACKSTAY_FAULT_WRITE,
            code: extended(3), system: EDQUOT),
        Ending(
            testDescription: "ENOSPC of a sync", kind: BACKSTAY_FAULT_ENOSPC, callClass: BACKSTAY_FAULT_SYNC,
            code: extended(4), system: ENOSPC),
        Ending(
            testDescription: "EINTR of a sync", kind: BACKSTAY_FAULT_EINTR, callClass: BACKSTAY_FAULT_SYNC,
            code: extended(4), system: EINTR),
        Ending(
            testDescription: "no memory for a write", kind: BACKSTAY_FAULT_ENOMEM, callClass: BACKSTAY_FAULT_WRITE,
            code: SQLITE_NOMEM, system: ENOMEM),
        Ending(
            testDescription: "a lock of the index that another holds", kind: BACKSTAY_FAULT_BUSY,
            callClass: BACKSTAY_FAULT_SHM_LOCK, code: SQLITE_OK, system: 0),
    ])
    func callEndsAsTheKernelsErrorIsTold(ending: Ending) throws {
        let place = try Place()
        let insert = "INSERT INTO t VALUES(1)"
        let call = try #require(place.calls(ending.callClass, of: insert).first)
        place.fail(ending.kind, [ending.callClass], call: call)
        #expect(place.run(insert) == ending.code)
        // SQLite itself keeps no errno of a commit; the file does.
        #expect(place.errnoOfWAL() == ending.system)
        let tally = backstay_fault_tally_of(place.folder)
        #expect(tally.failed == 1 && tally.failed_class == ending.callClass)
        #expect(place.run(insert) == SQLITE_OK, "it fails once")
    }

    @Test func lastingFaultHitsItsClassesUntilItIsLifted() throws {
        let place = try Place()
        let insert = "INSERT INTO t VALUES(1)"
        let call = try #require(place.calls(BACKSTAY_FAULT_WRITE, of: insert).first)
        place.fail(BACKSTAY_FAULT_ENOSPC, [BACKSTAY_FAULT_WRITE], call: call, lasts: true)
        for _ in 0..<3 { #expect(place.run(insert) == SQLITE_FULL) }
        #expect(place.rows() == 1, "reads go on")
        backstay_fault_lift(place.folder)
        #expect(place.run(insert) == SQLITE_OK)
        #expect(place.rows() == 2)
    }

    @Test func filesElsewhereDoNotFail() throws {
        let place = try Place()
        let other = try Place()
        place.fail(BACKSTAY_FAULT_EIO, [BACKSTAY_FAULT_WRITE, BACKSTAY_FAULT_READ], call: 1, lasts: true)
        #expect(other.run("INSERT INTO t VALUES(1)") == SQLITE_OK)
        #expect(backstay_fault_tally_of(place.folder).calls == 0)
        #expect(place.run("INSERT INTO t VALUES(1)") != SQLITE_OK)
    }

    @Test func readThatFailsIsToldAsTheSystemsVFSTellsIt() throws {
        let place = try Place()
        try #require(place.run("INSERT INTO t VALUES(1); PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK)
        place.close()
        try #require(place.open() == SQLITE_OK)
        let select = "SELECT x FROM t"
        try #require(place.run("SELECT 1 FROM sqlite_schema") == SQLITE_OK, "the schema is read before")
        let call = try #require(place.calls(BACKSTAY_FAULT_READ, of: select).last)
        place.close()
        try #require(place.open() == SQLITE_OK)
        try #require(place.run("SELECT 1 FROM sqlite_schema") == SQLITE_OK)
        place.fail(BACKSTAY_FAULT_EIO, [BACKSTAY_FAULT_READ], call: call)
        // SQLite turns an EIO of its VFS for Unix into "malformed"; only the file's errno tells.
        #expect(place.run(select) & 0xff == SQLITE_CORRUPT)
        var last: Int32 = 0
        sqlite3_file_control(place.handle, "main", SQLITE_FCNTL_LAST_ERRNO, &last)
        #expect(last == EIO)
    }

    @Test func halfOfAWriteIsThereAfterItsError() throws {
        let place = try Place()
        let before = Files.size(place.folder + "/a.db-wal") ?? 0
        let writes = try place.calls(BACKSTAY_FAULT_WRITE, of: "INSERT INTO t VALUES(1)")
        let after = try #require(Files.size(place.folder + "/a.db-wal"))
        try #require(after > before && writes.count >= 2)
        place.fail(BACKSTAY_FAULT_HALF_EIO, [BACKSTAY_FAULT_WRITE], call: writes[1])
        #expect(place.run("INSERT INTO t VALUES(2)") == Self.extended(3))
        #expect(Files.size(place.folder + "/a.db-wal") == after + 24 + 2_048)
        #expect(place.rows() == 1)
    }

    @Test func readOnlyFileSystemLeavesAReadOnlyDescriptor() throws {
        let place = try Place()
        place.close()
        place.fail(BACKSTAY_FAULT_EROFS, [BACKSTAY_FAULT_OPEN], call: 1)
        try #require(place.open() == SQLITE_OK)
        #expect(sqlite3_db_readonly(place.handle, "main") == 1)
        #expect(place.run("INSERT INTO t VALUES(1)") & 0xff == SQLITE_READONLY)
    }

    struct Pages: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var model: backstay_fault_pages
        /// Rows that a new process sees after the failed commit; nil where it is not said.
        var seen: ClosedRange<Int64>
        /// Rows on the disk after it, and after the next commit that is synced.
        var onDisk: ClosedRange<Int64>
        var later: ClosedRange<Int64>
    }

    /// One row is synced; the sync of the second fails; the same connection writes a third.
    @Test(arguments: [
        Pages(
            testDescription: "stay dirty", model: BACKSTAY_PAGES_STAY_DIRTY, seen: 2...2, onDisk: 1...1, later: 2...3),
        Pages(testDescription: "clean", model: BACKSTAY_PAGES_CLEAN, seen: 2...2, onDisk: 1...1, later: 1...3),
        Pages(
            testDescription: "as the disk has them", model: BACKSTAY_PAGES_REVERTED, seen: 1...1, onDisk: 1...1,
            later: 1...3),
        Pages(
            testDescription: "some got there", model: BACKSTAY_PAGES_PARTLY, seen: 2...2, onDisk: 1...2, later: 1...3),
    ])
    func failedSyncLeavesThePagesAsTold(pages: Pages) throws {
        let place = try Place()
        let syncs = try place.calls(BACKSTAY_FAULT_SYNC, of: "INSERT INTO t VALUES(1)")
        #expect(try place.rowsOnDisk() == 1)
        place.fail(BACKSTAY_FAULT_EIO, [BACKSTAY_FAULT_SYNC], call: try #require(syncs.first), pages: pages.model)
        #expect(place.run("INSERT INTO t VALUES(2)") == Self.extended(4))
        // What a process that opens the files now would read: their bytes.
        let copy = place.base + "/seen"
        mkdir(copy, 0o700)
        for name in ["a.db", "a.db-wal"] {
            try Files.copyFile(place.folder + "/" + name, to: copy + "/" + name)
        }
        var handle: OpaquePointer?
        try #require(sqlite3_open_v2(copy + "/a.db", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        var statement: OpaquePointer?
        try #require(sqlite3_prepare_v2(handle, "SELECT count(*) FROM t", -1, &statement, nil) == SQLITE_OK)
        try #require(sqlite3_step(statement) == SQLITE_ROW)
        #expect(pages.seen.contains(sqlite3_column_int64(statement, 0)))
        sqlite3_finalize(statement)
        sqlite3_close_v2(handle)
        #expect(pages.onDisk.contains(try place.rowsOnDisk()))
        #expect(backstay_fault_tally_of(place.folder).resynced == 0)
        #expect(place.run("INSERT INTO t VALUES(3)") == SQLITE_OK)
        #expect(pages.later.contains(try place.rowsOnDisk()))
        #expect(backstay_fault_tally_of(place.folder).resynced == 1)
    }

    @Test func engineThatTriesASyncAgainLosesWhatItAcknowledged() throws {
        for flaw in [BACKSTAY_FLAW_RETRIES_SYNC, BACKSTAY_FLAW_SWALLOWS_SYNC_ERROR] {
            let place = try Place()
            let syncs = try place.calls(BACKSTAY_FAULT_SYNC, of: "INSERT INTO t VALUES(1)")
            place.fail(
                BACKSTAY_FAULT_EIO, [BACKSTAY_FAULT_SYNC], call: try #require(syncs.first),
                pages: BACKSTAY_PAGES_CLEAN, flaw: flaw)
            #expect(place.run("INSERT INTO t VALUES(2)") == SQLITE_OK)
            #expect(place.rows() == 2)
            #expect(try place.rowsOnDisk() == 1)
        }
    }
}
