// Processes that end in every way, their children, and two that want the same store: judged by the next start.

import Backstay
import ExitHooks
import SystemC
import Testing
import WriteAheadJournal

/// `fork`, which Swift hides for good reason: the child may only do what these tests have it do.
func forkProcess() -> pid_t {
    typealias Fork = @convention(c) () -> pid_t
    guard let address = dlsym(dlopen(nil, RTLD_NOW), "fork") else { return -1 }
    return unsafeBitCast(address, to: Fork.self)()
}

/// The child's exit status, or nil where it did not exit.
private func exitStatus(of child: pid_t) -> Int32? {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
        guard errno == EINTR else { return nil }
    }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : nil
}

/// Runs the body in a forked child; what it gave as exit status.
private func inChild(_ body: () -> Int32) -> Int32? {
    let child = forkProcess()
    if child == 0 { _exit(body()) }
    return child > 0 ? exitStatus(of: child) : nil
}

/// Blocks until the process is killed.
private func waitForever() -> Never {
    while true { pause() }
}

/// Forks inside a body; the child's exit status, which is 0 where its transaction was refused as `forked`.
private func forksInsideATransaction(_ store: StateStore) -> Int32? {
    var child: pid_t = -1
    let error = failure {
        try store.transaction {
            try $0.set("by the parent", 1)
            child = forkProcess()
        }
    }
    if child == 0 { _exit(error?.code == .forked && error?.outcome == .rejected ? 0 : 3) }
    return error == nil ? exitStatus(of: child) : nil
}

