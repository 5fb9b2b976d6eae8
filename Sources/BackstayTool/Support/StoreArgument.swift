// How commands reach a store: to read it, or to change it.
//
// Reading creates and writes nothing, and works beside a live owner. Changing takes the store; SIGINT, SIGTERM and SIGHUP
// then close it in order before they end the process. What was acknowledged does not depend on that.

#if CommandLine
import ArgumentParser
import Backstay
import ExitHooks
import WriteAheadJournal

import SystemC

/// STORE, the first argument of every command that needs one.
struct StoreArgument: ParsableArguments {
    @Argument(help: "The store's folder.")
    var store: String

    /// The state, read-only.
    func openReadOnly() throws -> StateStore {
        try checkPresence()
        return try StateStore.openReadOnly(store)
    }

    /// The files, read-only. The body's results must not outlive it.
    func withReader<R>(_ body: (StoreReader) throws -> R) throws -> R {
        try checkPresence()
        let reader = try StoreReader(store)
        defer { reader.close() }
        return try body(reader)
    }

    /// The store to change it.
    func withStore<R>(createsStore: Bool, _ body: (StateStore) throws -> R) throws -> R {
        if !createsStore { try checkPresence() }
        ignoreBrokenPipes()
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        var options = StoreOptions()
        options.createsStore = createsStore
        return try withStateStore(store, options: options, body)
    }

    /// Tells a store that is not there (exit 3) from a place that holds something else (exit 4).
    func checkPresence() throws {
        if let missing = try missing() { throw missing }
    }

    /// What to fail with where there is nothing, or an empty folder.
    ///
    /// - Throws: where there is something else.
    func missing() throws -> Failure? {
        var status = stat()
        let isThere = stat(store, &status) == 0
        if !isThere && (errno == ENOENT || errno == ENOTDIR) { return Self.missing(store) }
        let folder = try Files.resolved(store)
        switch try StoreFolder.classify(folder) {
        case .store: return nil
        case .nothing, .emptyFolder: return Self.missing(store)
        }
    }

    private static func missing(_ path: String) -> Failure {
        Failure(
            .missing, "noSuchStore",
            "there is no store at \(path): check the path, or make one with `backstay set`",
            [("file", .string(path))])
    }
}
#endif
