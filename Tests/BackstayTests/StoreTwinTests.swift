// Blocking calls and their async twins; cancellation.

import Backstay
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreTwinTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(onDisk: true) }

    @Test func everyCallWorksBlocking() throws {
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        #expect(try store.update("a", default: 0) { $0 += 1 }.value == 2)
        #expect(try store.transaction { try $0.get("a", as: Int.self) }.value == 2)
        try store.remove("a")
        try store.set("b", "left")
        try store.sync()
        try store.checkpoint()
        try store.compact()
        try store.backup(to: folder.path + "/copy")
        #expect(try StateStore.openReadOnly(folder.store).get("b") == "left")
        try closeVerified(store)
        let value = try withStateStore(folder.store) { try $0.get("b", as: String.self) }
        #expect(value == "left")
    }

    @Test func everyCallWorksFromATask() async throws { try await useEverything("task") }

    @MainActor @Test func everyCallWorksFromTheMainActor() async throws {
        MainActor.preconditionIsolated()
        try await useEverything("main")
        MainActor.preconditionIsolated()
    }

    private func useEverything(_ name: String) async throws {
        let path = folder.path + "/" + name
        let store = try await StateStore.open(path)
        try await store.set("a", 1)
        #expect(try await store.update("a", default: 0) { $0 += 1 }.value == 2)
        #expect(try await store.transaction { try $0.get("a", as: Int.self) }.value == 2)
        try await store.remove("a")
        try await store.set("b", "left")
        try await store.sync()
        try await store.checkpoint()
        try await store.compact()
        try await store.backup(to: path + ".copy")
        let reader = try await StateStore.openReadOnly(path)
        #expect(try reader.get("b") == "left")
        try await closeVerified(store)
        let value = try await withStateStore(path) { store in
            try await store.set("c", 3)
            return try store.get("b", as: String.self)
        }
        #expect(value == "left")
    }

    @Test func sixtyFourTasksEachGetTheirOwnAnswer() async throws {
        let store = try await StateStore.open(folder.store)
        let lsns = try await withThrowingTaskGroup(of: [LSN].self) { group in
            for task in 0..<64 {
                group.addTask {
                    var lsns: [LSN] = []
                    for round in 0..<5 {
                        lsns.append(try await store.set("task \(task)", round).lsn)
                        lsns.append(try await store.update("sum", default: 0) { $0 += 1 }.receipt.lsn)
                        #expect(try store.get("task \(task)") == round)
                    }
                    #expect(lsns == lsns.sorted())
                    return lsns
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(lsns.sorted().map(\.value) == (2...641).map { $0 })
        #expect(try store.get("sum") == 320)
        // Group commit: far fewer syncs than changes. Each commit serves whoever waits.
        #expect(store.statistics.commits < 640)
        try await closeVerified(store)
    }

    // MARK: Cancellation

    /// Runs the body in a task that is cancelled already.
    private func cancelled<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        let gate = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in gate.stream {}
            #expect(Task.isCancelled)
            return try await body()
        }
        task.cancel()
        gate.continuation.finish()
        return try await task.value
    }

    @Test func cancelledTaskChangesNothing() async throws {
        let store = try await StateStore.open(folder.store)
        try await store.set("a", 1)
        let last = store.statistics.lastLSN
        let hasRun = Event()
        let attempts: [@Sendable () async throws -> Void] = [
            { try await store.set("a", 2) },
            { try await store.set("a", nil as Int?) },
            { try await store.set(StateKey<Int>("a"), 2) },
            { try await store.remove("a") },
            { try await store.update("a", default: 0) { _ in hasRun.signal() } },
            { try await store.transaction { _ in hasRun.signal() } },
        ]
        for (index, attempt) in attempts.enumerated() {
            let error = try await cancelled { await asyncFailure(attempt) }
            #expect(error?.code == .cancelled, "attempt \(index)")
            #expect(error?.outcome == .rejected, "attempt \(index)")
        }
        #expect(!hasRun.hasHappened)
        #expect(try store.get("a") == 1)
        #expect(store.statistics.lastLSN == last)
        // Reading goes on, and so do the calls that ignore cancellation.
        let value = try await cancelled { try store.get("a", as: Int.self) }
        #expect(value == 1)
        try await cancelled { try await store.close() }
        #expect(failure { _ = try store.get("a", as: Int.self) }?.code == .closed)
        let path = folder.store
        let again = try await cancelled { try await StateStore.open(path) }
        #expect(again.recovery.lastEnd.kind == .clean)
        #expect(try again.get("a") == 1)
        try await closeVerified(again)
    }

    @Test func cancellationAfterAdmissionIsAnsweredTruthfully() async throws {
        let store = try await StateStore.open(folder.store)
        let task = Task {
            try await store.transaction { tx in
                try tx.set("a", 1)
                withUnsafeCurrentTask { $0?.cancel() }
                #expect(Task.isCancelled)
            }.receipt
        }
        let receipt = try await task.value
        #expect(receipt.durability == .power)
        #expect(store.statistics.durableLSN >= receipt.lsn)
        #expect(try store.get("a") == 1)
        try await closeVerified(store)
    }

    @Test func aCancelledScopeStillClosesItsStore() async throws {
        let path = folder.store
        let task = Task {
            try await withStateStore(path) { store in
                try await store.set("a", 1)
                withUnsafeCurrentTask { $0?.cancel() }
                try await store.set("b", 2)
            }
        }
        let error = await asyncFailure { try await task.value }
        #expect(error?.code == .cancelled)
        let again = try await StateStore.open(path)
        #expect(again.recovery.lastEnd.kind == .clean)
        #expect(try again.entries().map(\.key) == ["a"])
        try await closeVerified(again)
    }
}
