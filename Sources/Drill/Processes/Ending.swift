// The ways in which a child of the drill can end.

/// How the child's program ends.
package enum Ending: String, Sendable {
    /// The body returns, then main.
    case returns
    /// `exit(3)` from main; from a thread of its own, status 4; from a task, status 5.
    case exits, exitsOnThread, exitsInTask
    /// `Exit(3)`, an error, thrown in `ExitHooks.run`; an error thrown out of main without it.
    case throwsExit, throwsError, throwsFromMain
    /// Waits in `ExitHooks.run` for what the parent does, and answers cancellation.
    case waits
    /// The same, answering nothing.
    case ignoresCancellation
    /// The same as `waits`, with a hook that takes longer than the parent's patience.
    case hookIsSlow
    /// Waits with hooks, but without any handler.
    case waitsUnhandled
    /// fatalError, a store to no memory, abort; marked. The last one: not marked.
    case traps, faults, aborts, faultsUnmarked
    /// Checkpoints again and again until the parent kills.
    case checkpoints
    /// Killed inside a writing call of a commit, of closing.
    case diesCommitting, diesClosing
    /// Takes memory until the kernel kills.
    case eatsMemory
}
