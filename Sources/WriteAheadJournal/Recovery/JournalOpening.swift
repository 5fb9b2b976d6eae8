// Opening a journal: recovery, in the order that makes a crash after any step harmless.
//
// 1. Take the lock.
//      A crash leaves: nothing changed.
// 2. Look, in this order, at both databases' files before SQLite sees them, at journal.db without writing, and at the
//    page `run` and the tail. Altered bytes of a WAL are repaired if the repair is sure. The files are kept aside
//    before that. Then RecoveryVerdict.swift decides on all that was found: it refuses, or it gives a plan.
//      A crash leaves: fewer altered bytes.
// 3. Do what the plan says with the files as they are. They are kept aside, and a broken header is cleared. After an
//    unclean end the files are synced; after a failed sync they are copied to new files.
//      A crash leaves: the same content. The step only makes durable what is already in the files.
// 4. Open for writing and check the format. The caller loads its state and replays the log. If the store is refused
//    here, the bytes that were written over are put back (Evidence.swift).
//      A crash leaves: a -shm file. SQLite's own recovery rebuilds nothing else.
// 5. Cut off what lies after the log's end in an altered WAL. Then one transaction adds the tail's records, the last
//    run's end and this run's start.
//      A crash before its commit leaves: the last run still without an end, and its tail as it was.
// 6. Put this run's tail and page in place of the last run's.
//      A crash leaves: a page and a tail of a run that is not the newest. Both are ignored, but for the page's
//      sync mark, which is true of any run.
//
// Changes are accepted only after step 6. A crash at any point, then another opening, gives the same result.

