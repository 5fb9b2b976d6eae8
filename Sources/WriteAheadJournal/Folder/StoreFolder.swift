// The store's folder: how one comes to be, whole or not at all.
//
// Creating takes five steps. A crash after any of them leaves either no store or a whole one:
// 1. Make a temporary folder beside the place, with its lock held. A later start removes what a crash left.
// 2. Set up the databases under synchronous=EXTRA, before WAL mode. Otherwise a power cut could bring back a hot
//    rollback journal (https://www.sqlite.org/pragma.html#pragma_synchronous).
// 3. Sync every file and the folder.
// 4. Rename the folder into place. An empty folder there is replaced, anything else is not.
// 5. Sync the parent.

internal import SystemC

/// Classifying, creating and rewriting a store's folder.
package enum StoreFolder {
    /// What is at a path.
    package enum Finding: Sendable, Equatable {
        case nothing
        case emptyFolder
        case store
    }

    /// Looks at a path without changing anything.
    ///
    /// - Throws: `notAStore` for a file, or for a folder that holds something else; `ioError` if the path may not be
    ///   looked at.
    package static func classify(_ path: String) throws(StoreError) -> Finding {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return .nothing }
            throw Files.failure("looking at", path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError(
                .notAStore, "\(path) is a file, a store is a folder: choose another path", location: .init(file: path))
        }
        if stat(path + "/" + JournalSchema.name, &status) == 0 { return .store }
        guard errno == ENOENT else { throw Files.failure("looking at", path) }
        let names = Files.names(in: path)
        if names.isEmpty {
            guard access(path, R_OK | X_OK) == 0 else { throw Files.failure("looking at", path) }
            return .emptyFolder
        }
        let remains = names.contains(StateSchema.name) || names.contains(FolderLock.fileName)
        throw StoreError(
            .notAStore,
            remains
                ? "\(path) looks like a store without its \(JournalSchema.name): restore that file or a backup"
                : "\(path) holds other files (\(names.prefix(3).joined(separator: ", "))): choose another path",
            location: .init(file: path))
    }

    /// Creates a store and takes its lock.
    ///
    /// - Parameters:
    ///   - position: where its log begins; a new history begins at LSN 0.
    ///   - rows: the content of the table `state` as of that position.
    /// - Returns: the lock, or nil if somebody else created a store there first.
    package static func create(
        _ path: String, vfs: String?, storeID: String, position: ChainPosition,
        rows: (_ put: StateRowBody) throws -> Void = { _ in }
    ) throws -> FolderLock? {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let parent = slash == path.startIndex ? "/" : String(path[..<slash])
        let name = String(path[path.index(after: slash)...])
        removeLeftovers(of: name, in: parent)

        let (temporary, lock) = try makeTemporary(of: name, in: parent)
        var made = temporary
        do {
            try createDatabase(temporary + "/" + JournalSchema.name, vfs: vfs) { connection in
                try connection.execute(JournalSchema.schema)
                let put = try connection.prepare("INSERT INTO meta(key,value) VALUES(?,?)")
                put.bind(1, "store_id")
                put.bind(2, storeID)
                try put.run()
                for (key, value) in [
                    ("base_lsn", Int64(bitPattern: position.lsn.value)), ("base_chain", Int64(position.chain)),
                    ("base_epoch", Int64(bitPattern: position.epoch)),
                ] {
                    put.bind(1, key)
                    put.bind(2, value)
                    try put.run()
                }
            }
            try createDatabase(temporary + "/" + StateSchema.name, vfs: vfs) { connection in
                try StateDatabase.fill(connection, storeID: storeID, position: position, rows: rows)
            }
            for file in Files.names(in: temporary) { try Files.synchronize(path: temporary + "/" + file) }
            try Files.synchronize(path: temporary, isFolder: true)
            guard rename(temporary, path) == 0 else {
                let code = errno
                if code == ENOTEMPTY || code == EEXIST || code == ENOTDIR {
                    Files.removeFolder(temporary)
                    return nil
                }
                var failure = Files.failure("creating", path, errno: code)
                if code == EBUSY {
                    failure.message += ": it is a mount point; choose a folder in it, such as \(path)/store"
                }
                throw failure
            }
            // The store is still ours alone: the lock is held.
            made = path
            try Files.synchronize(path: parent, isFolder: true)
            return lock
        } catch {
            Files.removeFolder(made)
            throw error
        }
    }

    private static func createDatabase(_ path: String, vfs: String?, _ fill: (SQLiteConnection) throws -> Void) throws {
        let connection = try SQLiteConnection(path, .create, vfs: vfs)
        defer { connection.close() }
        try connection.pragma("synchronous", "EXTRA", expect: "3")
        try connection.pragma("page_size", "4096", expect: "4096")
        try connection.execute("PRAGMA application_id=\(JournalSchema.applicationID)")
        try connection.execute("PRAGMA user_version=\(JournalSchema.formatVersion)")
        try fill(connection)
        try connection.pragma("journal_mode", "WAL", expect: "wal")
        guard chmod(path, 0o600) == 0 else { throw Files.failure("setting the mode of", path) }
    }

    /// The random name of a store and its history.
    package static func newStoreID() -> String {
        func hex(_ bits: UInt64) -> String {
            let text = String(bits, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return hex(Machine.randomBits()) + hex(Machine.randomBits())
    }

    /// Where the log of a new history begins: before LSN 1, chained to the store's id.
    package static func origin(storeID: String) -> ChainPosition {
        var text = storeID
        return ChainPosition(
            lsn: .zero, chain: text.withUTF8 { RecordFormat.crc(UnsafeRawBufferPointer($0)) }, epoch: 0)
    }

    /// Makes a folder of our own beside the place, with its lock held. Until the lock is held, another creator may take
    /// the folder for a dead creator's and remove it. Then another folder is made.
    private static func makeTemporary(of name: String, in parent: String) throws(StoreError) -> (String, FolderLock) {
        var attempts = 0
        while true {
            attempts += 1
            let folder = "\(parent)/.\(name).creating-\(getpid())-\(String(Machine.randomBits(), radix: 36))"
            guard mkdir(folder, 0o700) == 0 else { throw Files.failure("creating", folder) }
            do throws(StoreError) {
                return (folder, try FolderLock.exclusive(folder: folder, create: true))
            } catch {
                let isRemoved = !Files.exists(folder)
                Files.removeFolder(folder)
                guard isRemoved || error.code == .busy, attempts < 100 else { throw error }
            }
        }
    }

    /// Removes temporary folders of creators that died: their lock is free. It is taken for the removal, so that a
    /// creator who has just made its folder does not lose files that it writes meanwhile.
    private static func removeLeftovers(of name: String, in parent: String) {
        let prefix = ".\(name).creating-"
        for entry in Files.names(in: parent) where entry.hasPrefix(prefix) {
            let folder = parent + "/" + entry
            // What a link points to is none of ours.
            guard Files.isFolder(folder) else { continue }
            let pid = entry.dropFirst(prefix.count).prefix { $0 != "-" }
            if let pid = Int32(pid), pid != getpid(), Machine.isAlive(pid) { continue }
            guard let lock = try? FolderLock.exclusive(folder: folder, create: true, patience: 0) else { continue }
            withExtendedLifetime(lock) { Files.removeFolder(folder) }
        }
    }

    /// Writes every database file's bytes into new files and renames these over the old ones. After a failed sync the
    /// kernel may hold pages that it believes clean and that the disk never got. Only new writes are known to reach it.
    static func rewriteFiles(_ folder: String) throws(StoreError) {
        for name in [JournalSchema.name, JournalSchema.name + "-wal", StateSchema.name, StateSchema.name + "-wal"] {
            let path = folder + "/" + name
            guard Files.exists(path) else { continue }
            let copy = path + ".rewrite"
            unlink(copy)
            do throws(StoreError) {
                try Files.copyFile(path, to: copy)
                guard rename(copy, path) == 0 else { throw Files.failure("renaming", copy) }
            } catch {
                // Half a copy would keep the last space from whoever frees some.
                unlink(copy)
                throw error
            }
        }
        for name in [JournalSchema.name + "-shm", StateSchema.name + "-shm"] { unlink(folder + "/" + name) }
        try Files.synchronize(path: folder, isFolder: true)
    }
}
