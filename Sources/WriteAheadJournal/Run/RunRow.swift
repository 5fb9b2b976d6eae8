/// One run of the application: a row of the table `runs`.
package struct RunRow: Sendable, Hashable {
    /// Counts up from 1.
    package var id: Int64
    /// The run's random number in the record chain.
    package var epoch: UInt64
    /// When the store was opened: microseconds since 1970.
    package var started: Int64
    /// The process.
    package var pid: Int32
    /// The machine's name.
    package var host: String
    /// The machine's boot.
    package var boot: String
    /// When the end was noted: microseconds since 1970. Nil for a run whose end the next start had to judge.
    package var ended: Int64?
    /// How it ended; nil while it goes on.
    package var end: RunEnd?

    var memoryGroup: MemoryGroup?

    /// The evidence for judging a run that did not note its end.
    ///
    /// - Parameter boot: the machine's boot as the crash lab has it; nil asks the system, and also asks its kernel's
    ///   log.
    func traces(page: RunPage.Image?, boot now: String? = nil) -> RunTraces {
        var traces = RunTraces()
        if let page, page.epoch == epoch {
            traces.pageIsItsOwn = true
            traces.fatalSignal = page.fatalSignal
            traces.fatalCode = page.fatalCode
            traces.handledSignal = page.handledSignal
            traces.marksArmed = page.marksArmed
            traces.poisoned = page.poisoned
        }
        traces.bootThen = boot
        traces.bootNow = now ?? Machine.bootIdentity()
        guard now == nil else { return traces }
        if traces.bootThen == traces.bootNow {
            traces.pidIsTheKernels = KernelLog.knowsOurNumbers && host == Machine.hostName()
            traces.kernelKilledForMemory = KernelLog.namesMemoryKill(of: pid, since: started)
        }
        if let now = MemoryGroup.current(), let then = memoryGroup, host == Machine.hostName() {
            traces.sameMemoryGroup = now.path == then.path
            traces.memoryKillsThen = then.kills
            traces.memoryKillsNow = now.kills
        }
        return traces
    }

}
