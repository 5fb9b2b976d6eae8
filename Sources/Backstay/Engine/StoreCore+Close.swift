// The end of a store, and how the table `runs` words the end of its process.

internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal

extension StoreCore {
    /// Commits, checkpoints, notes the end, gives the store up. The second time it does nothing.
    ///
    /// - Parameter end: nil for a store that is dropped: it drains and counts as not closed.
    func close(_ end: RunEnd?) throws(StoreError) {
        if isForked {
            throw StoreError(.forked, "this store was opened by the parent process: leave it to the parent")
        }
        if writerThread.load(ordering: .relaxed) == Self.thread {
            throw StoreError(.reentrant, "a body of transaction or update closed its own store: return first")
        }
        closing.lock()
        defer { closing.unlock() }
        guard !isClosed else { return }
        isClosed = true
        writer.lock()
        closed.store(true, ordering: .relaxed)
        writer.unlock()
        guard let committer else { return }
        checkpointer?.stop()
        let reason = committer.drain()
        var failure: StoreError?
        if reason == nil, end != nil, let checkpointer {
            do throws(StoreError) {
                try checkpointer.checkpoint()
                try checkpointer.copySQLiteWAL()
            } catch {
                // The log has everything, so only the next start takes longer. If the store was poisoned, it shows
                // below.
                if error.code != .diskFull && error.code != .busy { failure = error }
            }
        }
        // It tries once more: what kept changes from the disk a moment ago may be over.
        if let late = committer.stop(), failure == nil { failure = late }
        do throws(StoreError) {
            try committer.close(marking: failure == nil ? end : nil)
        } catch {
            if failure == nil { failure = error }
        }
        checkpointer?.close()
        if let page { ExitHooks.unregisterCrashMark(page.crashMark) }
        folderLock?.release()
        options.onEvent?(.closed(failure))
        if let failure { throw failure }
    }

    /// In a forked child: threads, locks and connections are the parent's. Nothing is closed, nothing is freed.
    func abandonInChild() { _ = Unmanaged.passRetained(self) }

    /// How this process is ending, as the table `runs` words it.
    static func end(for reason: ExitHooks.Reason?) -> RunEnd {
        guard let reason else { return RunEnd(.clean, evidence: "the store was closed") }
        if let signal = reason.signal {
            return RunEnd(
                .signal, status: signal.rawValue, evidence: "\(signal.name) was handled, and the store closed itself")
        }
        if let text = reason.errorText {
            return RunEnd(.error, evidence: "an error ended the program, and the store closed itself: \(text)")
        }
        if reason == .normal {
            return RunEnd(.clean, evidence: "the process ended in order, and the store closed itself")
        }
        return RunEnd(
            .exit, status: reason.status, evidence: "exit() was called, and the store closed itself")
    }
}
