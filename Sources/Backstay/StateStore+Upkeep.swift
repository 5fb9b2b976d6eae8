// Syncing, checkpointing, compacting, backing up.

internal import WriteAheadJournal

extension StateStore {
    /// Returns when everything acknowledged so far survives power loss. Call it before an effect that leaves the
    /// process.
    ///
    /// - Throws: `notYetDurable`, `ioError`, `damaged` (outcome unknown), `closed`, `forked`, `reentrant`.
    @available(*, noasync, message: "use `try await store.sync()`")
    public func sync() throws(StoreError) { try core.sync() }

    /// Returns when everything acknowledged so far survives power loss, without holding a thread.
    ///
    /// - Throws: as the form for synchronous code.
    public func sync() async throws(StoreError) { try await core.sync() }

    /// Folds the log into the table `state` now. The store does it by itself all the time; this call waits for it. A
    /// store in memory, or opened read-only, has nothing to fold.
    ///
    /// - Throws: as `sync`; `poisoned`; `diskFull` or `busy`, after which nothing is lost and the next one tries again;
    ///   `ioError` or `damaged`, which poison the store.
    @available(*, noasync, message: "use `try await store.checkpoint()`")
    public func checkpoint() throws(StoreError) {
        try core.check()
        try core.checkpoint()
    }

    /// Folds the log into the table `state` now, off the pool's threads.
    ///
    /// - Throws: as the form for synchronous code; `ioError` if the system has no thread for it.
    public func checkpoint() async throws(StoreError) {
        try core.check()
        try await Offload.run { [core] () throws(StoreError) in try core.checkpoint() }
    }

    /// Checkpoints, drops from the log what no recovery needs, and gives unused space back to the file system.
    ///
    /// It takes time and space in proportion to the state. Changes wait for the last part of it.
    /// - Throws: as `checkpoint`; `busy` if a reader of the database files is in the way.
    @available(*, noasync, message: "use `try await store.compact()`")
    public func compact() throws(StoreError) {
        try core.check()
        try core.compact()
    }

    /// Checkpoints, drops from the log what no recovery needs, and gives unused space back, off the pool's threads.
    ///
    /// - Throws: as the form for synchronous code; `ioError` if the system has no thread for it.
    public func compact() async throws(StoreError) {
        try core.check()
        try await Offload.run { [core] () throws(StoreError) in try core.compact() }
    }

    /// Writes a whole store with the state as of now to `path`, synced, while this one goes on.
    ///
    /// The copy opens like any store and continues with the next LSN. It holds the state, not the log or the runs.
    /// - Parameter path: a path with nothing there, or an empty folder. Its parent must exist.
    /// - Throws: as `sync`; `notAStore` if something is in the way, `diskFull`, `ioError`. Then nothing is left there.
    @available(*, noasync, message: "use `try await store.backup(to:)`")
    public func backup(to path: String) throws(StoreError) {
        try core.check()
        try core.backup(to: path)
    }

    /// Writes a whole store with the state as of now to `path`, off the pool's threads.
    ///
    /// - Throws: as the form for synchronous code; `ioError` if the system has no thread for it.
    public func backup(to path: String) async throws(StoreError) {
        try core.check()
        try await Offload.run { [core] () throws(StoreError) in try core.backup(to: path) }
    }

    /// A value of a state beside the key–value one.
    package func named(_ name: String, _ key: String) -> (kind: ValueKind, bytes: [UInt8])? {
        guard let value = core.memory.namedValue(name, key), let kind = ValueKind(rawValue: value.kind) else {
            return nil
        }
        return (kind, value.bytes)
    }
}
