// Opening a journal: recovery, in the order that makes a crash at any step harmless.
//
//   1. lock                                     nothing changed
//   2. examine both databases' files before SQLite sees them, then journal.db without writing, and the tail. Bytes of a
//      WAL that were altered are put right where that is sure (a crash leaves fewer of them). A journal that has lost
//      something, by its WAL or by the run page, is supplied from the tail where that is sound, else refused; evidence
//      is kept first
//   3. after an unclean end: sync what is there; after a failed sync: new files
//                                               only makes true on the disk what is already in the files
//   4. open for writing, check format; the caller loads its state and replays
//                                               SQLite's own recovery rebuilds -shm only
//   5. one transaction: what the tail had, how the last run ended, this run's start
//                                               until it is committed the last run is still unended, the tail as it was
//   6. this run's tail and page, in place of the last
//                                               until then both name a run that is not the newest: they are ignored,
//                                               but for the page's sync mark, which is true of any run
//
// Only after 6 are changes accepted. A crash anywhere, then again: same result.

package final class JournalOpening {
    package struct Options: Sendable {
        package var vfs: String?
        package var tearsSectors = false
        package var limits = Committer.Limits()
        package var sabotage = Committer.Sabotage()
        package var lockPatience: UInt64 = 300_000_000
        package var createsStore = true
        /// For the crash lab: what the SQLite WAL of journal.db is kept at; nil for the usual.
        package var walBytesKept: Int?
        /// For the crash lab: the machine's boot; nil asks the system. The kernel's own evidence of kills is of the real
        /// machine, and is then left out.
        package var boot: String?
        package init() {}
    }

    package let folder: String
    package let options: Options
    /// True when this opening made the store.
    package let isNew: Bool
    package private(set) var storeID = ""
    /// How the last run ended, by what it left behind.
    package private(set) var lastEnd = RunEnd(.none, evidence: "the store is new")
    package private(set) var discardedBytes = 0
    package private(set) var discardReason = ""
    /// What was found altered or missing, and what was done about it.
    package private(set) var damage: [String] = []
    package private(set) var replayedRecords = 0
    /// Records that the tail had and the journal had not.
    package var recordsFromTail: Int { tail.count }
    /// Those among them that the journal once had, and lost.
    package private(set) var recordsResupplied = 0
    /// Where the chain stands; after `replay` behind the last record.
    package private(set) var position = ChainPosition(lsn: .zero, chain: 0, epoch: 0)
    /// Where the journal's log begins.
    package private(set) var base = ChainPosition(lsn: .zero, chain: 0, epoch: 0)

    /// Everything up to here was durable once, and is there.
    package var syncMark: LSN { page?.syncMark ?? .zero }

    private let lock: FolderLock
    private var page: RunPage.Image?
    private var lastRun: RunRow?
    private var backend: SQLiteJournal?
    /// What the tail has beyond the journal's end.
    private var tail = RecordBatch()
    private var isAbandoned = false
    /// Where the files are kept as they were found, as a sentence.
    private var evidence: String?
    /// Headers of SQLite WALs that were cleared, as they were found. Until something is written they can be put back.
    private var cleared: [(file: DatabaseInspection, header: [UInt8])] = []

    /// Steps 1 to 4. `path` is resolved once; a later change of the working folder is harmless.
    package init(_ path: String, _ options: Options) throws(StoreError) {
        self.options = options
        folder = try Platform.resolved(path)
        var made = false
        var held: FolderLock?
        if try StoreFolder.examine(folder) != .store {
            guard options.createsStore else {
                throw StoreError(.notAStore, "there is no store at \(folder)", location: .init(file: folder))
            }
            let storeID = StoreFolder.newStoreID()
            do {
                held = try StoreFolder.create(
                    folder, vfs: options.vfs, storeID: storeID, position: StoreFolder.origin(storeID: storeID))
            } catch let error as StoreError {
                throw error
            } catch {
                throw StoreError(.ioError, "creating \(folder) failed: \(error)", location: .init(file: folder))
            }
            made = held != nil
            // Somebody was there first: only a store may be locked.
            let finding = try StoreFolder.examine(folder)
            guard finding == .store else {
                throw StoreError(.busy, "\(folder) is being changed: try again", location: .init(file: folder))
            }
        } else if !Platform.exists(folder + "/" + FolderLock.fileName) {
            try StoreFolder.refuseForeign(folder, vfs: options.vfs)
        }
        isNew = made
        if let held {
            lock = held
        } else {
            lock = try FolderLock.exclusive(folder: folder, create: true, patience: options.lockPatience)
        }
        do throws(StoreError) {
            try examine()
            // A page that says poisoned counts also where the run's end is noted: the sync of that very note may have failed.
            let isPoisoned = page?.poisoned == true
            if isPoisoned || lastRun != nil && lastRun?.end == nil { try settleFiles() }
            let backend = try SQLiteJournal(
                folder: folder, vfs: options.vfs, tearsSectors: options.tearsSectors,
                walBytesKept: options.walBytesKept ?? WALRoom.bytesKept)
            self.backend = backend
            let meta = try backend.readMeta()
            storeID = meta.storeID
            base = meta.base
            position = meta.base
        } catch {
            abandon()
            throw keepingEvidence(error)
        }
    }

    /// Step 2.
    private func examine() throws(StoreError) {
        let journal = try DatabaseInspection(folder: folder, name: JournalFile.name)
        let state = try DatabaseInspection(folder: folder, name: StateFile.name)
        for file in [journal, state] where file.isAltered {
            let evidence = keepEvidence()
            if let done = try file.mend(evidence: evidence) { damage.append(done) }
        }
        if let wal = journal.wal, wal.discardedBytes > 0 {
            discardedBytes = wal.discardedBytes
            discardReason = wal.reason
        }
        let base = try examineJournal(journal)
        if journal.wal?.isRotten == true { try journal.cut() }
        if state.wal?.commitsLinked ?? 0 > 0 { try examineState(state, base) }
        for file in [journal, state] {
            if let header = try file.clearBrokenHeader() { cleared.append((file, header)) }
        }
    }

    /// - Returns: where the log begins.
    private func examineJournal(_ file: DatabaseInspection) throws(StoreError) -> LSN {
        let connection = try SQLiteConnection(file.path, .readPrivate, vfs: options.vfs)
        defer { connection.close() }
        let meta = try JournalMeta.read(connection)
        let end = try JournalMeta.end(connection, meta)
        lastRun = try RunRow.newest(connection)
        guard lastRun?.id ?? 0 >= 0, lastRun?.id ?? 0 < .max else {
            throw StoreError(
                .damaged, "the last row of the table runs has a number that cannot be", location: .init(file: file.path)
            )
        }
        // This run puts its own in their place: what they have must not be gone for good because they cannot be read now.
        page = try Platform.contentsIfThere(folder + "/" + RunPage.fileName, limit: RunPage.size)
            .flatMap { RunPage.image($0, storeID: meta.storeID) }
        let image = try Platform.contentsIfThere(folder + "/" + TailFormat.fileName, limit: TailImage.bytesMax)
            .flatMap { TailImage($0, storeID: meta.storeID) }
        let found = image?.continuation(of: end)
        tail = found?.records ?? tail
        let isSupplied = try compareWithMark(end.lsn, page?.syncMark ?? .zero, connection)
        if let wal = file.wal, wal.commitsLinked > 0, !isSupplied {
            if wal.isRotten { throw file.error("; what it says of them is lost") }
            try DatabaseInspection.integrity(connection)
        }
        if page == nil, try RunPage.isAltered(folder: folder) {
            damage.append(RunPage.alteration(folder: folder))
        }
        if let lost = try lastRun?.tailLoss(page: page, image, found, connection, boot: options.boot) {
            damage.append("\(lost); \(keepEvidence())")
        }
        if let lastRun {
            if let end = lastRun.end {
                lastEnd = end
            } else {
                lastEnd = lastRun.traces(page: page, boot: options.boot).judge()
            }
        } else if !isNew {
            lastEnd = RunEnd(.none, evidence: "no run is on record")
        }
        return meta.base.lsn
    }

    /// The end of state.db's WAL is gone, or may be: the log makes up for a fold that was lost, where it still has it.
    private func examineState(_ file: DatabaseInspection, _ base: LSN) throws(StoreError) {
        try checkState(file, base)
        guard file.wal?.isRotten == true else { return }
        try file.cut()
        damage.append("\(file.error("").message); the log still has what is lost; \(keepEvidence())")
    }

    private func checkState(_ file: DatabaseInspection, _ base: LSN) throws(StoreError) {
        let connection = try SQLiteConnection(file.path, .readPrivate, vfs: options.vfs)
        defer { connection.close() }
        guard try StateMeta.read(connection).checkpoint.lsn >= base else {
            throw file.error("; the log begins behind what is left")
        }
        try DatabaseInspection.integrity(connection)
    }

    /// The witness: everything up to the sync mark was in the journal once, synced. The tail may make up for what is gone,
    /// where it continues what is left without a gap and SQLite finds the database whole: pages of a lost transaction may
    /// have been copied into it already.
    ///
    /// - Returns: whether it did.
    private func compareWithMark(
        _ end: LSN, _ mark: LSN, _ connection: SQLiteConnection
    ) throws(StoreError) -> Bool {
        guard end < mark else { return false }
        if Sabotage.ignoresWitnesses {
            // As a store does that takes what SQLite gives it.
            tail = RecordBatch()
            return false
        }
        var lost = StoreError(
            .damaged,
            "the journal ends at LSN \(end), but everything up to LSN \(mark) was made durable: its end was lost or altered",
            location: .init(file: connection.path, lsn: end.next))
        guard !tail.isEmpty, tail.last >= mark else {
            if !tail.isEmpty { lost.message += "; the tail has it up to LSN \(tail.last) only" }
            throw lost
        }
        do throws(StoreError) {
            try DatabaseInspection.integrity(connection)
        } catch {
            lost.message += "; \(error.message)"
            throw lost
        }
        recordsResupplied = Int(clamping: mark.value - end.value)
        discardReason = "\(lost.message); the tail still had it; \(keepEvidence())"
        damage.append(discardReason)
        return true
    }

    /// Step 3.
    private func settleFiles() throws(StoreError) {
        if page?.poisoned == true {
            try StoreFolder.rewriteFiles(folder)
            return
        }
        do throws(StoreError) {
            for name in [StateFile.name, JournalFile.name] {
                for path in [folder + "/" + name, folder + "/" + name + "-wal"] where Platform.exists(path) {
                    try Platform.synchronize(path: path)
                }
            }
            try Platform.synchronize(path: folder, isFolder: true)
        } catch {
            try StoreFolder.rewriteFiles(folder)
        }
    }

    /// Step 4: checks every record of the log and hands over those behind `checkpoint`.
    ///
    /// - Parameter endOfRow: called when the bytes of the records handed over are about to go.
    /// - Throws: `damaged` where the log does not continue the checkpoint or its chain breaks; the body's own error.
    package func replay(
        after checkpoint: ChainPosition?, endOfRow: () -> Void = {}, _ each: (Record) throws -> Void
    ) throws {
        guard let backend else { return }
        let file = folder + "/" + JournalFile.name
        if let checkpoint, checkpoint.lsn < base.lsn {
            throw keepingEvidence(
                StoreError(
                    .damaged,
                    "the state is as of LSN \(checkpoint.lsn), but the journal begins behind LSN \(base.lsn): records are missing",
                    location: .init(file: file, lsn: checkpoint.lsn.next)))
        }
        func compare(_ position: ChainPosition) throws {
            if let checkpoint, checkpoint.lsn == position.lsn, checkpoint.chain != position.chain {
                throw StoreError(
                    .damaged, "state and journal do not belong together: their chains differ at LSN \(position.lsn)",
                    location: .init(file: file, lsn: position.lsn))
            }
        }
        var bytes = 0
        do {
            try compare(position)
            try backend.rows(after: position.lsn) { first, last, chain, batch in
                bytes += batch.count
                try RecordReader.read(batch, first: first, position: &position) { record in
                    try compare(ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
                    if let checkpoint, record.lsn <= checkpoint.lsn { return }
                    replayedRecords += 1
                    try each(record)
                }
                guard position.lsn == last && position.chain == chain else {
                    throw RecordReader.Broken(
                        lsn: first, bytes: 0..<batch.count, why: "the row's numbers are not those of its records")
                }
                endOfRow()
                return true
            }
            if !tail.isEmpty {
                try tail.bytes.withUnsafeBytes { batch in
                    try RecordReader.read(batch, first: tail.first, position: &position) { record in
                        try compare(ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
                        if let checkpoint, record.lsn <= checkpoint.lsn { return }
                        replayedRecords += 1
                        try each(record)
                    }
                    endOfRow()
                }
            }
            if let checkpoint, checkpoint.lsn > position.lsn {
                throw StoreError(
                    .damaged,
                    "the state is as of LSN \(checkpoint.lsn), but the journal ends at LSN \(position.lsn): its end was lost",
                    location: .init(file: file, lsn: position.lsn.next))
            }
        } catch let broken as RecordReader.Broken {
            throw keepingEvidence(
                StoreError(
                    .damaged, broken.why, location: .init(file: file, lsn: broken.lsn, bytes: broken.bytes)))
        } catch let error as StoreError {
            throw keepingEvidence(error)
        }
        backend.noteLogBytes(bytes)
    }

    /// Steps 5 and 6: from here on the journal accepts changes.
    package func finish() throws(StoreError) -> (committer: Committer, page: RunPage, lock: FolderLock, run: RunRow) {
        guard let backend else { throw StoreError(.closed, "this opening has failed") }
        do throws(StoreError) {
            // Before anything is noted: where it finds no space, the store stays as it was.
            let file = try TailFile.prepare(folder: folder, capacity: Tail.rounded(options.limits.tailBytes))
            let started = Platform.wallMicroseconds()
            var run = RunRow(
                id: (lastRun?.id ?? 0) + 1, epoch: Platform.randomBits(), started: started, pid: Platform.processID(),
                host: Platform.hostName(), boot: options.boot ?? Platform.bootIdentity())
            if options.boot == nil { run.memoryGroup = MemoryGroup.current() }
            var batch = RecordBatch()
            let lsn = position.lsn.next
            let crc = batch.append(.run, lsn: lsn, after: position.chain, epoch: run.epoch) { bytes in
                withUnsafeBytes(of: UInt64(bitPattern: run.id).littleEndian) { bytes.append(contentsOf: $0) }
                withUnsafeBytes(of: run.started.littleEndian) { bytes.append(contentsOf: $0) }
            }
            batch.seal()
            let isUnended = lastRun != nil && lastRun?.end == nil
            cleared = []
            do throws(StoreError) {
                try backend.leaveLastSector()
                try backend.write { () throws(StoreError) in
                    if !tail.isEmpty { try backend.insertRow(tail) }
                    if isUnended, let lastRun {
                        try backend.setEnd(of: lastRun.id, lastEnd, at: nil)
                    }
                    try backend.insertRun(run)
                    try backend.insertRow(batch)
                }
            } catch {
                // The next opening may see this transaction without the disk having it.
                if error.code != .diskFull && error.code != .busy {
                    RunPage.markPoisoned(folder: folder, storeID: storeID)
                }
                throw error
            }
            position = ChainPosition(lsn: lsn, chain: crc, epoch: run.epoch)
            // A control that must lose has nothing that outlives it.
            let ring =
                options.sabotage.acknowledgesBeforeCommit
                ? try Tail(inMemory: options.limits.tailBytes, epoch: run.epoch)
                : try TailFile.begin(file, storeID: storeID, epoch: run.epoch)
            // After the tail, since it says that there is one.
            let page = try RunPage(
                folder: folder, storeID: storeID, epoch: run.epoch, started: started, boot: run.boot, syncMark: lsn,
                keepsTail: ring.outlivesProcess)
            let committer = Committer(
                backend: backend, page: page, tail: ring, position: position, limits: options.limits,
                sabotage: options.sabotage)
            try committer.start()
            return (committer, page, lock, run)
        } catch {
            abandon()
            throw error
        }
    }

    /// Gives the store up again, as it was found: one that this opening made has never held anything, and goes.
    package func abandon() {
        guard !isAbandoned else { return }
        isAbandoned = true
        backend?.close()
        putHeadersBack()
        if isNew { Platform.removeFolder(folder) }
    }

    /// Where one cannot be put back, the frames behind it are there all the same.
    private func putHeadersBack() {
        for (file, header) in cleared { try? file.putHeader(header) }
        cleared = []
    }

    /// Once: what this opening has put right meanwhile is no evidence.
    private func keepEvidence() -> String {
        putHeadersBack()
        let place = evidence ?? StoreFolder.keepEvidence(folder)
        evidence = place
        return place
    }

    /// Adds to an error of damage where the files are kept.
    package func keepingEvidence(_ error: StoreError) -> StoreError {
        var error = error
        // In a folder that has a state.db, a journal.db that is no database of ours was one once.
        if error.code == .notAStore && Platform.exists(folder + "/" + StateFile.name) { error.code = .damaged }
        // Not again for an error on its way out.
        guard error.code == .damaged, !error.message.contains("backstay verify") else { return error }
        error.message += "; \(keepEvidence()); restore a backup, or run `backstay verify`"
        return error
    }
}
