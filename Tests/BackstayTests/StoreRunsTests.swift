// The runs of a store and how they ended, as the store and its folder tell them.

import Backstay
import SystemC
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreRunsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(onDisk: true) }

    /// Names, inodes, modes, sizes, times of writing and bytes of all files of the store. Without the times of change: if
    /// root opens a `-wal`, SQLite sets its owner to what it is.
    private var files: String { shell("cd '\(folder.store)' && stat -c '%n %i %a %s %y' * && cksum *").output }

    @Test func endOfAClosedRunIsOnRecord() throws {
        let before = Clock.wallMicroseconds()
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        let own = try store.runs()
        try store.close()
        let after = Clock.wallMicroseconds()
        let files = self.files

        let runs = try StateStore.runs(at: folder.store)
        let run = try #require(runs.first)
        #expect(runs.count == 1)
        #expect(run.id == 1 && run.pid == getpid())
        #expect(run.host == Machine.hostName() && run.boot == Machine.bootIdentity())
        #expect(before <= run.started && run.started <= (run.ended ?? 0) && run.ended ?? .max <= after)
        #expect(!run.isRunning && run.isEndRecorded)
        #expect(run.end?.kind == .clean && run.end?.confidence == .certain)
        #expect(run.description.hasPrefix("run 1: clean (certain): "))
        #expect(own.map(\.id) == [1] && own[0].started == run.started)
        #expect(self.files == files, "reading the runs wrote something")
    }

    @Test func liveRunGoesOnAndHasNoEnd() throws {
        let first = try StateStore.open(folder.store)
        try first.close()
        let store = try StateStore.open(folder.store)
        for runs in [try store.runs(), try StateStore.runs(at: folder.store)] {
            #expect(runs.map(\.id) == [1, 2])
            #expect(runs.map(\.isRunning) == [false, true])
            #expect(runs.map(\.end?.kind) == [.clean, nil])
            #expect(runs.map(\.isEndRecorded) == [true, false])
            let newest = try #require(runs.last)
            #expect(newest.ended == nil && newest.pid == getpid())
            #expect(newest.description == "run 2: running: process \(getpid()) on \(Machine.hostName())")
        }
        // The owner goes on as before: its locks are still there.
        try store.set("a", 1)
        #expect(failure { _ = try StateStore.open(folder.store) }?.code == .busy)
        try closeVerified(store)
    }

    @Test func endOfAKilledRunIsJudgedFirstAndThenOnRecord() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            kill(getpid(), SIGKILL)
        }
        let files = self.files
        let judged = try await StateStore.runs(at: folder.store)
        #expect(judged.map(\.end?.kind) == [.killed])
        #expect(judged.allSatisfy { !$0.isRunning && !$0.isEndRecorded && $0.ended == nil })
        #expect(self.files == files, "reading the runs wrote something")

        let store = try await StateStore.open(folder.store)
        let runs = try await store.runs()
        #expect(runs.map(\.end) == [store.recovery.lastEnd, nil])
        #expect(runs.map(\.end?.kind) == [judged[0].end?.kind, nil])
        #expect(runs.map(\.isEndRecorded) == [true, false])
        #expect(runs[0].ended == nil, "nobody saw when it ended")
        try await closeVerified(store)
        #expect(try await StateStore.runs(at: folder.store).map(\.end?.kind) == [.killed, .clean])
    }

    @Test func storeOpenedReadOnlyShowsTheRunsOfNow() throws {
        try StateStore.open(folder.store).close()
        let view = try StateStore.openReadOnly(folder.store)
        #expect(try view.runs().map(\.end?.kind) == [.clean])
        let store = try StateStore.open(folder.store)
        #expect(try view.runs().map(\.isRunning) == [false, true])
        try closeVerified(store)
        try view.close()
        #expect(failure { _ = try view.runs() }?.code == .closed)
    }

    @Test func storeInMemoryHasItsOwnRun() async throws {
        let before = Clock.wallMicroseconds()
        let store = try StateStore.inMemory()
        let runs = try await store.runs()
        #expect(runs.count == 1)
        #expect(runs[0].id == 1 && runs[0].isRunning && runs[0].end == nil && runs[0].pid == getpid())
        #expect(before <= runs[0].started && runs[0].started <= Clock.wallMicroseconds())
        #expect(try await store.runs() == runs)
        try await store.close()
        #expect(await asyncFailure { _ = try await store.runs() }?.code == .closed)
    }

    @Test func whatIsNoStoreHasNoRuns() async throws {
        let path = folder.store
        #expect(await asyncFailure { _ = try await StateStore.runs(at: path) }?.code == .notAStore)
        #expect(!Files.exists(path), "reading made a store")
        try await StateStore.open(path).close()
        #expect(shell("rm '\(path)/state.db'").status == 0)
        #expect(await asyncFailure { _ = try await StateStore.runs(at: path) }?.code == .damaged)
    }

    @Test func runsInsideABodyAreReentrant() throws {
        let store = try StateStore.open(folder.store)
        #expect(failure { try store.transaction { _ in _ = try store.runs() } }?.code == .reentrant)
        try closeVerified(store)
    }
}
