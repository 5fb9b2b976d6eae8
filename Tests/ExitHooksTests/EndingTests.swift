// Normal end, `exit()`, and hooks that misbehave: each in a real process, judged by its parent.

import TestSupport
import Testing

@Suite struct EndingTests {
    @Test func returnFromMainRunsHooksLastRegisteredFirst() throws {
        let trial = try trial("normal")
        #expect(trial.lines == ["c normal", "b normal", "a normal"])
        #expect(trial.end == .exited(0))
    }

    @Test func exitWithoutHooksKeepsItsStatus() throws {
        let trial = try trial("nothing")
        #expect(trial.end == .exited(5))
        #expect(trial.lines.isEmpty)
    }

    @Test(arguments: [("exit-main", 3), ("exit-thread", 4), ("exit-task", 5)] as [(String, Int32)])
    func exitRunsHooksAndKeepsItsStatus(scenario: String, status: Int32) throws {
        let trial = try trial(scenario)
        #expect(trial.lines == ["b exit(\(status))", "a exit(\(status))"])
        #expect(trial.end == .exited(status))
    }

    @Test func exitFromManyThreadsAtOnceRunsEachHookOnce() throws {
        for _ in 0..<5 {
            let trial = try trial("exit-many")
            #expect(trial.lines == ["c begins", "c ends", "b begins", "b ends", "a begins", "a ends"])
            #expect(trial.end == .exited(6))
        }
    }

    @Test func exitWhileHooksRunDoesNotCutThemShort() throws {
        let trial = try trial("exit-during-hooks")
        #expect(trial.lines == ["b ends", "a exit(3)"])
        #expect(trial.end == .exited(3))
    }

    @Test func exitInsideAHookLetsTheOthersRunAtOnce() throws {
        let trial = try trial("exit-in-hook")
        #expect(trial.lines == ["c exit(3)", "b", "a exit(3)"])
        #expect(trial.end == .exited(3))
        #expect(trial.duration < .seconds(1.5))
    }

    @Test func exitInsideAnotherExitHandlerEndsTheProcess() throws {
        let trial = try trial("exit-in-atexit")
        #expect(trial.lines == ["a exit(3)", "atexit"])
        #expect(trial.end == .exited(8))
    }

    @Test func throwingHookIsReportedAndTheOthersRun() throws {
        let trial = try trial("throw-in-hook")
        #expect(trial.lines == ["c normal", "a normal"])
        #expect(trial.err == "exit hook 'save' failed: no space\n")
        #expect(trial.end == .exited(0))
    }

    @Test func hangingHookIsAbandonedAfterItsBudget() throws {
        let trial = try trial("hang-in-hook")
        #expect(trial.lines == ["c exit(3)", "b", "a exit(3)"])
        #expect(trial.err == "exit hook 'b' was abandoned: its time was over\n")
        #expect(trial.end == .exited(3))
        #expect(trial.duration >= .milliseconds(300))
        #expect(trial.duration < .milliseconds(1500))
    }

    @Test func hangingHooksShareOneDeadlineThatLeavesTimeForFinalizers() throws {
        let trial = try trial("hang-in-all")
        #expect(trial.lines == ["c", "b", "close"])
        #expect(trial.err.contains("exit hook 'a' was not run: no time was left"))
        #expect(trial.end == .exited(3))
        #expect(trial.duration < .seconds(3))
    }

    @Test func exitHandlerThatWaitsForAnAbandonedHookDoesNotHoldTheProcess() throws {
        let trial = try trial("hang-with-lock")
        #expect(trial.end == .exited(3))
        #expect(trial.duration >= .milliseconds(500))
        #expect(trial.duration < .milliseconds(1500))
    }

    /// It takes nothing from the others: the end has begun with the deadline as it was.
    @Test func hookThatSetsALongerDeadlineDoesNotStopTheOthers() throws {
        let trial = try trial("lengthen-in-hook")
        #expect(trial.lines == ["b", "a normal", "close"])
    }

    #if os(Linux)
    /// Without a thread for a hook nobody can leave it behind; the thread that called `exit()` does not wait for ever.
    @Test func hookThatHangsOnTheExitThreadDoesNotHoldExit() throws {
        let trial = try trial("hang-on-the-exit-thread")
        #expect(trial.lines == ["c", "b"])
        #expect(trial.end == .exited(3))
        #expect(trial.duration < .milliseconds(1500))
    }
    #endif

    @Test func hookRegisteredWhileHooksRunIsRun() throws {
        let trial = try trial("register-in-hook")
        #expect(trial.lines == ["b", "late normal", "a normal"])
    }

    @Test func hooksThatRegisterForEverEndWithTheDeadline() throws {
        let trial = try trial("register-for-ever")
        #expect(trial.lines == ["close"])
        #expect(trial.end == .exited(0))
        #expect(trial.duration < .seconds(3))
    }

    @Test func argumentsAreCopiedAtRegistration() throws {
        let trial = try trial("arguments")
        #expect(trial.lines == ["none", "backup.json [1, 2, 3]"])
        #expect(trial.err == "exit hook 'save' failed: disk full\n")
    }

    @Test func cancelledHookIsNotRun() throws {
        let trial = try trial("cancel")
        #expect(trial.lines == ["true false", "c normal", "a normal"])
    }

    @Test func finalizersRunAfterAllHooksLastRegisteredFirst() throws {
        let trial = try trial("finalizers")
        #expect(trial.lines == ["b", "a exit(2)", "close 3", "close 2 exit(2)", "close 1 exit(2)"])
        #expect(trial.end == .exited(2))
    }

    @Test func currentReasonIsKnownFromTheBeginningOfTheEnd() throws {
        #expect(try trial("current-reason").lines == ["none", "exit(2)"])
    }
}
