// What hostile exit hooks do, and what each may change about the end of the process.
//
// A hook that only hangs, throws or calls exit() changes nothing: the other hooks run, and the status is that of the cause
// that came first. Nobody can keep a hook from ending the process by other means, or from taking its memory or its
// descriptors away; that costs the end, and must not cost a change that was answered.

internal import Backstay
internal import Drill
internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

enum Hostility: String, CaseIterable, Sendable {
    /// Never returns.
    case sleeps, spins, sleepsInTransaction
    /// Ends the process, each in its way.
    case exits, exitsInTransaction, exitsAtOnce, exitsQuickly, aborts, killsItself, faults, traps
    case throwsError
    /// Threads that go on changing the store when the hook has returned, while it is closed.
    case writes
    case reopens, closesStore, unlinksLock, changesFolder
    /// Changes the list of hooks, or the deadline.
    case registers, registersForEver, cancels, lengthensDeadline
    case forksAndReturns, forksAndExits
    case blocksSignals, ignoresSignals, changesHandlers
    /// Closes all descriptors from 3 to 1023; the second one has another file under the numbers of the store's.
    case closesDescriptors, takesDescriptors
    /// Writes to a stdout that nobody reads: the reader is gone, or does not read.
    case floodsBrokenPipe, floodsFullPipe
    case eatsMemory

    /// How it may end the process itself; empty where it must not matter.
    var ends: [ChildProcess.End] {
        switch self {
        case .exitsAtOnce: [.exited(8)]
        case .exitsQuickly: [.exited(9)]
        case .aborts: [.signalled(SIGABRT)]
        case .killsItself: [.signalled(SIGKILL)]
        case .faults: [.signalled(SIGSEGV)]
        case .traps: Self.trapped
        case .floodsBrokenPipe: [.signalled(SIGPIPE)]
        // What is no more to be had, whoever needs it next: the runtime, its queues.
        case .eatsMemory, .closesDescriptors, .takesDescriptors:
            Self.trapped + [.signalled(SIGABRT), .signalled(SIGSEGV), .signalled(SIGBUS)]
        default: []
        }
    }

    /// Swift's traps, by processor.
    static let trapped: [ChildProcess.End] = [.signalled(SIGILL), .signalled(SIGTRAP)]

    /// Whether descriptors of others are gone.
    var closesOthers: Bool { self == .closesDescriptors || self == .takesDescriptors }

    /// Whether it surely ends the process as soon as it is called, unless signals have become harmless.
    var endsForSure: Bool {
        switch self {
        case .exitsAtOnce, .exitsQuickly, .aborts, .killsItself, .faults, .traps: true
        default: false
        }
    }

    /// Whether hooks behind it may not come to run, or may not end what they would.
    var hinders: Bool {
        switch self {
        case .cancels, .registersForEver, .ignoresSignals, .changesHandlers: true
        default: !ends.isEmpty
        }
    }
}
