// Keeps other programs from running an SQLite checkpoint on a database of ours while we write to it.
//
// SQLite 3.7.0 to 3.51.2 can corrupt a database if one connection commits while another begins a checkpoint
// (https://sqlite.org/releaselog/3_51_3.html). Whoever runs a checkpoint holds lock 1 of the WAL's index exclusively
// (WAL_CKPT_LOCK, https://www.sqlite.org/walformat.html#wal_locks). So a writing connection of ours takes that lock in
// its first write transaction, and gives it up only while it runs a checkpoint itself. A checkpoint of others is then
// "busy". Their reads and backups do not take the lock.
//
// The rule that makes it sound: no transaction of ours writes anything before the lock is held. If another program is
// running a checkpoint just then, the transaction ends as busy. It is tried again like any that met SQLite's locks.
//
// It is SQLite's own lock, taken through the file object's methods. It ends with the connection, whichever way the
// process ends. Like every POSIX lock, it also ends if the process closes a descriptor of the -shm file itself.

internal import CSQLite

/// SQLite's checkpoint lock, as one writing connection holds it.
struct CheckpointGuard {
    private(set) var isHeld = false

    /// Takes the lock. Inside a transaction, or after one: the WAL's index is mapped then.
    ///
    /// - Throws: `busy` while another program runs a checkpoint.
    mutating func hold(_ connection: SQLiteConnection) throws(StoreError) {
        guard !isHeld else { return }
        let result = connection.lockCheckpoints(SQLITE_SHM_LOCK)
        guard result == SQLITE_OK else {
            throw SQLiteConnection.error(
                for: result, system: 0, text: String(cString: sqlite3_errstr(result)), doing: "locking",
                path: connection.path)
        }
        isHeld = true
    }

    /// Gives the lock up before a checkpoint of our own: SQLite takes it for that.
    mutating func release(_ connection: SQLiteConnection) {
        guard isHeld else { return }
        _ = connection.lockCheckpoints(SQLITE_SHM_UNLOCK)
        isHeld = false
    }
}

extension SQLiteConnection {
    fileprivate func lockCheckpoints(_ action: Int32) -> Int32 {
        guard let (file, methods) = databaseFile, let lock = methods.xShmLock else { return CSQLITE_IOERR_SHMLOCK }
        return lock(file, 1, 1, action | SQLITE_SHM_EXCLUSIVE)
    }

    /// SQLite's own object for the database's file; nil if its VFS has no WAL.
    var databaseFile: (UnsafeMutablePointer<sqlite3_file>, sqlite3_io_methods)? {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK, let file,
            let methods = file.pointee.pMethods?.pointee, methods.iVersion >= 2
        else { return nil }
        return (file, methods)
    }
}