@Suite struct StoreExitTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Opens what the ended process left, checks that its change is there, and returns the verdict.
    private func verdict(_ path: String? = nil) async throws -> RunEnd {
        let store = try await StateStore.open(path ?? folder.store)
        #expect(try store.get("answered") == 42)
        let end = store.recovery.lastEnd
        try await closeVerified(store)
        return end
    }

    // MARK: Endings

    @Test func exitWithAnOpenStoreSaysExitAndItsStatus() async throws {
        await #expect(processExitsWith: .exitCode(3)) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            exit(3)
        }
        let end = try await verdict()
        #expect(end.kind == .exit)
        #expect(end.status == 3)
        #expect(end.confidence == .certain)
    }

    @Test func exitFromAnotherThreadSaysTheSame() async throws {
        await #expect(processExitsWith: .exitCode(4)) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            _ = try WorkerThread("test") { exit(4) }
            waitForever()
        }
        let end = try await verdict()
        #expect(end.kind == .exit)
        #expect(end.status == 4)
    }

    @Test func storeClosesBehindEveryHookOfTheApplication() async throws {
        await #expect(processExitsWith: .exitCode(0)) { [path = folder.store as String] in
            let stores = Locked<[StateStore]>([])
            ExitHooks.register("early") { _ in
                // Registered before the store: runs after later hooks, and still before the store closes.
                for store in stores.with({ $0 }) { try store.set("by the hook", 1) }
            }
            let store = try await StateStore.open(path)
            stores.with { $0 = [store] }
            try await store.set("answered", 42)
            exit(0)
        }
        let store = try await StateStore.open(folder.store)
        #expect(try store.get("by the hook") == 1)
        #expect(store.recovery.recordsReplayed <= 1, "closing checkpoints")
        #expect(store.recovery.lastEnd.kind == .clean)
        #expect(store.recovery.lastEnd.evidence.contains("closed itself"))
        try await closeVerified(store)
    }

    @Test func storeWhoseCloseWasRefusedStillClosesAtExit() async throws {
        await #expect(processExitsWith: .exitCode(3)) { [path = folder.store as String] in
            func closesInsideABody(_ store: StateStore) throws -> StoreError? {
                try store.transaction { _ in failure { try store.close() } }.value
            }
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            guard try closesInsideABody(store)?.code == .reentrant else { exit(10) }
            withExtendedLifetime(store) { exit(3) }
        }
        let end = try await verdict()
        #expect(end.kind == .exit, "\(end)")
    }

    /// A scope may give its hooks more time than the process has.
    @Test func storeClosesThoughAHookOfAScopeHangs() async throws {
        await #expect(processExitsWith: .exitCode(0)) { [path = folder.store as String] in
            ExitHooks.deadline = .seconds(2)
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            let begun = Event()
            Task {
                try await ExitHooks.scope(signals: [], deadline: .seconds(60)) {
                    ExitHooks.register("hangs", budget: .seconds(60)) { _ in
                        begun.signal()
                        waitForever()
                    }
                }
            }
            try await offPool { _ = begun.wait() }
            withExtendedLifetime(store) { exit(0) }
        }
        let end = try await verdict()
        #expect(end.kind == .clean, "\(end)")
    }

    /// The program went on behind the scope; what ended it hours later was something else.
    @Test func signalThatAScopeHasDealtWithIsNotWhatEndedTheProcess() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            do {
                try await ExitHooks.scope(signals: [.user1]) {
                    kill(getpid(), SIGUSR1)
                    try await Task.sleep(for: .seconds(20))
                }
            } catch is CancellationError {
                withExtendedLifetime(store) { _ = kill(getpid(), SIGKILL) }
            }
        }
        let end = try await verdict()
        #expect(end.kind == .killed, "\(end)")
    }

    @Test func exitInsideATransactionEndsAndRollsItBack() async throws {
        await #expect(processExitsWith: .exitCode(5)) { [path = folder.store as String] in
            ExitHooks.deadline = .milliseconds(500)
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            try await store.transaction { tx in
                try tx.set("answered", 0)
                exit(5)
            }
        }
        _ = try await verdict()
    }

    @Test func optedOutStoreIsLeftAloneAtExit() async throws {
        await #expect(processExitsWith: .exitCode(0)) { [path = folder.store as String] in
            var options = StoreOptions()
            options.closesAtExit = false
            let store = try await StateStore.open(path, options: options)
            try await store.set("answered", 42)
            exit(0)
        }
        #expect(try await verdict().kind == .killed)
    }

    @Test func abortWithMarksSaysCrash() async throws {
        await #expect(processExitsWith: .failure) { [path = folder.store as String] in
            ExitHooks.markCrashes()
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            abort()
        }
        let end = try await verdict()
        #expect(end.kind == .crash)
        #expect(end.status == SIGABRT)
        #expect(end.confidence == .certain)
    }

    @Test func fatalErrorWithMarksSaysCrashAndWithoutSaysKilled() async throws {
        await #expect(processExitsWith: .failure) { [path = folder.store as String] in
            ExitHooks.markCrashes()
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            fatalError("on purpose")
        }
        #expect(try await verdict().kind == .crash)
        await #expect(processExitsWith: .failure) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            abort()
        }
        let end = try await verdict()
        #expect(end.kind == .killed)
        #expect(end.confidence == .possible)
    }

    @Test func killSaysKilledAndLosesNothingAnswered() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.store as String] in
            ExitHooks.markCrashes()
            let store = try await StateStore.open(path)
            for number in 0..<100 { try await store.set("k\(number)", number, durability: .process) }
            try await store.set("answered", 42, durability: .process)
            kill(getpid(), SIGKILL)
        }
        let store = try StateStore.openReadOnlyNow(folder.store)
        #expect(store.recovery.lastEnd.kind == .killed)
        #expect(store.recovery.lastEnd.confidence == .likely)
        #expect(try store.entries(prefix: "k").map { try $0.value(as: Int.self) }.sorted() == Array(0..<100))
        #expect(try await verdict().kind == .killed)
    }

    // MARK: Forked children

    @Test func forkedChildIsRefusedAndDoesNoHarm() async throws {
        await #expect(processExitsWith: .success) { [path = folder.store as String] in
            ExitHooks.register("hook") { _ in _ = try? StateStore.openReadOnlyNow(path) }
            var store: StateStore? = try await StateStore.open(path)
            try await store?.set("answered", 42)
            let view = try store?.snapshot()

            // Every call answers `forked`, at once; what was read before is still there.
            let status = inChild {
                guard let store else { return 1 }
                let calls: [() throws -> Void] = [
                    { _ = try store.get("answered", as: Int.self) }, { _ = try store.contains("answered") },
                    { try store.set("answered", 0) }, { try store.remove("answered") },
                    { try store.update("answered", default: 0) { $0 = 0 } }, { try store.transaction { _ in } },
                    { _ = try store.snapshot() }, { _ = try store.entries() }, { try store.sync() },
                    { try store.checkpoint() }, { try store.compact() }, { try store.backup(to: path + ".copy") },
                    { try store.close() },
                ]
                for (index, call) in calls.enumerated() {
                    guard failure(call)?.code == .forked else { return Int32(10 + index) }
                }
                guard store.statistics.trouble?.code == .forked else { return 3 }
                let value = try? view?.get("answered", as: Int.self)
                return value == 42 ? 0 : 2
            }
            #expect(status == 0)
            try await store?.set("after the child", 1)

            // One that leaves through exit(), with its atexit handlers.
            let exiting = forkProcess()
            if exiting == 0 { exit(0) }
            #expect(exitStatus(of: exiting) == 0)
            try await store?.set("after its exit", 2)

            // One that drops the store.
            let dropped = inChild {
                store = nil
                return 0
            }
            #expect(dropped == 0)
            try await store?.set("after its drop", 3)
            let reader = try await StateStore.openReadOnly(path)
            #expect(try reader.snapshot().count == 4)
            try await store?.close()
            // And the place is free.
            let again = try await StateStore.open(path)
            #expect(again.recovery.lastEnd.kind == .clean)
            try await again.close()
        }
        let store = try await StateStore.open(folder.store)
        #expect(store.recovery.lastEnd.kind == .clean)
        #expect(try store.entries().map(\.key) == ["after its drop", "after its exit", "after the child", "answered"])
        #expect(!Files.exists(folder.store + ".copy"))
        try await closeVerified(store)
    }

    /// A thread may be in the middle of a change when the process forks: what it locked stays locked in the child.
    @Test func forkedChildMayDropASnapshotBesideABusyWriter() async throws {
        await #expect(processExitsWith: .success) {
            let store = try StateStore.inMemory()
            let isOver = Locked(false)
            let writer = try WorkerThread("writer") {
                let value = [UInt8](repeating: 1, count: 1 << 20)
                while !isOver.with({ $0 }) { _ = try? store.set("k", value, durability: .process) }
            }
            for round in 0..<300 {
                var view: StateStore.Snapshot? = try store.snapshot()
                let status = inChild {
                    // Threads of a test have it blocked.
                    var alone = sigset_t()
                    sigemptyset(&alone)
                    sigaddset(&alone, SIGALRM)
                    pthread_sigmask(SIG_UNBLOCK, &alone, nil)
                    alarm(5)
                    guard view?.count ?? 0 < 2 else { return 2 }
                    view = nil
                    return 0
                }
                guard status == 0 else { exit(10) }
                if round % 2 == 0 { usleep(300) }
            }
            isOver.with { $0 = true }
            writer.join()
        }
    }

    /// The child comes out of the body, too: it has no part of the log.
    @Test func childForkedInsideATransactionIsRefusedAtItsEnd() async throws {
        await #expect(processExitsWith: .success) { [path = folder.store as String] in
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            guard forksInsideATransaction(store) == 0 else { exit(10) }
            try await store.close()
        }
        let store = try await StateStore.open(folder.store)
        #expect(try store.entries().map(\.key) == ["answered", "by the parent"])
        #expect(store.recovery.lastEnd.kind == .clean)
        try await closeVerified(store)
    }

    // MARK: Two processes

    @Test func twoProcessesOneOwnerAndATakeoverAfterItsKill() async throws {
        let ready = folder.path + "/ready"
        try #require(mkfifo(ready, 0o600) == 0)
        async let owner: Void = {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = folder.store as String, ready = ready as String] in
                let store = try await StateStore.open(path)
                try await store.set("answered", 42)
                let pipe = open(ready, O_WRONLY)
                close(pipe)
                waitForever()
            }
        }()
        try await offPool { [path = folder.store] in
            // Opening the pipe waits for its other end.
            close(open(ready, O_RDONLY))
            let pid = try #require(FolderLock.owner(folder: path)?.pid)
            let start = Clock.monotonicNanoseconds()
            let error = failure { _ = try StateStore.open(path) }
            #expect(
                Clock.monotonicNanoseconds() - start < 5_000_000_000, "within a second, and some for a busy machine")
            #expect(error?.code == .busy)
            #expect(
                error?.message.contains("process \(pid) on \(Machine.hostName())") == true, "\(error?.message ?? "")")
            #expect(try StateStore.openReadOnly(path).get("answered") == 42)
            try #require(pid != getpid() && pid > 1)
            kill(pid, SIGKILL)
            let store = try StateStore.open(path)
            #expect(store.recovery.lastEnd.kind == .killed)
            #expect(try store.get("answered") == 42)
            try closeVerified(store)
        }
        await owner
    }

    @Test func severalProcessesTakeTurnsAndLoseNothing() async throws {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { [folder] in
                    await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.store as String] in
                        // Whoever is refused tries again; whoever gets it counts, and dies.
                        while true {
                            do {
                                let store = try await StateStore.open(path)
                                try await store.update("turns", default: 0) { $0 += 1 }
                                kill(getpid(), SIGKILL)
                            } catch let error as StoreError {
                                #expect(error.code == .busy)
                            }
                        }
                    }
                }
            }
        }
        let store = try await StateStore.open(folder.store)
        #expect(try store.get("turns") == 3)
        try await closeVerified(store)
    }

    // MARK: What belongs to the whole process

    @Test func laterChangeOfTheWorkingFolderIsHarmless() async throws {
        await #expect(processExitsWith: .success) { [base = folder.path as String] in
            try #require(chdir(base) == 0)
            let store = try await StateStore.open("app.backstay")
            try #require(chdir("/") == 0)
            #expect(store.path?.hasPrefix("/") == true)
            try await store.set("answered", 42)
            try await store.checkpoint()
            try await store.compact()
            try await store.close()
        }
        #expect(Files.names(in: folder.path) == ["app.backstay"])
        #expect(try await verdict().kind == .clean)
    }

    @Test func filesAreTheOwnersOnlyWithoutAnyMask() async throws {
        await #expect(processExitsWith: .success) { [path = folder.store as String] in
            umask(0)
            let store = try await StateStore.open(path)
            try await store.set("answered", 42)
            try await store.checkpoint()
            let listing = shell("stat -c '%a %F' '\(path)' '\(path)'/*").output.split(separator: "\n")
            #expect(listing.count >= 6)
            for line in listing { #expect(line.hasPrefix(line.hasSuffix("directory") ? "700 " : "600 "), "\(line)") }
            try await store.close()
        }
        #expect(try await verdict().kind == .clean)
    }
}
