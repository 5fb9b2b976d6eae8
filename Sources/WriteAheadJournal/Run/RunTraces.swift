/// What a run without a noted end left behind, and the pure function that judges how it ended.
package struct RunTraces: Sendable {
    /// The run's page was there and is that run's own.
    package var pageIsItsOwn = false
    /// A fatal signal was marked: its number.
    package var fatalSignal: Int32 = 0
    package var fatalCode: Int64 = 0
    /// A handled signal was delivered: its number.
    package var handledSignal: Int32 = 0
    /// Crash marks were in force.
    package var marksArmed = false
    /// An I/O error had poisoned the store.
    package var poisoned = false
    package var bootThen = ""
    package var bootNow = ""
    /// What the kernel's log says about that process, if it can be read.
    package var kernelKilledForMemory = false
    /// The process has the same number in the kernel's log and in the table `runs`: neither that run nor this one is in
    /// a PID namespace.
    package var pidIsTheKernels = true
    /// How often the kernel killed in the run's memory group, at its start and now.
    package var memoryKillsThen: Int64?
    package var memoryKillsNow: Int64?
    package var sameMemoryGroup = false

    package init() {}

    /// The verdict: evidence is asked in the order of its strength, and the first that applies decides. Every
    /// combination of traces has a verdict.
    package func judge() -> RunEnd {
        if pageIsItsOwn && fatalSignal != 0 {
            return RunEnd(
                .crash, status: fatalSignal,
                evidence: "the process marked \(SignalName.of(fatalSignal)) (code \(fatalCode)) as it went down")
        }
        if !bootThen.isEmpty && !bootNow.isEmpty && bootThen != bootNow {
            return RunEnd(
                .machineDown, evidence: "the machine was started again since (boot \(bootThen) then, \(bootNow) now)",
                confidence: .likely)
        }
        if kernelKilledForMemory {
            return RunEnd(
                .outOfMemory, evidence: "the kernel's log names the process as killed for want of memory",
                confidence: pidIsTheKernels ? .certain : .likely)
        }
        if sameMemoryGroup, let then = memoryKillsThen, let now = memoryKillsNow, then >= 0, now > then {
            return RunEnd(
                .outOfMemory,
                evidence: "the memory group counted \(now - then) kills since the run began", confidence: .likely)
        }
        if pageIsItsOwn && handledSignal != 0 {
            return RunEnd(
                .signal, status: handledSignal,
                evidence: "\(SignalName.of(handledSignal)) was delivered, and the process ended before it could close",
                confidence: .likely)
        }
        if bootThen.isEmpty || bootNow.isEmpty {
            return RunEnd(
                .killed, evidence: "no end was noted, and the system does not tell one boot from another",
                confidence: .possible)
        }
        if pageIsItsOwn && poisoned {
            return RunEnd(
                .killed,
                evidence: "no end was noted: after an I/O error nothing is, also not where the store is closed",
                confidence: .possible)
        }
        if pageIsItsOwn && marksArmed {
            return RunEnd(
                .killed,
                evidence: "no end and no fatal signal was marked, though marks were in force: SIGKILL, or a signal"
                    + " nobody handled", confidence: .likely)
        }
        return RunEnd(
            .killed, evidence: "killed or crashed, no mark (crash marks were not in force)", confidence: .possible)
    }
}
