// `run` and `scope`: what unwinds, in which order, and what the parent sees.

import Testing

import SystemC

@Suite struct RunTests {
    @Test func returningBodyRunsHooksAndExitsWithZero() throws {
        let trial = try trial("run-returns")
        #expect(trial.lines == ["b normal", "a normal"])
        #expect(trial.end == .exited(0))
    }

    @Test func errorGoesToStderrWithStatusOne() throws {
        let trial = try trial("run-throws")
        #expect(trial.lines == ["defer", "a error: no route"])
        #expect(trial.stderr == "error: no route\n")
        #expect(trial.end == .exited(1))
    }

    @Test func thrownExitUnwindsScopesThenRunsHooks() throws {
        let trial = try trial("run-exit")
        #expect(trial.lines == ["scope exit(3)", "defer", "a exit(3)"])
        #expect(trial.stderr == "")
        #expect(trial.end == .exited(3))
    }

    @Test func signalThatCannotBeHandledEndsRunBeforeItsBody() throws {
        let trial = try trial("run-refused")
        #expect(trial.lines.isEmpty)
        #expect(trial.stderr.hasPrefix("error: SIGQUIT can't be handled here"))
        #expect(trial.end == .exited(1))
    }

    @Test func bodyKeepsTheCallersIsolation() throws {
        let trial = try trial("run-main-actor")
        #expect(trial.lines == ["run scope 42"])
        #expect(trial.end == .exited(0))
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalUnwindsTheBodyRunsHooksAndIsSeenByTheParent(signal: Int32) throws {
        let trial = try trial("run-signal", signal: signal)
        let name = [SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"][signal] ?? ""
        #expect(trial.afterReady == ["scope \(name)", "defer", "a \(name)"])
        #expect(trial.end == .signalled(signal))
        #expect(trial.duration < .milliseconds(1500))
    }

    @Test func signalCanEndInAnExitStatus() throws {
        let trial = try trial("run-signal", "exit", signal: SIGTERM)
        #expect(trial.afterReady == ["scope SIGTERM", "defer", "a SIGTERM"])
        #expect(trial.end == .exited(0))
    }

    @Test func exitThrownInAnswerToASignalGivesTheStatus() throws {
        let trial = try trial("run-answers-exit", signal: SIGTERM)
        #expect(trial.afterReady == ["a SIGTERM"])
        #expect(trial.end == .exited(7))
    }

    @Test(arguments: ["run-deaf", "run-blocked", "run-cancel-handler-hangs"])
    func bodyThatIgnoresCancellationIsLeftAfterTheUnwindBudget(scenario: String) throws {
        let trial = try trial(scenario, signal: SIGTERM)
        #expect(trial.afterReady.last == "a SIGTERM")
        #expect(trial.end == .signalled(SIGTERM))
        #expect(trial.duration >= .milliseconds(300) || scenario == "run-cancel-handler-hangs")
        #expect(trial.duration < .milliseconds(1500))
    }

    @Test func exitCalledInAnswerToASignalStartsHooksAtOnce() throws {
        let trial = try trial("run-exit-after-signal", signal: SIGTERM)
        #expect(trial.afterReady == ["a SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
        #expect(trial.duration < .milliseconds(1500))
    }

    @Test func stdoutIsFlushedBeforeASignalDeath() throws {
        let trial = try trial("run-buffered", signal: SIGTERM)
        #expect(trial.afterReady == ["buffered"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func stdoutWhoseReaderIsGoneDoesNotChangeTheEnd() throws {
        let probe = try RunningProbe("run-buffered")
        try probe.line("ready")
        probe.closeOutput()
        probe.send(SIGTERM)
        #expect(try probe.finish().end == .signalled(SIGTERM))
    }

    @Test func stdoutThatNobodyReadsDoesNotHoldTheProcess() throws {
        let probe = try RunningProbe("run-stdout-full")
        try probe.line("ready")
        probe.stopReading()
        // The pipe is full once the child sleeps in its body; then its end has to flush into a full pipe.
        try probe.waitUntilOutputIsFull()
        probe.startClock()
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.end == .signalled(SIGTERM))
        #expect(trial.duration < .milliseconds(2500))
    }
}

@Suite struct ScopeTests {
    @Test func hooksOfAScopeRunAtItsEndAndTheProcessGoesOn() throws {
        let trial = try trial("scope")
        #expect(trial.lines == ["child normal", "b normal", "a normal", "value 42", "process normal"])
        #expect(trial.end == .exited(0))
    }

    @Test func errorIsRethrownAfterTheHooks() throws {
        let trial = try trial("scope-throws")
        #expect(trial.lines == ["a error: no route", "caught no route"])
        #expect(trial.end == .exited(0))
    }

    @Test func innerScopeEndsBeforeTheOuter() throws {
        #expect(try trial("scope-nested").lines == ["inner normal", "between", "outer normal"])
    }

    @Test func signalCancelsTheScopeAndTheProcessGoesOnUnhandled() throws {
        let probe = try RunningProbe("scope-signal")
        try probe.line("ready")
        probe.send(SIGTERM)
        try probe.line("after")
        // Nobody handles signals now: the default action ends the process, and its hooks don't run.
        probe.send(SIGTERM)
        let trial = try probe.finish()
        #expect(trial.afterReady == ["a SIGTERM", "caught true", "cancelled false", "after"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func exitInAHookOfAScopeEndsTheProcess() throws {
        let trial = try trial("scope-hook-exits")
        #expect(trial.lines == ["b", "a exit(4)"])
        #expect(trial.end == .exited(4))
    }

    @Test func hangingHookOfAScopeIsAbandoned() throws {
        let trial = try trial("scope-hook-hangs")
        #expect(trial.lines == ["a normal", "after"])
        #expect(trial.stderr == "exit hook 'b' was abandoned: its time was over\n")
        #expect(trial.duration < .milliseconds(1500))
    }

    @Test func signalThatEndsTheProcessUnwindsScopesFirst() throws {
        let trial = try trial("scope-under-handled", signal: SIGTERM)
        // What follows the scope goes on beside the hooks of the process.
        #expect(trial.afterReady.filter { $0 != "after" } == ["a SIGTERM", "process SIGTERM"])
        #expect(trial.end == .signalled(SIGTERM))
    }

    @Test func exitDuringTheHooksOfAScopeRunsTheRestOnce() throws {
        let trial = try trial("scope-during-exit")
        #expect(trial.lines == ["a begins", "a ends", "process"])
        #expect(trial.end == .exited(2))
    }
}
