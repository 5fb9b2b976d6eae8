// Using the backend for something else than commits, and the committer's end.

extension Committer {
    /// Runs the body with the backend to itself, between commits.
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
            // An upkeep that found no space changed nothing; any other failure leaves the files unknown.
            if error.code != .diskFull && error.code != .busy { note(error) }
            giveBack()
            lock.unlock()
            throw error
        }
    }

    /// - Throws: `poisoned` once an I/O failure has made the files unknown: nothing may be synced or folded any more.
    package func checkSound() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if case .poisoned(let error) = health { throw Self.rejection(after: error) }
    }

    /// Poisons the journal for a failure found elsewhere (the checkpointer's database).
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

    /// Commits what is published and ends the thread. Afterwards nothing can be published.
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

    /// After `stop`: marks the end if there is one to mark, then closes the backend.
    package func close(marking end: RunEnd?) throws(StoreError) {
        lock.lock()
        while isCommitting { commitEnded.wait(lock) }
        // A disk that is full kept nothing back where nothing waits: the end may still find room.
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

    /// Upkeep that finds no space, or a reader in its way, costs the next start some time and nothing else.
    private func checkpointSQLiteAtEnd() throws(StoreError) {
        do throws(StoreError) {
            try backend.checkpointSQLite()
        } catch {
            let isHarmless = error.code == .diskFull || error.code == .busy
            guard isHarmless else { throw error }
        }
    }

}
