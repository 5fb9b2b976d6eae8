// Committing: what is published becomes one batch, one transaction, one sync. Then everyone in the batch is
// acknowledged.
//
// Whoever holds `isCommitting` has the backend and `inflight`. The lock is given up meanwhile.

/// One commit, from the tail to the acknowledgement.
extension Committer {
    /// The batch under way. It belongs to whoever holds `isCommitting`, and no lock guards it. So nothing outside this
    /// file may look at it.
    final class Inflight {
        fileprivate var batch = RecordBatch()
        /// Where the tail is drained to once the batch is committed.
        fileprivate var end: UInt64 = 0
        fileprivate var isOversize = false
    }

    /// Commits once. The lock is held and nobody commits, both at the call and at the return. The lock is given up in
    /// between.
    func commitHoldingLock() {
        isCommitting = true
        isFilling = false
        let begun = Clock.monotonicNanoseconds()
        let before = durable
        let oversize = oversize
        lock.unlock()

        // A batch that found no space the last time is tried again as it was.
        if inflight.batch.isEmpty { take(after: before, oversize) }
        var failure: StoreError?
        var shortage: StoreError?
        do throws(StoreError) {
            if !inflight.batch.isEmpty {
                try backend.append(inflight.batch)
                page?.markSynced(inflight.batch.last)
                if inflight.isOversize { tail.noteOversizeCommitted(inflight.batch.last) }
            }
            shortage = try reserve()
        } catch {
            failure = error
        }

        lock.lock()
        if let failure {
            note(failure)
        } else {
            if case .stalled = health { health = .sound }
            if !inflight.batch.isEmpty { noteCommitted() }
            if let shortage { note(shortage) }
            if backend.isSQLiteCheckpointDue || tail.runsShort { checkpointSQLiteHoldingLock() }
        }
        pendingSince = hasRecords ? begun : 0
        giveBack()
    }

    private func noteCommitted() {
        durable = inflight.batch.last
        commits += 1
        if inflight.isOversize { oversize = nil }
        inflight.batch.clear()
        tail.release(through: inflight.end)
        updateGate()
    }

    /// Makes room for the next commit before a change is admitted that needs it. On a full disk a change is then
    /// rejected, instead of being published and left without a commit.
    ///
    /// - Returns: the error if there is no space.
    private func reserve() throws(StoreError) -> StoreError? {
        do throws(StoreError) {
            try backend.reserve(bytes: limits.reservedBytes)
            return nil
        } catch {
            switch error.code {
            case .diskFull: return error
            // The next commit finds the lock held, and reports it, or finds it free.
            case .busy: return nil
            default: throw error
            }
        }
    }

    /// Makes a batch of what is published: the tail's records, or else the oversize record.
    private func take(after lsn: LSN, _ oversize: Oversize?) {
        inflight.end = tail.copy(to: &inflight.batch, after: lsn, through: oversize?.end, bytesMax: tail.capacity / 2)
        inflight.isOversize = false
        if inflight.batch.isEmpty, let oversize {
            swap(&inflight.batch, &oversize.batch)
            inflight.end = oversize.resume
            inflight.isOversize = true
        }
        if !inflight.batch.isEmpty { inflight.batch.seal() }
    }

    /// Upkeep of the tail's pages, and an SQLite checkpoint, after everyone in the batch has been acknowledged.
    func checkpointSQLiteHoldingLock() {
        commitEnded.broadcast()
        acknowledgeWaiters()
        lock.unlock()
        if tail.runsShort { tail.prepareAhead() }
        var failure: StoreError?
        if backend.isSQLiteCheckpointDue {
            do throws(StoreError) {
                try backend.checkpointSQLite()
            } catch {
                failure = error
            }
        }
        lock.lock()
        // An SQLite checkpoint that found no space, or a reader in its way, changed nothing and is tried again.
        if let failure, failure.code != .diskFull, failure.code != .busy { note(failure) }
    }

    func giveBack() {
        logBytes = backend.logBytes
        syncs = backend.syncs
        isCommitting = false
        updateGate()
        commitEnded.broadcast()
        acknowledgeWaiters()
        if !waiters.isEmpty || isStopping || isIdle || isFilling { work.signal() }
        if logBytes >= foldThreshold { onLogPressure?() }
    }

    func note(_ error: StoreError) {
        // A poisoned journal stays poisoned, even if a commit that was under way also finds no space.
        if case .poisoned = health { return }
        switch error.code {
        case .diskFull, .busy:
            health = .stalled(error, retryAt: Clock.monotonicNanoseconds() + limits.retryInterval)
            beginPatience()
            // It may be asleep until some record is old.
            work.signal()
        default:
            page?.notePoisoned()
            health = .poisoned(error)
        }
        updateGate()
    }

    /// For the thread, with the lock held and nobody committing.
    var hasNothingInflight: Bool { inflight.batch.isEmpty }

    /// For the thread: prepares pages before writers need them.
    func refreshTail() { tail.refresh() }

    /// For the thread, before it sleeps: has the next writer prepare the tail's pages.
    func coolTail() { tail.cool() }
}
