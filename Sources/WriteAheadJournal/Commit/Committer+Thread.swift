// The committer's own thread. It commits in four cases:
// - for callers who cannot commit themselves;
// - if the tail fills up;
// - if a record is old enough;
// - for what is left at the end.
//
// It also tries again after a full disk.

/// The loop of the thread `backstay-commit`.
extension Committer {
    func loop() {
        lock.lock()
        var refreshed: UInt64 = 0
        while true {
            let now = Clock.monotonicNanoseconds()
            let hasRecords = hasRecords
            if hasRecords && pendingSince == 0 { pendingSince = now }
            if now >= refreshed &+ Self.refreshInterval {
                refreshed = now
                lock.unlock()
                refreshTail()
                lock.lock()
                continue
            }
            if isStopping && !isCommitting {
                // One last try, even if the disk was full a moment ago. Then whoever still waits is told.
                switch health {
                case .sound where hasRecords:
                    commitHoldingLock()
                    continue
                case .stalled(_, let retryAt) where hasRecords && retryAt != .max:
                    commitHoldingLock()
                    if case .stalled(let error, _) = health { health = .stalled(error, retryAt: .max) }
                    continue
                default:
                    lock.unlock()
                    return
                }
            }
            var wake: UInt64 = .max
            var isDue = false
            switch health {
            case .sound:
                if hasRecords {
                    isDue =
                        !waiters.isEmpty || !roomWaiters.isEmpty || isFilling || now >= pendingSince &+ limits.ageMax
                    wake = pendingSince &+ limits.ageMax
                }
            case .stalled(_, let retryAt):
                isDue = now >= retryAt
                wake = min(retryAt, waiters.map(\.deadline).min() ?? .max)
                if !isDue { acknowledgeWaiters() }
            case .poisoned, .closed: break
            }
            if isDue && !isCommitting && backendWaiters == 0 {
                gather()
                if !isCommitting && backendWaiters == 0 { commitHoldingLock() }
            } else if isCommitting || backendWaiters > 0 {
                // Nobody has to call when the backend is given back, so the thread looks again by itself.
                let look = now &+ min(limits.ageMax, limits.retryInterval)
                work.wait(lock, until: look)
            } else if wake == .max {
                coolTail()
                isIdle = true
                work.wait(lock)
                isIdle = false
            } else {
                work.wait(lock, until: wake)
            }
        }
    }

    /// Waits a moment for the tasks that the last commit released to return with their next change. One sync then
    /// serves all of them, and not just the first. Called with the lock held.
    private func gather() {
        guard lastGroup > 1, waitingRecords < lastGroup, hasNothingInflight else { return }
        let end = Clock.monotonicNanoseconds() + 100_000
        var before = waitingRecords
        var quiet = 0
        while quiet < 4 && waitingRecords < lastGroup && Clock.monotonicNanoseconds() < end {
            lock.unlock()
            Machine.yield()
            lock.lock()
            quiet = waitingRecords == before ? quiet + 1 : 0
            before = waitingRecords
        }
    }

    private var waitingRecords: Int { Int(last.value - min(durable, last).value) }

    /// How often pages are prepared again. A copy of the store that shares the tail's blocks makes stores into them
    /// fail on a full disk.
    private static let refreshInterval: UInt64 = 1_000_000_000
}
