// Tells whether somebody else has written to a database of ours since the last look.
//
// SQLite's `data_version` changes with every commit of another connection
// (https://www.sqlite.org/pragma.html#pragma_data_version). It also changes if this connection's own cache was
// discarded: after a lock that was not to be had, or after a VACUUM that was rolled back. So if it differs, the number
// of commits in the header of the WAL's index decides. Every commit of anybody adds one to it, and nothing else does.
//
// The rule that makes it sound: both numbers are read inside a transaction of ours, which keeps other writers out.

internal import CSQLite

/// The two numbers of the last look, and the comparison with what they are now.
struct ForeignWrites {
    private var version: Int64 = 0
    /// Nil if SQLite does not hand out the index: the version alone counts then.
    private var commits: UInt32?
    /// The next look takes whatever it finds for ours.
    private var isUnknown = false

    /// Call it before a VACUUM, which commits any number of times or is rolled back. Until the next look no foreign
    /// write is found.
    mutating func disregard() { isUnknown = true }

    /// Takes the present numbers for ours. Inside a transaction.
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
    /// `iChange` of the header of the WAL's index (https://www.sqlite.org/walformat.html#the_wal_index_header). It is
    /// in the machine's byte order, after the version and an unused word.
    fileprivate var commitsInWALIndex: UInt32? {
        guard let (file, methods) = databaseFile, let map = methods.xShmMap else { return nil }
        // SQLite has mapped this region already, with this size, so the same address is handed out.
        var region: UnsafeMutableRawPointer?
        guard map(file, 0, 32_768, 0, &region) == SQLITE_OK, let region else { return nil }
        return region.load(fromByteOffset: 8, as: UInt32.self)
    }
}
