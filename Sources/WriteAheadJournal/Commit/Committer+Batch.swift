// Committing: what is published becomes one batch, one transaction, one sync, and everyone in it is answered.
//
// Whoever holds `isCommitting` has the backend and `inflight`; the lock is given up meanwhile.

extension Committer {
    /// The batch under way. It belongs to whoever holds `isCommitting`, and no lock guards it: so nothing outside this file
    /// can look at it.
    final class Inflight {
        fileprivate var batch = RecordBatch()
        /// Where the tail is drained to once the batch is committed.
        fileprivate var end: UInt64 = 0
        fileprivate var isOversize = false
    }

    /// Called with the lock held and nobody committing; returns so. Lets the lock go meanwhile.
    func commitHoldingLock() {
        isCommitting = true
        isFilling = false
        let begun = Clock.monotonicNanoseconds()
        let before = durable
        let oversize = oversize
        lock.unlock()

        // What found no space the last time is tried again as it was.
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

    /// Makes sure of the room for the next commit before any change is admitted that needs it: on a full disk a change is
    /// then rejected, instead of being caught in between.
    ///
    /// - Returns: that there is no space.
    private func reserve() throws(StoreError) -> StoreError? {
        do throws(StoreError) {
            try backend.reserve(bytes: limits.reservedBytes)
            return nil
        } catch {
            switch error.code {
            case .diskFull: return error
            // The next commit meets whoever holds the lock, or finds it free.
            case .busy: return nil
            default: throw error
            }
        }
    }

    /// Makes a batch of what is published: the tail's records, or else the one that goes by itself.
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

    /// Upkeep of the tail's pages and of the engine's own log, after everyone in the batch has been answered.
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
        // Upkeep that found no space or a reader in its way changed nothing and is tried again.
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
        // What is poisoned stays so: a commit that was under way may find no space besides.
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

    /// For the thread: pages that writers will need, before they do.
    func refreshTail() { tail.refresh() }

    /// For the thread, before it sleeps: has the next writer make sure of the tail's pages.
    func coolTail() { tail.cool() }
}
