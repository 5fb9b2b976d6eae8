// Faults that a test build can plant in the exit hooks, one at a time: `lab mutants`.
//
// The rule is that of WriteAheadJournal/Planted.swift; this module imports nothing of the store, so it has its own. C code
// asks for the same names (CExitHooks/internal.h), compiled with -DBACKSTAY_PLANTED.

#if PLANTED
#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif
#endif

package enum PlantedInHooks: Sendable {
    /// Hooks run in the order they were registered in.
    case runsFirstRegisteredFirst
    /// A hook runs twice.
    case runsHooksTwice
    /// A hook that hangs is waited for until the common deadline.
    case ignoresBudget
    /// A forked child has its parent's hooks.
    case keepsHooksInChildren
    /// A deadline that a hook sets counts at once, for the hooks behind it.
    case movesDeadlineOfHooks
    /// A hook of a scope that hangs is waited for until no time is left for finalizers.
    case waitsAwayFinalizersTime
    /// The thread that `exit()` belongs to is held when its time is over.
    case holdsExitsOwnThread
    /// The gate is listed once: of several `exit()` calls the second ends the process.
    case listsGateOnce
    /// The flush of a stdout whose reader is gone changes the end.
    case flushesUnderSIGPIPE
    /// The same signal again does not end the process. Read in C.
    case ignoresSecondSignal
    /// Not the handler that was found is put back, but the default. Read in C.
    case forgetsPreviousHandler
    /// A signal that was ignored on entry is handled. Read in C.
    case takesOverIgnored
    /// A fatal signal is not marked. Read in C.
    case marksNoCrash
    /// A signal that a scope has dealt with stays marked as what ended the process. Read in C.
    case keepsSignalOfScope
    /// A fatal signal that ends nothing interrupts system calls. Read in C.
    case interruptsSystemCalls
    /// Threads block the signal by which Swift's backtracer stops them. Read in C.
    case blocksSIGPROF

    @inlinable @inline(__always) package var isOn: Bool {
        #if PLANTED
        return Self.chosen == self
        #else
        return false
        #endif
    }
}

#if PLANTED
extension PlantedInHooks: CaseIterable {
    @usableFromInline package static let chosen: PlantedInHooks? = {
        guard let name = getenv("BACKSTAY_PLANTED").map({ String(cString: $0) }) else { return nil }
        return allCases.first { "\($0)" == name }
    }()
}
#endif
