// What a result of SQLite means to us. One of its codes and the system's errno become a StoreError that says what to
// do.
//
// SQLite does not always keep the errno, and sometimes calls a failed read damage: docs/sqlite.md.

internal import CSQLite
internal import SystemC

/// SQLite's results as errors of ours.
extension SQLiteConnection {
    /// Whether the last call failed for want of memory.
    var lacksMemory: Bool { sqlite3_errcode(handle) & 0xff == SQLITE_NOMEM }

    func failure(_ result: Int32, _ doing: String, _ errno: Int32 = 0) -> StoreError {
        Self.failure(handle, result, doing, path, errno)
    }

    /// - Parameter errno: what the failing call left there, if it was 0 before the call.
    static func failure(
        _ handle: OpaquePointer?, _ result: Int32, _ doing: String, _ path: String, _ errno: Int32 = 0
    ) -> StoreError {
        let extended = handle.map { sqlite3_extended_errcode($0) } ?? result
        let code = extended & 0xff == result & 0xff ? extended : result
        var system = handle.map { sqlite3_system_errno($0) } ?? 0
        if let handle, let noted = errnoOfFiles(handle, code) {
            system = noted
            if code & 0xff == SQLITE_CORRUPT {
                // A read that failed, which SQLite calls "malformed".
                return StoreError(
                    .ioError, "reading \(path) failed: \(Files.text(of: noted))", cause: SQLITE_IOERR,
                    location: .init(file: path))
            }
        } else if system == 0 && isSpace(errno) {
            // The rollback journal is closed by now, and its note is gone with it.
            system = errno
        }
        let text = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(result))
        return error(for: code, system: system, text: text, doing: doing, path: path)
    }

    /// The errno that SQLite's VFS noted with its files; nil if it tells nothing about this code.
    ///
    /// SQLite itself keeps no errno if a COMMIT fails, so an exceeded quota could not be told from a broken disk. It
    /// also makes SQLITE_CORRUPT of a read that failed with EIO (https://www.sqlite.org/rescode.html#ioerr_corruptfs).
    /// The notes are never cleared. So if two differ, the one that is not about space counts.
    private static func errnoOfFiles(_ handle: OpaquePointer, _ code: Int32) -> Int32? {
        let isCorrupt = code & 0xff == SQLITE_CORRUPT
        guard isCorrupt || code & 0xff == SQLITE_IOERR && 1...8 ~= code >> 8 else { return nil }
        var journal: UnsafeMutablePointer<sqlite3_file>?
        var database: Int32 = 0
        var wal: Int32 = 0
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &database)
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal)
        if let journal, let methods = journal.pointee.pMethods {
            _ = methods.pointee.xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &wal)
        }
        let noted = [wal, database].filter { $0 != 0 }
        if isCorrupt { return noted.first { $0 == EIO || $0 == ENXIO || $0 == ERANGE } }
        return noted.first { !isSpace($0) } ?? noted.first
    }

    private static func isSpace(_ errno: Int32) -> Bool {
        errno == ENOSPC || errno == EDQUOT || errno == EFBIG
    }

    /// Which of our errors a result of SQLite is. Pure, so that the test walks every case.
    static func error(for code: Int32, system: Int32, text: String, doing: String, path: String) -> StoreError {
        let place = StoreError.Location(file: path)
        let isSpace = isSpace(system)
        // A failed sync is never "disk full", whatever errno says: what it left on the disk is not known.
        let isSync = code == CSQLITE_IOERR_FSYNC || code == CSQLITE_IOERR_DIR_FSYNC
        switch code & 0xff {
        case SQLITE_FULL:
            return StoreError(
                .diskFull, "no space left while \(doing) \(path): free some space and try again", cause: code,
                location: place)
        case SQLITE_IOERR where !isSync && (isSpace || code == CSQLITE_IOERR_SHMSIZE),
            SQLITE_CANTOPEN where isSpace:
            return StoreError(
                .diskFull, "no space left while \(doing) \(path): free some space and try again", cause: code,
                location: place)
        // "Locking protocol": the locks of the WAL's index were not to be had for ten seconds.
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
            return StoreError(
                .busy, "another program holds SQLite's lock on \(path): close it and try again", cause: code,
                location: place)
        case SQLITE_NOTADB:
            return StoreError(.notAStore, "\(path) is not an SQLite database", cause: code, location: place)
        case SQLITE_ERROR where text.hasPrefix("no such table") || text.hasPrefix("no such column"):
            return StoreError(
                .damaged, "\(path) lacks what every store has: \(text)", cause: code, location: place)
        // What the store writes never breaks a constraint and is never too large. So rows that are there were altered.
        case SQLITE_CORRUPT, SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH:
            return StoreError(.damaged, "\(path) is malformed: \(text)", cause: code, location: place)
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
            let reason = system == 0 ? text : Files.text(of: system)
            return StoreError(
                .ioError, "\(doing) \(path) failed: \(reason); check that it is there, its owner and its mode",
                cause: code, location: place)
        default:
            let reason = system == 0 ? text : "\(text): \(Files.text(of: system))"
            return StoreError(.ioError, "\(doing) \(path) failed: \(reason)", cause: code, location: place)
        }
    }
}
