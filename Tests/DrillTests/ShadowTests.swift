// The VFS of power cuts: what is on its disk, and what is not.
//
// It has one configuration per process, so all of it is one test.

import CFaultVFS
import CSQLite
@testable import Drill
import Testing
import WriteAheadJournal

import SystemC

@Suite struct ShadowTests {
    private final class Database {
        let handle: OpaquePointer

        init(_ path: String, vfs: String?) throws {
            var handle: OpaquePointer?
            let result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs)
            self.handle = try #require(handle)
            try #require(result == SQLITE_OK)
        }

        deinit { sqlite3_close_v2(handle) }

        func run(_ sql: String) throws {
            let result = sqlite3_exec(handle, sql, nil, nil, nil)
            try #require(result == SQLITE_OK, "\(sql): \(String(cString: sqlite3_errmsg(handle)))")
        }

        func number(_ sql: String) -> Int64 {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
                sqlite3_step(statement) == SQLITE_ROW
            else { return -1 }
            return sqlite3_column_int64(statement, 0)
        }
    }

    /// The rows that a start after a power cut at this moment finds; -1 where the database does not open.
    private func rows(onDisk disk: String, _ base: String) throws -> Int64 {
        let copy = base + "/copy"
        Files.removeFolder(copy)
        mkdir(copy, 0o700)
        for name in Files.names(in: disk) { try Files.copyFile(disk + "/" + name, to: copy + "/" + name) }
        return try Database(copy + "/a.db", vfs: nil).number("SELECT count(*) FROM t")
    }

    @Test func onlySyncedBytesReachTheDisk() throws {
        var template = Array("/tmp/backstay-shadow-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let base = try Files.resolved(String(cString: made))
        defer {
            Files.removeFolder(base + "/copy")
            Files.removeFolder(base)
        }
        let folder = base + "/real"
        let disk = base + "/disk"
        for path in [folder, disk] { mkdir(path, 0o700) }
        try FaultVFS.register(folder: folder, shadow: disk)
        try FaultVFS.register()
        #expect(sqlite3_vfs_find("unix-none") != nil, "a second registration leaves SQLite's others")
        let before = backstay_fault_calls()

        let database = try Database(folder + "/a.db", vfs: BACKSTAY_FAULT_VFS_NAME)
        try database.run(
            "PRAGMA synchronous=EXTRA; CREATE TABLE t(x); PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0")
        #expect(try rows(onDisk: disk, base) == 0)
        try database.run("PRAGMA synchronous=FULL; INSERT INTO t VALUES(1)")
        #expect(try rows(onDisk: disk, base) == 1)

        // Commits that are not synced are in the file and not on the disk; a later synced one brings them along.
        try database.run("PRAGMA synchronous=OFF; INSERT INTO t VALUES(2); INSERT INTO t VALUES(3)")
        #expect(database.number("SELECT count(*) FROM t") == 3)
        #expect(try rows(onDisk: folder, base) == 3)
        #expect(try rows(onDisk: disk, base) == 1)
        try database.run("PRAGMA synchronous=FULL; INSERT INTO t VALUES(4)")
        #expect(try rows(onDisk: disk, base) == 4)

        // A checkpoint syncs the log, then the database file; rewinding the log costs nothing.
        try database.run("INSERT INTO t VALUES(5); PRAGMA wal_checkpoint(TRUNCATE)")
        #expect(try rows(onDisk: disk, base) == 5)
        try database.run("INSERT INTO t VALUES(6)")
        #expect(try rows(onDisk: disk, base) == 6)
        #expect(backstay_fault_calls() > before)

        // A file outside the folder has no shadow.
        let other = try Database(base + "/other.db", vfs: BACKSTAY_FAULT_VFS_NAME)
        try other.run("CREATE TABLE t(x)")
        #expect(!Files.exists(disk + "/other.db"))

        // A read-only connection in exclusive mode reads the log without a lock that it cannot have.
        var handle: OpaquePointer?
        try #require(
            sqlite3_open_v2(folder + "/a.db", &handle, SQLITE_OPEN_READONLY, BACKSTAY_FAULT_VFS_NAME) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        #expect(
            sqlite3_exec(handle, "PRAGMA locking_mode=EXCLUSIVE; SELECT count(*) FROM t", nil, nil, nil) == SQLITE_OK)
    }
}
