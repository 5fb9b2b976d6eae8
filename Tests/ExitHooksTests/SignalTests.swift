// Handled signals: delivery, the second signal, ignored and previous handlers, removal; and forked children.

import Testing

import SystemC

@Suite struct SignalTests {
    @Test func withoutAHandlerASignalRunsNoHook() throws {
        let trial = try trial("unhandled", signal: SIGTERM)
        #expect(trial.afterReady.isEmpty)
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test(arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP"), (SIGUSR1, "SIGUSR1")])
    func handledSignalRunsHooksAndIsSeenByTheParent(signal: Int32, name: String) throws {
        let trial = try trial("handled", signal: signal)
        #expect(trial.afterReady == ["a \(name)"])
        #expect(trial.end == .signalled(signal))
    }

    @Test func signalBlockedOnEntryIsHandled() throws {
        let trial = try trial("blocked", signal: SIGTERM)
        #expect(trial.afterReady == ["a SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func sameSignalAgainKillsWhileAHookBlocks() throws {
        let probe = try RunningProbe("slow-hook", ["20000"])
        try probe.line("ready")
        probe.startClock()
        probe.send(SIGTERM)
        try probe.line("hook")
        usleep(300_000)  // the property is about this time
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["hook"])
        #expect(trial.end == .signalled(SIGTERM))
        #expect(trial.duration < .seconds(5))
    }

    @Test func sameSignalTwiceAtOnceDoesNotKill() throws {
        let probe = try RunningProbe("slow-hook", ["600"])
        try probe.line("ready")
        probe.send(SIGTERM)
        try probe.line("hook")
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["hook", "done"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func anotherSignalDoesNotKill() throws {
        let probe = try RunningProbe("slow-hook", ["600"])
        try probe.line("ready")
        probe.send(SIGINT)
        try probe.line("hook")
        usleep(300_000)  // the property is about this time
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["hook", "done"])
        #expect(trial.end == .signalled(SIGINT))
    }

    @Test func stormOfSignalsInAShortTimeRunsHooksOnce() throws {
        let probe = try RunningProbe("storm")
        try probe.line("ready")
        for _ in 0..<200 { for signal in [SIGINT, SIGTERM, SIGHUP] { probe.send(signal) } }
        let trial = try probe.finish()
        #expect(trial.afterReady == ["hook", "done"])
        #expect([SIGINT, SIGTERM, SIGHUP].map { .signalled($0) }.contains(trial.end))
    }

    @Test func ignoredOnEntryStaysIgnored() throws {
        let probe = try RunningProbe("handled", mode: .ignoring("HUP INT"))
        #expect(try probe.line("ready") == "ready SIGHUP SIGINT")
        probe.send(SIGHUP)
        probe.send(SIGINT)
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["a SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func nohupIsRespected() throws {
        let probe = try RunningProbe("handled", mode: .nohup)
        #expect(try probe.line("ready") == "ready SIGHUP")
        probe.send(SIGHUP)
        probe.send(SIGTERM)
        #expect(try probe.finish().afterReady == ["a SIGTERM"])
    }

    @Test func previousHandlerIsCalled() throws {
        let trial = try trial("chained", signal: SIGTERM)
        #expect(trial.afterReady.sorted() == ["a SIGTERM", "previous"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func previousHandlerThatExitsDoesNotStopHooks() throws {
        let probe = try RunningProbe("previous-exits")
        try probe.line("ready")
        probe.startClock()
        probe.send(SIGTERM)
        try probe.line("hook")
        probe.send(SIGINT)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["hook", "done", "a SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
        #expect(trial.duration < .seconds(3))
    }

    @Test(.disabled(if: RunningProbe.isSanitized, "the sanitizer needs address space"))
    func withoutAThreadSignalsAreRefusedAndHooksRunInExit() throws {
        let trial = try trial("no-thread")
        #expect(trial.lines == ["refused true", "b exit(3)", "a exit(3)"])
        #expect(trial.end == .exited(3))
    }

    @Test func removalRestoresTheDefaultOnceTheLastHasGone() throws {
        let trial = try trial("removed", signal: SIGTERM)
        #expect(trial.lines == ["handled true", "handled false", "ready"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func removalRestoresThePreviousHandler() throws {
        let probe = try RunningProbe("removed-restores")
        try probe.line("ready")
        probe.send(SIGTERM)
        try probe.line("previous")
        probe.send(SIGKILL)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["previous"])
    }

    @Test func removalUnderAnotherHandlerPassesTheSignalOn() throws {
        let probe = try RunningProbe("removed-under-another")
        try probe.line("ready")
        probe.send(SIGTERM)
        try probe.line("first")
        probe.send(SIGKILL)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["on top", "first"])
    }

    @Test func signalsThatOthersNeedAreRefusedAndNothingIsInstalled() throws {
        let trial = try trial("refused", signal: SIGTERM)
        let refused = ["SIGQUIT", "SIGCHLD", "SIGPIPE", "SIGKILL", "SIGSEGV", "signal 999"]
        #expect(trial.lines == refused.map { "refused \($0) true" } + ["ready"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    /// Swift's backtracer stops threads by it.
    @Test(.disabled(if: RunningProbe.isSanitized, "the sanitizer's own thread does"))
    func ownThreadsDoNotBlockSIGPROF() throws {
        #expect(try trial("mask").lines == ["blocked in 0 threads"])
    }

    @Test func closedDescriptorsDoNotLoseSignals() throws {
        let trial = try trial("descriptors-closed", signal: SIGTERM)
        #expect(trial.afterReady == ["a SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test(.enabled(if: RunningProbe.canBecomeInit(), "no PID namespace is permitted here"))
    func pid1ExitsWithTheSignalsStatus() throws {
        let trial = try trial("kill-self", mode: .asInit)
        #expect(trial.lines == ["pid 1", "a SIGTERM"])
        #expect(trial.end == .exited(128 + SIGTERM))
    }
}

@Suite struct ForkTests {
    @Test func forkedChildThatExitsRunsNoHook() throws {
        let trial = try trial("fork-exits")
        #expect(trial.lines == ["child exited 7", "a normal"])
        #expect(trial.end == .exited(0))
    }

    @Test func forkedChildRunsOnlyItsOwnHooks() throws {
        let trial = try trial("fork-registers")
        #expect(trial.lines == ["child's exit(7)", "child exited 7", "a normal"])
    }

    @Test func forkedChildHasNoHandlersOfTheParent() throws {
        let trial = try trial("fork-handled")
        #expect(trial.lines == ["child signal 15", "a normal"])
        #expect(trial.end == .exited(0))
    }

    @Test func childForkedInAHookRunsNoOtherHook() throws {
        let trial = try trial("fork-in-hook")
        #expect(trial.lines == ["child exited 6", "child exited 0", "a exit(3)"])
        #expect(trial.end == .exited(3))
    }

    @Test func childThatNoForkHandlerHasSeenRunsNoHook() throws {
        let trial = try trial("clone-exits")
        #expect(trial.lines == ["child exited 7", "child signal 15", "a normal"])
        #expect(trial.end == .exited(0))
    }
}
