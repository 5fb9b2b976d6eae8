// Mutants in exit hooks and signals. The rule of the table: Mutant.swift.

extension Mutant {
    static let hooks: [Mutant] = [
        Mutant(
            "runsFirstRegisteredFirst", "Hooks run in the order they were registered in.",
            in: "ExitHooks/Calls.swift",
            sound: "guard let index = state.hooks.lastIndex(where: matches) else { return nil }",
            planted: """
                let index =
                    ⟨on⟩
                    ? state.hooks.firstIndex(where: matches) : state.hooks.lastIndex(where: matches)
                guard let index else { return nil }
                """,
            seenBy: "returnFromMainRunsHooksLastRegisteredFirst"),
        Mutant(
            "runsHooksTwice", "A hook runs twice.",
            in: "ExitHooks/Calls.swift",
            sound: "try hook.body(reason)",
            planted: """
                try hook.body(reason)
                if ⟨on⟩ { try hook.body(reason) }
                """,
            seenBy: "exitRunsHooksAndKeepsItsStatus"),
        Mutant(
            "ignoresBudget", "A hook that hangs is waited for until the common deadline.",
            in: "ExitHooks/Calls.swift",
            sound: "return .call(hook, by: min(now + hook.budget, endBy))",
            planted: "return .call(hook, by: ⟨on⟩ ? endBy : min(now + hook.budget, endBy))",
            seenBy: "hangingHookIsAbandonedAfterItsBudget"),
        Mutant(
            "keepsHooksInChildren", "A forked child has its parent's hooks.",
            in: "ExitHooks/Registry/Registry.swift",
            sound: "{ Registry.state = Registry.newState() }",
            planted: "{ if !⟨on⟩ { Registry.state = Registry.newState() } }",
            seenBy: "forkedChildRunsOnlyItsOwnHooks"),
        Mutant(
            "movesDeadlineOfHooks", "A deadline that a hook sets counts at once, for the hooks behind it.",
            in: "ExitHooks/Calls.swift",
            sound: "let hooksBy = hasFinalizers ? state.hooksBy : endBy",
            planted: """
                if ⟨on⟩ { state.hooksBy = endBy - min(state.deadline / 5, endBy) }
                let hooksBy = hasFinalizers ? state.hooksBy : endBy
                """,
            seenBy: "hookThatSetsALongerDeadlineDoesNotStopTheOthers"),
        Mutant(
            "waitsAwayFinalizersTime",
            "A hook of a scope that hangs is waited for until no time is left for finalizers.",
            in: "ExitHooks/Calls.swift",
            sound: "let hooksBy = Registry.withState { $0.hooksBy }",
            planted: "let hooksBy = ⟨on⟩ ? endBy : Registry.withState { $0.hooksBy }",
            seenBy: "storeClosesThoughAHookOfAScopeHangs"),
        Mutant(
            "holdsExitsOwnThread", "The thread that `exit()` belongs to is held when its time is over.",
            in: "ExitHooks/Ending.swift",
            sound: """
                case .unwinding where state.finisher == me, .ending where state.finisher == me:
                    return .pass
                """,
            planted: """
                case .unwinding where state.finisher == me, .ending where state.finisher == me:
                    return ⟨on⟩ ? .hold : .pass
                """,
            seenBy: "hookThatHangsOnTheExitThreadDoesNotHoldExit"),
        Mutant(
            "listsGateOnce", "The gate is listed once: of several `exit()` calls the second ends the process.",
            [
                Edit(
                    in: "ExitHooks/Ending.swift",
                    sound: """
                        case .running:
                            backstay_list_gate()
                        """,
                    planted: """
                        case .running:
                            if !⟨on⟩ { backstay_list_gate() }
                        """),
                Edit(
                    in: "C/CExitHooks/process.c",
                    sound: "for (int i = 0; i < 64; i++) backstay_list_gate();",
                    planted: """
                        int gates = ⟨on⟩ ? 1 : 64;
                        for (int i = 0; i < gates; i++) backstay_list_gate();
                        """),
            ],
            seenBy: "exitFromManyThreadsAtOnceRunsEachHookOnce"),
        Mutant(
            "flushesUnderSIGPIPE", "The flush of a stdout whose reader is gone changes the end.",
            in: "ExitHooks/Threads.swift",
            sound: "let spawned = spawn(backstay_exit_thread) {",
            planted: """
                let kind = ⟨on⟩ ? backstay_hook_thread : backstay_exit_thread
                let spawned = spawn(kind) {
                """,
            seenBy: "stdoutWhoseReaderIsGoneDoesNotChangeTheEnd"),
        Mutant(
            "ignoresSecondSignal", "The same signal again does not end the process. Read in C.",
            in: "C/CExitHooks/signals.c",
            sound: "} else if (now > first && now - first >= BACKSTAY_SAME_SIGNAL_NANOSECONDS) {",
            planted: """
                } else if (now > first && now - first >= BACKSTAY_SAME_SIGNAL_NANOSECONDS
                           && !⟨on⟩) {
                """,
            seenBy: "sameSignalAgainKillsWhileAHookBlocks"),
        Mutant(
            "forgetsPreviousHandler", "Not the handler that was found is put back, but the default. Read in C.",
            in: "C/CExitHooks/signals.c",
            sound: "if (is_ours(&found)) {",
            planted: """
                if (⟨on⟩) entries[signal].previous = (struct sigaction){.sa_handler = SIG_DFL};
                if (is_ours(&found)) {
                """,
            seenBy: "removalRestoresThePreviousHandler"),
        Mutant(
            "takesOverIgnored", "A signal that was ignored on entry is handled. Read in C.",
            in: "C/CExitHooks/signals.c",
            sound: "if (!(found.sa_flags & SA_SIGINFO) && found.sa_handler == SIG_IGN)",
            planted: "if (!(found.sa_flags & SA_SIGINFO) && found.sa_handler == SIG_IGN && !⟨on⟩)",
            seenBy: "ignoredOnEntryStaysIgnored"),
        Mutant(
            "marksNoCrash", "A fatal signal is not marked. Read in C.",
            in: "C/CExitHooks/crash.c",
            sound: "put(&mark->signal, (uint64_t)signal);",
            planted: "if (!⟨on⟩) put(&mark->signal, (uint64_t)signal);",
            seenBy: "crashMarksItsSignalAndDiesByIt"),
        Mutant(
            "keepsSignalOfScope",
            "A signal that a scope has dealt with stays marked as what ended the process. Read in C.",
            in: "C/CExitHooks/signals.c",
            sound: "backstay_unnote_handled_signal(signal);",
            planted: "if (!⟨on⟩) backstay_unnote_handled_signal(signal);",
            seenBy: "signalThatAScopeHasDealtWithIsNotWhatEndedTheProcess"),
        Mutant(
            "interruptsSystemCalls", "A fatal signal that ends nothing interrupts system calls. Read in C.",
            in: "C/CExitHooks/crash.c",
            sound: "action.sa_mask = found.sa_mask;",
            planted: """
                if (⟨on⟩) action.sa_flags &= ~SA_RESTART;
                action.sa_mask = found.sa_mask;
                """,
            seenBy: "systemCallsGoOnAfterAFatalSignalThatEndsNothing"),
        Mutant(
            "blocksSIGPROF", "Threads block the signal by which Swift's backtracer stops them. Read in C.",
            in: "C/CExitHooks/process.c",
            sound: "pthread_sigmask(SIG_SETMASK, &all, &before);",
            planted: """
                if (⟨on⟩) sigaddset(&all, SIGPROF);
                pthread_sigmask(SIG_SETMASK, &all, &before);
                """,
            seenBy: "ownThreadsDoNotBlockSIGPROF"),
    ]
}
