// How a store comes to be: from a folder, in memory, or as a view of a folder that is only read.

internal import ExitHooks
internal import WriteAheadJournal

extension StoreCore {
    /// Opens a folder, recovering first.
    convenience init(opening path: String, _ options: StoreOptions) throws(StoreError) {
        let start = Clock.monotonicNanoseconds()
        let opening = try JournalOpening(path, options.journalOptions())
        let memory = StoreMemory()
        var state: StateDatabase?
        var lastChange = LSN.zero
        var replaySeconds = 0.0
        let made: Parts
        do {
            let opened = try StateDatabase(
                folder: opening.folder, vfs: options.vfs, paranoidSectors: options.paranoidSectors,
                framesMax: options.stateFramesMax ?? StateDatabase.framesMax)
            state = opened
            try memory.load(opened.meta.rows) { try opened.load($0) }
            let replayStart = Clock.monotonicNanoseconds()
            var replay = StoreMemory.Replay(memory)
            try opening.replay(
                after: opened.meta.checkpoint, of: opened.meta.storeID, endOfRow: { replay.finish() }
            ) { record in
                guard record.kind == .changes else { return }
                try replay.add(record.body)
                lastChange = record.lsn
            }
            replaySeconds = Double(Clock.monotonicNanoseconds() - replayStart) / 1e9
            let found = opening.position.lsn
            let parts = try opening.finish()
            // The run's own record, which is committed.
            memory.begin(
                at: Published(lsn: opening.position.lsn, chain: opening.position.chain, outlivesProcess: true))
            let checkpointer: Checkpointer
            do {
                checkpointer = try Checkpointer(
                    committer: parts.committer, memory: memory, state: opened, folder: opening.folder, options: options)
                try checkpointer.start(lastChange: lastChange)
            } catch {
                _ = parts.committer.stop()
                try? parts.committer.close(marking: nil)
                throw error
            }
            let recovery = StateStore.RecoveryReport(
                lastEnd: opening.lastEnd, isNew: opening.isNew, recordsReplayed: opening.replayedRecords,
                recordsFromTail: opening.recordsFromTail, recordsResupplied: opening.recordsResupplied,
                damage: opening.damage, bytesDiscarded: opening.discardedBytes, discardReason: opening.discardReason,
                lastLSN: found,
                provenLSN: opening.syncMark, keys: memory.figures.keys,
                seconds: Double(Clock.monotonicNanoseconds() - start) / 1e9)
            let replayed = Double(opening.replayedRecords)
            made = Parts(
                memory: memory, options: options, recovery: recovery, folder: opening.folder,
                storeID: opening.storeID, epoch: opening.position.epoch, committer: parts.committer,
                checkpointer: checkpointer, page: parts.page, folderLock: parts.lock,
                replayRate: replayed >= 10_000 && replaySeconds > 0 ? replayed / replaySeconds : 1e6)
        } catch {
            state?.close()
            opening.abandon()
            throw opening.keepingEvidence(Self.storeError(error, opening.folder))
        }
        self.init(made)
        // If 64 stores are open already, this one goes unmarked. Its verdict is then less sure, nothing else.
        if let page { _ = ExitHooks.registerCrashMark(page.crashMark) }
        options.onEvent?(.opened(recovery))
    }

    /// A store in memory: the same paths, with a journal that keeps nothing.
    convenience init(inMemory options: StoreOptions) throws(StoreError) {
        let position = StoreFolder.origin(storeID: "memory")
        let limits = options.journalOptions().limits
        // Nothing outlives the process here, and nobody is told otherwise.
        let tail = try Tail(inMemory: limits.tailBytes, epoch: position.epoch, outlivesProcess: true)
        let committer = Committer(
            backend: InMemoryBackend(), page: nil, tail: tail, position: position, limits: limits)
        try committer.start()
        let memory = StoreMemory()
        memory.begin(at: Published(lsn: position.lsn, chain: position.chain, outlivesProcess: true))
        let recovery = StateStore.RecoveryReport(
            lastEnd: RunEnd(.none, evidence: "the store is in memory"), isNew: true, recordsReplayed: 0,
            bytesDiscarded: 0, discardReason: "", lastLSN: .zero, keys: 0, seconds: 0)
        self.init(
            Parts(
                memory: memory, options: options, recovery: recovery, storeID: StoreFolder.newStoreID(),
                epoch: position.epoch, committer: committer))
        options.onEvent?(.opened(recovery))
    }

    /// A view of a folder as of now, nothing written.
    convenience init(reading path: String, vfs: String?) throws(StoreError) {
        let start = Clock.monotonicNanoseconds()
        let reader = try StoreReader(path, vfs: vfs)
        defer { reader.close() }
        let memory = StoreMemory()
        var replayed = 0
        var position: ChainPosition
        var durable = max(reader.base.lsn, reader.stateMeta.checkpoint.lsn, reader.syncMark)
        do {
            // If a run left no end, its last row may not have been synced. Reading does not sync it.
            let isSynced = reader.areRowsSynced
            try memory.load(reader.stateMeta.rows) { try reader.loadState($0) }
            position = try reader.records { record, time in
                if isSynced && time != nil { durable = max(durable, record.lsn) }
                guard record.lsn > reader.stateMeta.checkpoint.lsn else { return }
                replayed += 1
                if record.kind == .changes { try memory.replay(record.body) }
            }
            if reader.stateMeta.checkpoint.lsn > position.lsn { position = reader.stateMeta.checkpoint }
        } catch {
            throw Self.storeError(error, reader.folder)
        }
        let recovery = StateStore.RecoveryReport(
            lastEnd: try reader.verdictOnLastRun() ?? RunEnd(.none, evidence: "the store is held: that run goes on"),
            isNew: false, recordsReplayed: replayed, damage: reader.damage.map(\.message),
            bytesDiscarded: reader.discarded.bytes, discardReason: reader.discarded.reason, lastLSN: position.lsn,
            provenLSN: reader.syncMark,
            keys: memory.figures.keys, seconds: Double(Clock.monotonicNanoseconds() - start) / 1e9)
        memory.begin(at: Published(lsn: position.lsn, chain: position.chain, outlivesProcess: true))
        self.init(
            Parts(
                memory: memory, options: StoreOptions(), recovery: recovery, folder: reader.folder,
                storeID: reader.storeID, epoch: position.epoch,
                viewed: (min(durable, position.lsn), reader.stateMeta.checkpoint.lsn)))
    }
}
