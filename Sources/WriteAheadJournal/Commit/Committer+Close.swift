// Uses of the backend other than commits, and the committer's end.

/// Exclusive use of the backend, poisoning from outside, drain, stop and close.
extension Committer {
    /// Runs the body with exclusive use of the backend, between commits.
    package func withBackend<R>(_ body: (any JournalBackend) throws(StoreError) -> R) throws(StoreError) -> R {
        lock.lock()
        backendWaiters += 1
        while isCommitting { commitEnded.wait(lock) }
        backendWaiters -= 1
        if let rejection = health.rejection {
            lock.unlock()
            throw rejection
        }
        isCommitting = true
        lock.unlock()
        do throws(StoreError) {
            let result = try body(backend)
            lock.lock()
            giveBack()
            lock.unlock()
            return result
        } catch {
            lock.lock()
            // A failure for want of space, or a busy one, changed nothing. Any other failure leaves the files unknown.
            if error.code != .diskFull && error.code != .busy { note(error) }
            giveBack()
            lock.unlock()
            throw error
        }
    }

    /// - Throws: `poisoned` after an I/O failure that left the files unknown: nothing may be synced or folded any more.
    package func checkSound() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if case .poisoned(let error) = health { throw Self.rejection(after: error) }
    }

    /// Poisons the journal for a failure that was found elsewhere, in the checkpointer's database.
    package func poison(_ error: StoreError) {
        lock.lock()
        if case .poisoned = health {
        } else {
            note(StoreError(.ioError, error.message, cause: error.cause, location: error.location))
        }
        commitEnded.broadcast()
        acknowledgeWaiters()
        lock.unlock()
    }

    /// Tries to commit what is published, while the thread goes on.
    ///
    /// - Returns: the reason why records are not durable, or nil.
    package func drain() -> StoreError? {
        do throws(StoreError) {
            try waitDurable(last)
            return nil
        } catch {
            return error
        }
    }

    /// Commits what is published and ends the thread. Nothing can be published afterwards.
    ///
    /// - Returns: the reason why records are not durable, or nil.
    package func stop() -> StoreError? {
        lock.lock()
        isStopping = true
        updateGate()
        work.signal()
        lock.unlock()
        thread?.join()
        lock.lock()
        defer { lock.unlock() }
        var reason: StoreError?
        switch health {
        case .sound, .closed: break
        case .stalled(let error, _): reason = hasRecords ? Self.notYet(error) : nil
        case .poisoned(let error): reason = Self.unknown(error)
        }
        return reason
    }

    /// After `stop`: notes the end, if there is one to note, then closes the backend.
    package func close(marking end: RunEnd?) throws(StoreError) {
        lock.lock()
        while isCommitting { commitEnded.wait(lock) }
        // A full disk kept nothing back if nothing waits. There may still be room for the note of the end.
        let isSound =
            switch health {
            case .sound: true
            case .stalled: !hasRecords
            case .poisoned, .closed: false
            }
        var failure: StoreError?
        if isSound, let end {
            do throws(StoreError) {
                try checkpointSQLiteAtEnd()
                try backend.noteEnd(end, at: Clock.wallMicroseconds())
            } catch {
                failure = error
                note(error)
            }
        }
        health = .closed
        updateGate()
        backend.close()
        commitEnded.broadcast()
        acknowledgeWaiters()
        lock.unlock()
        if let failure { throw failure }
    }

    /// An SQLite checkpoint that finds no space, or a reader in its way, costs the next start some time and nothing
    /// else.
    private func checkpointSQLiteAtEnd() throws(StoreError) {
        do throws(StoreError) {
            try backend.checkpointSQLite()
        } catch {
            let isHarmless = error.code == .diskFull || error.code == .busy
            guard isHarmless else { throw error }
        }
    }

}
