// Callers that wait for room in the tail, or until their record is durable. Synchronous callers sleep on `commitEnded`
// and may commit themselves. Async callers leave a continuation.

/// Waiting for room and waiting for the disk, each in a synchronous and an async form.
extension Committer {
    // MARK: Waiting for room

    package func waitForRoom(_ content: Int) throws(StoreError) {
        lock.lock()
        while !mayHaveRoom(content) {
            if !isCommitting && backendWaiters == 0 && hasRecords {
                commitHoldingLock()
            } else {
                commitEnded.wait(lock)
            }
        }
        lock.unlock()
    }

    package func waitForRoom(_ content: Int) async {
        await withUnsafeContinuation { continuation in
            lock.lock()
            if mayHaveRoom(content) {
                lock.unlock()
                continuation.resume()
            } else {
                roomWaiters.append((content, continuation))
                work.signal()
                lock.unlock()
            }
        }
    }

    /// There may be room, or there is a reason not to wait for it.
    func mayHaveRoom(_ content: Int) -> Bool {
        guard health.isSound, !isStopping else { return true }
        guard oversize == nil else { return false }
        return tail.mayHold(content) && (logBytes < logBound || foldStall != nil)
    }

    // MARK: Waiting for the disk

    /// Returns when the record and every earlier one are durable. The calling thread may commit them itself.
    package func waitDurable(_ lsn: LSN) throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        var deadline: UInt64 = 0
        while durable < lsn {
            if health.isSound {
                if isCommitting || backendWaiters > 0 { commitEnded.wait(lock) } else { commitHoldingLock() }
                continue
            }
            if let verdict = health.verdict { throw verdict }
            guard let stall = health.stall else { continue }
            if deadline == 0 { deadline = Clock.monotonicNanoseconds() + limits.patience }
            work.signal()
            if !commitEnded.wait(lock, until: deadline), durable < lsn, Clock.monotonicNanoseconds() >= deadline {
                throw Self.notYet(stall)
            }
        }
    }

    package func waitDurable(_ lsn: LSN) async throws(StoreError) {
        let error: StoreError? = await withUnsafeContinuation { continuation in
            lock.lock()
            var answer: StoreError?
            switch health {
            case _ where durable >= lsn: break
            case .sound, .stalled:
                waiters.append(Waiter(lsn: lsn, deadline: .max, continuation: continuation))
                if case .stalled = health { beginPatience() }
                if !isCommitting { work.signal() }
                lock.unlock()
                return
            case .poisoned, .closed: answer = health.verdict
            }
            lock.unlock()
            continuation.resume(returning: answer)
        }
        if let error { throw error }
    }

    /// Starts the patience of those who wait: from now on they wait for the end of a stall.
    func beginPatience() {
        let deadline = Clock.monotonicNanoseconds() + limits.patience
        for index in waiters.indices where waiters[index].deadline == .max { waiters[index].deadline = deadline }
    }

    /// Resumes everyone whose result is known. Called with the lock held; the continuations only enqueue their tasks.
    func acknowledgeWaiters() {
        if !roomWaiters.isEmpty {
            let waiting = roomWaiters
            roomWaiters = []
            for waiter in waiting {
                if mayHaveRoom(waiter.content) { waiter.continuation.resume() } else { roomWaiters.append(waiter) }
            }
        }
        guard !waiters.isEmpty else { return }
        let final = health.verdict
        let verdict = final ?? health.stall.map { Self.notYet($0) }
        let now = verdict != nil && final == nil ? Clock.monotonicNanoseconds() : 0
        var left: [Waiter] = []
        for waiter in waiters {
            if waiter.lsn <= durable {
                waiter.continuation.resume(returning: nil)
            } else if let verdict, final != nil || now >= waiter.deadline {
                waiter.continuation.resume(returning: verdict)
            } else {
                left.append(waiter)
            }
        }
        lastGroup = waiters.count - left.count
        waiters = left
    }
}