/// One opening of a store: it finds, decides, acts and replays, and at the end hands over a committer.
package final class JournalOpening {
    package struct Options: Sendable {
        package var vfs: String?
        package var paranoidSectors = false
        package var limits = Committer.Limits()
        package var lockPatience: UInt64 = 300_000_000
        package var createsStore = true
        /// For the crash lab: the size to which the SQLite WAL of journal.db is truncated; nil for the usual size.
        package var walBytesKept: Int?
        /// For the crash lab: the machine's boot; nil asks the system. If it is set, the kernel's evidence of kills is
        /// left out, because that evidence is of the real machine.
        package var boot: String?
        package init() {}
    }

    package let folder: String
    package let options: Options
    /// Whether this opening created the store.
    package let isNew: Bool
    package private(set) var storeID = ""
    /// How the last run ended, judged by what it left behind.
    package private(set) var lastEnd = RunEnd(.none, evidence: "the store is new")
    package private(set) var discardedBytes = 0
    package private(set) var discardReason = ""
    /// What was found altered or missing, and what was done about it.
    package private(set) var damage: [String] = []
    package private(set) var replayedRecords = 0
    /// Records that the tail had and the journal did not have.
    package var recordsFromTail: Int { tail.count }
    /// Those of them that the journal once had, and lost.
    package private(set) var recordsResupplied = 0
    /// Where the chain stands; after `replay` this is the last record.
    package private(set) var position = ChainPosition(lsn: .zero, chain: 0, epoch: 0)
    /// Where the journal's log begins.
    package private(set) var base = ChainPosition(lsn: .zero, chain: 0, epoch: 0)

    /// Every record up to this one was durable once, and is there.
    package var syncMark: LSN { found.syncMark }

    private let lock: FolderLock
    private var found: FoundStore
    private var evidence: Evidence
    private var plan: RecoveryPlan?
    private var backend: SQLiteJournal?
    private var isAbandoned = false

    /// What the tail has after the journal's end.
    private var tail: RecordBatch { found.tail?.records ?? RecordBatch() }
    private var lastRun: RunRow? { found.lastRun }

    /// Steps 1 to 4. `path` is resolved once, so a later change of the working folder is harmless.
    package init(_ path: String, _ options: Options) throws(StoreError) {
        self.options = options
        folder = try Files.resolved(path)
        var made = false
        var held: FolderLock?
        if try StoreFolder.classify(folder) != .store {
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
            // Another process was first. Only a store may be locked, so the folder is classified again.
            let finding = try StoreFolder.classify(folder)
            guard finding == .store else {
                throw StoreError(.busy, "\(folder) is being changed: try again", location: .init(file: folder))
            }
        } else if !Files.exists(folder + "/" + FolderLock.fileName) {
            try StoreFolder.rejectForeign(folder, vfs: options.vfs)
        }
        isNew = made
        if let held {
            lock = held
        } else {
            lock = try FolderLock.exclusive(folder: folder, create: true, patience: options.lockPatience)
        }
        found = FoundStore(folder: folder, boot: options.boot)
        evidence = Evidence(folder: folder)
        do throws(StoreError) {
            try inspectFiles()
            try act(try decide())
            let backend = try SQLiteJournal(
                folder: folder, vfs: options.vfs, paranoidSectors: options.paranoidSectors,
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

    /// Step 2, before SQLite sees the files. The content of a WAL shows only after its bytes are repaired.
    private func inspectFiles() throws(StoreError) {
        try found.inspectFiles()
        guard found.verdict == .ask(.repairedBytes) else { return }
        _ = evidence.keep()
        for case let file? in [found.journalFile, found.stateFile] {
            for repair in file.wal?.repairs ?? [] { evidence.note(file, repair.offset, [repair.found]) }
            try file.repair()
        }
        found.areBytesRepaired = true
    }

    /// Step 2: reads what there is and asks for the verdict. Nothing is written.
    private func decide() throws(StoreError) -> RecoveryPlan {
        let journal = try SQLiteConnection(folder + "/" + JournalSchema.name, .readPrivate, vfs: options.vfs)
        defer { journal.close() }
        let meta = try JournalMeta.read(journal)
        found.base = meta.base.lsn
        found.lastRun = try RunRow.newest(journal)
        try found.readTraces(storeID: meta.storeID)
        try found.reached(try JournalMeta.end(journal, meta), journal)
        let plan = try found.plan(journal, vfs: options.vfs)
        if let lastRun {
            lastEnd = lastRun.end ?? lastRun.traces(page: found.page, boot: options.boot).judge()
        } else if !isNew {
            lastEnd = RunEnd(.none, evidence: "no run is on record")
        }
        return plan
    }

    /// Step 3. The end of a WAL is cut off later, in step 5, when the opening can no longer be refused.
    private func act(_ plan: RecoveryPlan) throws(StoreError) {
        self.plan = plan
        let kept = plan.keepsEvidence ? "; \(evidence.keep())" : ""
        damage = plan.reports.map { found.text($0) + ($0 == .pageAltered ? "" : kept) }
        if let wal = found.journalFile?.wal, wal.discardedBytes > 0 {
            discardedBytes = wal.discardedBytes
            discardReason = wal.reason
        }
        if plan.resupplies {
            recordsResupplied = Int(clamping: found.syncMark.value - found.end.lsn.value)
            discardReason = found.text(.journalResupplied) + kept
        }
        if plan.clearsJournalHeader { try clearHeader(found.journalFile) }
        if plan.clearsStateHeader { try clearHeader(found.stateFile) }
        switch plan.files {
        case .asFound: break
        case .synced: try syncFoundFiles()
        case .rewritten: try StoreFolder.rewriteFiles(folder)
        }
    }

    private func clearHeader(_ file: DatabaseInspection?) throws(StoreError) {
        guard let file, let header = file.brokenHeader else { return }
        evidence.note(file, 0, header)
        try file.write([UInt8](repeating: 0, count: header.count), at: 0)
    }

    /// Makes durable what is already in the files.
    private func syncFoundFiles() throws(StoreError) {
        do throws(StoreError) {
            for name in [StateSchema.name, JournalSchema.name] {
                for path in [folder + "/" + name, folder + "/" + name + "-wal"] where Files.exists(path) {
                    try Files.synchronize(path: path)
                }
            }
            try Files.synchronize(path: folder, isFolder: true)
        } catch {
            try StoreFolder.rewriteFiles(folder)
        }
    }

    /// Step 4: checks every record of the log and hands over those after `checkpoint`.
    ///
    /// - Parameters:
    ///   - storeID: the store that the checkpoint belongs to.
    ///   - endOfRow: called before the bytes of the records handed over so far become invalid.
    /// - Throws: `damaged` if the log does not continue the checkpoint or its chain breaks; the body's own error.
    package func replay(
        after checkpoint: ChainPosition?, of storeID: String? = nil, endOfRow: () -> Void = {},
        _ each: (Record) throws -> Void
    ) throws {
        guard let backend else { return }
        var bytes = 0
        do {
            found.checkpoint = checkpoint?.lsn
            found.isOfAnotherStore = storeID != nil && storeID != self.storeID
            try found.refuseWhatIsRefused()
            func take(_ record: Record) throws {
                compare(checkpoint, ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
                if let checkpoint, record.lsn <= checkpoint.lsn { return }
                replayedRecords += 1
                try each(record)
            }
            compare(checkpoint, position)
            try backend.rows(after: position.lsn) { first, last, chain, batch in
                bytes += batch.count
                try RecordReader.read(batch, first: first, position: &position, take)
                guard position.lsn == last && position.chain == chain else {
                    throw RecordReader.Broken(
                        lsn: first, bytes: 0..<batch.count, why: "the row's numbers are not those of its records")
                }
                endOfRow()
                return true
            }
            let tail = tail
            if !tail.isEmpty {
                try tail.bytes.withUnsafeBytes { batch in
                    try RecordReader.read(batch, first: tail.first, position: &position, take)
                    endOfRow()
                }
            }
            try found.refuseWhatIsRefused()
        } catch let broken as RecordReader.Broken {
            throw keepingEvidence(
                StoreError(
                    .damaged, broken.why,
                    location: .init(file: folder + "/" + JournalSchema.name, lsn: broken.lsn, bytes: broken.bytes)))
        } catch let error as StoreError {
            throw keepingEvidence(error)
        }
        backend.noteLogBytes(bytes)
    }

    /// Compares log and table in the record that both have.
    private func compare(_ checkpoint: ChainPosition?, _ position: ChainPosition) {
        guard let checkpoint, checkpoint.lsn == position.lsn, checkpoint.chain != position.chain else { return }
        found.isOfAnotherHistory = true
    }

    /// Steps 5 and 6. After them the journal accepts changes.
    package func finish() throws(StoreError) -> (committer: Committer, page: RunPage, lock: FolderLock, run: RunRow) {
        guard let backend else { throw StoreError(.closed, "this opening has failed") }
        do throws(StoreError) {
            // Before anything is noted: if there is no space for the tail, the store stays as it was.
            let file = try TailFile.prepare(folder: folder, capacity: Tail.rounded(options.limits.tailBytes))
            let started = Clock.wallMicroseconds()
            var run = RunRow(
                id: (lastRun?.id ?? 0) + 1, epoch: Machine.randomBits(), started: started, pid: Machine.processID(),
                host: Machine.hostName(), boot: options.boot ?? Machine.bootIdentity())
            if options.boot == nil { run.memoryGroup = MemoryGroup.current() }
            var batch = RecordBatch()
            let lsn = position.lsn.next
            let crc = batch.append(.run, lsn: lsn, after: position.chain, epoch: run.epoch) { bytes in
                withUnsafeBytes(of: UInt64(bitPattern: run.id).littleEndian) { bytes.append(contentsOf: $0) }
                withUnsafeBytes(of: run.started.littleEndian) { bytes.append(contentsOf: $0) }
            }
            batch.seal()
            let isUnended = lastRun != nil && lastRun?.end == nil
            // From here on nothing is put back: SQLite writes to these files.
            evidence.leave()
            if plan?.cutsJournalWAL == true { try found.journalFile?.cut() }
            if plan?.cutsStateWAL == true { try found.stateFile?.cut() }
            do throws(StoreError) {
                try backend.leaveLastSector()
                try backend.write { () throws(StoreError) in
                    // A fold begins with the row after the table's checkpoint: no row may have it inside.
                    for row in tail.split(after: found.checkpoint ?? .zero) { try backend.insertRow(row) }
                    if isUnended, let lastRun {
                        try backend.setEnd(of: lastRun.id, lastEnd, at: nil)
                    }
                    try backend.insertRun(run)
                    try backend.insertRow(batch)
                }
            } catch {
                // The next opening may see this transaction although the disk does not have it.
                if error.code != .diskFull && error.code != .busy {
                    RunPage.notePoisoned(folder: folder, storeID: storeID)
                }
                throw error
            }
            position = ChainPosition(lsn: lsn, chain: crc, epoch: run.epoch)
            let ring = try TailFile.begin(file, storeID: storeID, epoch: run.epoch)
            // After the tail, because the page says that there is one.
            let page = try RunPage(
                folder: folder, storeID: storeID, epoch: run.epoch, started: started, boot: run.boot, syncMark: lsn,
                keepsTail: ring.outlivesProcess)
            let committer = Committer(
                backend: backend, page: page, tail: ring, position: position, limits: options.limits)
            try committer.start()
            return (committer, page, lock, run)
        } catch {
            abandon()
            throw error
        }
    }

    /// Gives the store up again, as it was found. A store that this opening created has never held anything, so it is
    /// deleted.
    package func abandon() {
        guard !isAbandoned else { return }
        isAbandoned = true
        backend?.close()
        evidence.takeBack()
        if isNew { Files.removeFolder(folder) }
    }

    /// Adds to an error of damage where the files are kept.
    package func keepingEvidence(_ error: StoreError) -> StoreError {
        var error = error
        // If the folder has a state.db, its journal.db was once a database of ours, even if it no longer looks like
        // one.
        if error.code == .notAStore && Files.exists(folder + "/" + StateSchema.name) { error.code = .damaged }
        // An error that already has this advice is on its way out: it does not get it again.
        guard error.code == .damaged, !error.message.contains("backstay verify") else { return error }
        evidence.takeBack()
        error.message += "; \(evidence.keep()); restore a backup, or run `backstay verify`"
        return error
    }
}
