// Makes a new store of everything in a damaged one that still checks.
//
// The damaged store is only read. Its files are first copied under its lock, and SQLite and we repair in the copy
// alone. The new store is another history and has an id of its own. Its log is empty and continues after the last LSN
// that was seen, so no LSN is given twice.
//
// Its values are the rows of `state` whose hash matches, then the good records after the table's checkpoint, in order.
// There are two exceptions:
// - If a row does not check, or is gone, the newest good record of its key that the log still has counts.
// - If `meta` of state.db cannot be read, all good records count, so the last one of each key wins.

internal import SystemC

/// The result of a salvage: the new store, and what is not in it.
package struct Salvage: Sendable {
    /// The folder of the new store.
    package private(set) var path = ""
    /// The number of keys in it, those of named states included.
    package private(set) var rows = 0
    /// The number of good records that were found in the log and the tail.
    package private(set) var records = 0
    /// The last LSN that was seen. The new store continues after it.
    package private(set) var lastLSN = LSN.zero
    /// What is not in the new store, or may be missing there.
    package private(set) var dropped: [StoreSurvey.Finding] = []
    /// Bytes of an SQLite WAL that were altered. They are right in the new store.
    package private(set) var repaired: [String] = []

    private struct Value {
        var kind: UInt8
        var bytes: [UInt8]
    }

    private var values: [RowKey: Value] = [:]

    /// - Parameter destination: a path with nothing at it, or an empty folder; its parent must exist.
    /// - Throws: `busy` while somebody owns the store; `notAStore` if neither database is there, or if something is at
    ///   the destination. Nothing is left at the destination then.
    package init(_ path: String, to destination: String, vfs: String? = nil) throws {
        let folder = try Files.resolved(path)
        let place = try Files.resolved(destination)
        guard Files.exists(folder + "/" + JournalSchema.name) || Files.exists(folder + "/" + StateSchema.name)
        else {
            throw StoreError(.notAStore, "there is no store at \(folder)", location: .init(file: folder))
        }
        guard Files.names(in: place).isEmpty, !Files.exists(place) || Files.size(place + "/.") != nil else {
            throw StoreError(
                .notAStore, "\(place) is not empty: choose a path where nothing is", location: .init(file: place))
        }
        let copy = "\(place).salvage-\(getpid())-\(String(Machine.randomBits(), radix: 36))"
        guard mkdir(copy, 0o700) == 0 else { throw Files.failure("creating", copy) }
        defer { Files.removeFolder(copy) }
        let unread = try Self.copyFiles(folder, to: copy)
        repair(copy)
        let checkpoint = try read(copy, vfs)
        dropped += unread
        try make(place, vfs, checkpoint)
        self.path = place
    }

    /// Copies the files as they are, while nobody writes.
    ///
    /// - Returns: what could not be read; the copy has zeros there.
    private static func copyFiles(_ folder: String, to copy: String) throws(StoreError) -> [StoreSurvey.Finding] {
        var lock: FolderLock?
        if Files.exists(folder + "/" + FolderLock.fileName) {
            lock = try FolderLock.shared(folder: folder)
            guard lock != nil else {
                throw StoreError(
                    .busy, "\(folder) is in use: a store that somebody has open needs no salvage; close it first",
                    location: .init(file: folder))
            }
        }
        defer { lock?.release() }
        var unread: [StoreSurvey.Finding] = []
        for name in [
            JournalSchema.name, JournalSchema.name + "-wal", StateSchema.name, StateSchema.name + "-wal",
            RunPage.fileName,
            TailFormat.fileName,
        ] {
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            for gap in try ReadableCopy.make(folder + "/" + name, to: copy + "/" + name) {
                unread.append(
                    StoreSurvey.Finding(
                        check: "store", message: "\(gap.count) bytes cannot be read",
                        location: .init(file: folder + "/" + name, bytes: gap)))
            }
        }
        return unread
    }

    private mutating func repair(_ copy: String) {
        for name in [JournalSchema.name, StateSchema.name] {
            do throws(StoreError) {
                let file = try DatabaseInspection(folder: copy, name: name)
                guard let done = file.repairsText else { continue }
                try file.repair()
                repaired.append(String(done.dropFirst(copy.utf8.count + 1)) + ": repaired in the new store")
            } catch {
                // The survey finds it again, and reports it.
                continue
            }
        }
    }

    /// - Returns: the checkpoint of the table that was read.
    private mutating func read(_ copy: String, _ vfs: String?) throws -> LSN {
        let survey = StoreSurvey(folder: copy, isLive: false, vfs: vfs)
        var rows: [RowKey: Value] = [:]
        let meta = survey.state { name, key, kind, bytes in
            rows[RowKey(name: name, key: key)] = Value(kind: kind, bytes: bytes)
        }
        values = rows
        let checkpoint = meta?.checkpoint.lsn ?? .zero
        let isTableWhole = !survey.findings.contains { $0.check == "state" }
        var newest = checkpoint
        var count = 0
        var changed = values
        var unreadable: [LSN] = []
        let log = try survey.records { record in
            count += 1
            newest = max(newest, record.lsn)
            let isInTable = record.lsn <= checkpoint
            guard record.kind == .changes, !isInTable || !isTableWhole else { return }
            do {
                try OperationCodec.read(record.body) { operation in
                    let key = RowKey(name: [UInt8](operation.name), key: [UInt8](operation.key))
                    // A row that checks is no older than any record of its key that the table already contains.
                    if isInTable && rows[key] != nil { return }
                    changed[key] =
                        operation.code == .remove
                        ? nil : Value(kind: operation.kind, bytes: [UInt8](operation.value))
                }
            } catch is OperationCodec.Malformed {
                unreadable.append(record.lsn)
            }
        }
        values = changed
        records = count
        lastLSN = max(newest, log?.end.lsn ?? .zero)
        dropped = survey.findings.filter { finding in
            // Damage to records that a whole table contains costs nothing.
            guard finding.check == "journal" || finding.check == "tail", let lsns = finding.lsns else { return true }
            return lsns.upperBound > checkpoint.value || meta == nil || !isTableWhole
        }
        dropped += unreadable.map {
            StoreSurvey.Finding(
                check: "journal", message: "the record's operations cannot be read", lsns: $0.value...$0.value)
        }
        // When this is read the copy is gone, so a place in it is named without its folder.
        for index in dropped.indices {
            if let file = dropped[index].location?.file, file.hasPrefix(copy + "/") {
                dropped[index].location?.file = String(file.dropFirst(copy.count + 1))
            }
        }
        return checkpoint
    }

    private mutating func make(_ place: String, _ vfs: String?, _ checkpoint: LSN) throws {
        let storeID = StoreFolder.newStoreID()
        var position = StoreFolder.origin(storeID: storeID)
        position.lsn = lastLSN
        let sorted = values.sorted { $0.key < $1.key }
        let lock = try StoreFolder.create(place, vfs: vfs, storeID: storeID, position: position) { put in
            for (key, value) in sorted {
                try key.name.withUnsafeBytes { name in
                    try key.key.withUnsafeBytes { key in
                        try value.bytes.withUnsafeBytes { try put(name, key, value.kind, $0) }
                    }
                }
            }
        }
        guard let lock else {
            throw StoreError(.notAStore, "\(place) is not empty: choose another path", location: .init(file: place))
        }
        lock.release()
        rows = values.count
        values = [:]
    }
}
