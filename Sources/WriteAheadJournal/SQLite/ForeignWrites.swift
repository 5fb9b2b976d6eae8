// Whether somebody else has written to a database of ours since the last time we looked.
//
// SQLite's `data_version` changes with every commit of another connection
// (https://www.sqlite.org/pragma.html#pragma_data_version). It also changes when this connection's own cache was thrown
// away: after a lock that could not be had, or a VACUUM that was rolled back. So where it differs, the number of commits in
// the header of the WAL's index decides: every commit of anybody adds one, and nothing else does.
//
// The rule that makes it sound: both are read inside a transaction of ours, which keeps other writers out.

internal import CSQLite

struct ForeignWrites {
    private var version: Int64 = 0
    /// Nil where SQLite does not hand out the index: then the version alone counts.
    private var commits: UInt32?
    /// What is found next is ours, whatever it is.
    private var isUnknown = false

    /// Before something that commits as often as it likes, or is rolled back: a VACUUM. Until the next look nobody else's
    /// writing is found.
    mutating func disregard() { isUnknown = true }

    /// Takes things as they are for ours. Inside a transaction.
    mutating func accept(version: Int64, _ connection: SQLiteConnection) {
        self.version = version
        commits = connection.commitsInWALIndex
        isUnknown = false
    }

    /// Whether there was a commit that is not ours. Inside a transaction.
    mutating func haveHappened(version now: Int64, _ connection: SQLiteConnection) -> Bool {
        if isUnknown {
            accept(version: now, connection)
            return false
        }
        guard now != version else { return false }
        guard let commits, connection.commitsInWALIndex == commits else {
            return true
        }
        version = now
        return false
    }

    /// Our transaction was committed, and it had something to commit.
    mutating func noteCommit() { commits = commits.map { $0 &+ 1 } }
}

extension SQLiteConnection {
    /// `iChange` of the header of the WAL's index (https://www.sqlite.org/walformat.html#the_wal_index_header): in the
    /// machine's byte order, behind the version and an unused word.
    fileprivate var commitsInWALIndex: UInt32? {
        guard let (file, methods) = databaseFile, let map = methods.xShmMap else { return nil }
        // SQLite has this region mapped already, with this size: the same address is handed out.
        var region: UnsafeMutableRawPointer?
        guard map(file, 0, 32_768, 0, &region) == SQLITE_OK, let region else { return nil }
        return region.load(fromByteOffset: 8, as: UInt32.self)
    }
}
