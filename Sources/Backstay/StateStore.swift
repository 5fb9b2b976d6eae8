// The store as its users meet it: opening and closing. StateStore+Values.swift has the values; StateStore+Upkeep.swift
// syncs, checkpoints, compacts and backs up.
//
// Every blocking call has an async twin of the same name. The blocking form is `noasync`. Without that a task would
// silently take it, and hold a pool thread while it waits for the disk.

internal import ExitHooks
internal import WriteAheadJournal

/// Application state that survives `kill -9` and power loss.
///
/// The state is in memory and read at memory speed. Every change is in an append-only log before the call that made it
/// returns. Opening recovers first, and tells how the last run ended.
///
/// ```swift
/// let store = try StateStore.open("app.backstay")
/// try store.set("user_count", 42)
/// let n: Int? = try store.get("user_count")
/// ```
///
/// One process at a time owns a store. Others may read it (`openReadOnly`). All calls may be made from any thread or
/// task. A store that is dropped without `close` writes out what is published and counts as not closed.
public final class StateStore: Sendable {
    let core: StoreCore
    private let exit: ExitHooks.Token?

    private init(_ core: StoreCore, closesAtExit: Bool) {
        self.core = core
        guard closesAtExit else {
            exit = nil
            return
        }
        let box = WeakBox()
        box.core = core
        exit = ExitHooks.registerFinalizer("close the store") { reason in
            // If anything fails here, the log has every acknowledged change. The next start takes longer, no more.
            try? box.core?.close(StoreCore.end(for: reason))
        }
    }

    deinit {
        if core.isForked {
            core.abandonInChild()
            return
        }
        exit?.cancel()
        try? core.close(nil)
    }

    // MARK: Opening

    /// Opens the store at `path`, and recovers what the last run left. If nothing is there, it creates the store.
    ///
    /// - Parameters:
    ///   - path: a folder. Its parent must exist. It is resolved once: a later change of the working folder is
    ///     harmless.
    ///   - options: see `StoreOptions`.
    /// - Throws: `busy` naming the owner, after a third of a second; `damaged`, `notAStore`, `newerFormat`,
    ///   `unsupported`, `diskFull`, `ioError`. Then no store was created, and what was there has all it had. If damage
    ///   was found, the folder `evidence` has a copy of the files as they were.
    @available(*, noasync, message: "use `try await StateStore.open`")
    public static func open(_ path: String, options: StoreOptions = .init()) throws(StoreError) -> StateStore {
        StateStore(try StoreCore(opening: path, options), closesAtExit: options.closesAtExit)
    }

    /// Opens the store at `path` without holding a pool thread. Recovery ignores cancellation.
    ///
    /// - Throws: as the form for synchronous code.
    public static func open(_ path: String, options: StoreOptions = .init()) async throws(StoreError) -> StateStore {
        try await Offload.run { () throws(StoreError) in
            StateStore(try StoreCore(opening: path, options), closesAtExit: options.closesAtExit)
        }
    }

    /// A store that keeps nothing, for tests: the same calls, the same answers, no files.
    ///
    /// - Throws: `ioError` if the system has no memory or no thread for it.
    public static func inMemory(options: StoreOptions = .init()) throws(StoreError) -> StateStore {
        StateStore(try StoreCore(inMemory: options), closesAtExit: false)
    }

    /// The state as it is now, also beside a live owner: every change acknowledged before the call. Writes nothing.
    ///
    /// - Throws: `notAStore`, `damaged` (also if `open` would repair altered bytes), `newerFormat`, `busy`,
    ///   `unsupported`, `ioError`. Changing calls on it throw `unsupported`.
    @available(*, noasync, message: "use `try await StateStore.openReadOnly`")
    public static func openReadOnly(_ path: String) throws(StoreError) -> StateStore {
        StateStore(try StoreCore(reading: path, vfs: nil), closesAtExit: false)
    }

    /// The state as it is now, also beside a live owner, without holding a pool thread.
    ///
    /// - Throws: as the form for synchronous code.
    public static func openReadOnly(_ path: String) async throws(StoreError) -> StateStore {
        try await Offload.run { () throws(StoreError) in
            StateStore(try StoreCore(reading: path, vfs: nil), closesAtExit: false)
        }
    }

    // MARK: What is known

    /// How the last run ended, and what recovery did.
    public var recovery: RecoveryReport { core.recovery }

    /// Where the store stands right now.
    public var statistics: Statistics { core.statistics }

    /// The store's folder, absolute; nil for a store in memory.
    public var path: String? { core.folder }

    // MARK: Closing

    /// Writes out what is published, checkpoints, notes a clean end and gives the store up.
    ///
    /// Correctness never depends on it: it makes the next start quicker. It ignores cancellation. The second time it
    /// does nothing.
    /// - Throws: what kept published changes from the disk. `reentrant` and `forked` leave the store open.
    @available(*, noasync, message: "use `try await store.close()`")
    public func close() throws(StoreError) { try closeNow() }

    /// Writes out what is published, checkpoints, notes a clean end and gives the store up, off the pool's threads.
    ///
    /// - Throws: as the form for synchronous code; `ioError` if the system has no thread for it. Then the store stays open.
    public func close() async throws(StoreError) {
        try await Offload.run { [self] () throws(StoreError) in try closeNow() }
    }

    private func closeNow() throws(StoreError) {
        // Not before: if the call is rejected the store is still open, and closes at exit.
        defer { if core.isOver { exit?.cancel() } }
        try core.close(StoreCore.end(for: ExitHooks.currentReason))
    }
}

/// Lets the exit hook reach the core without keeping it alive.
private final class WeakBox: @unchecked Sendable {
    // Written once, before the hook is registered, so an exit at that very moment already sees it. Weak references may
    // be read from any thread.
    weak var core: StoreCore?
}

/// Opens a store for the body and closes it on every way out: return, throw, cancellation.
///
/// The body's error wins over an error of closing. If only closing fails, that is thrown.
/// - Throws: what `StateStore.open` throws, the body's error unchanged, or what only closing threw.
@_disfavoredOverload  // Else async code whose body awaits nothing would get this one, and be refused for it.
@available(*, noasync, message: "use `try await withStateStore`")
@discardableResult
public func withStateStore<R>(
    _ path: String, options: StoreOptions = .init(), _ body: (StateStore) throws -> R
) throws -> R {
    let store = try StateStore.open(path, options: options)
    let result: R
    do {
        result = try body(store)
    } catch {
        try? store.close()
        throw error
    }
    try store.close()
    return result
}

/// Opens a store for the body and closes it on every way out: return, throw, cancellation.
///
/// The body's error wins over an error of closing. If only closing fails, that is thrown.
/// - Throws: what `StateStore.open` throws, the body's error unchanged, or what only closing threw.
@discardableResult
public func withStateStore<R>(
    _ path: String, options: StoreOptions = .init(), _ body: (StateStore) async throws -> R
) async throws -> R {
    let store = try await StateStore.open(path, options: options)
    let result: R
    do {
        result = try await body(store)
    } catch {
        try? await store.close()
        throw error
    }
    try await store.close()
    return result
}
