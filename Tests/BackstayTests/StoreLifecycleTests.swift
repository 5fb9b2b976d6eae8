// Opening, closing, dropping, reading beside an owner, backups.

@testable import Backstay
import SystemC
import Testing
import WriteAheadJournal

@Suite struct StoreLifecycleTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    // MARK: Closing

    @Test func everyCallAfterCloseIsRefusedAsClosed() throws {
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        let view = try store.snapshot()
        try closeVerified(store)
        let copy = folder.path + "/copy"
        let calls: [(String, () throws -> Void)] = [
            ("get", { _ = try store.get("a", as: Int.self) }),
            ("get codable", { _ = try store.get("a", as: [Int].self) }),
            ("get default", { _ = try store.get("a", default: 0) }),
            ("contains", { _ = try store.contains("a") }),
            ("set", { try store.set("a", 2) }),
            ("remove", { try store.remove("a") }),
            ("update", { try store.update("a", default: 0) { $0 += 1 } }),
            ("transaction", { try store.transaction { _ in Issue.record("the body ran") } }),
            ("snapshot", { _ = try store.snapshot() }),
            ("entries", { _ = try store.entries() }),
            ("sync", { try store.sync() }),
            ("checkpoint", { try store.checkpoint() }),
            ("compact", { try store.compact() }),
            ("backup", { try store.backup(to: copy) }),
        ]
        for (name, call) in calls {
            let error = failure(call)
            #expect(error?.code == .closed, "\(name)")
            #expect(error?.outcome == .rejected, "\(name)")
        }
        #expect(!Files.exists(copy))
        // What needs no files goes on.
        #expect(store.statistics.keys == 1)
        #expect(store.recovery.isNew)
        #expect(store.path == view.entries().map { _ in store.path }.first)
        #expect(try view.get("a") == 1)
        try store.close()
        try onThreads(4) { _ in try store.close() }
    }

    @Test func asyncCallsAfterCloseAreRefusedAsClosed() async throws {
        let store = try await StateStore.open(folder.store)
        try await closeVerified(store)
        let copy = folder.path + "/copy"
        let calls: [() async throws -> Void] = [
            { try await store.set("a", 2) }, { try await store.remove("a") },
            { try await store.update("a", default: 0) { $0 += 1 } }, { try await store.transaction { _ in } },
            { try await store.sync() }, { try await store.checkpoint() }, { try await store.compact() },
            { try await store.backup(to: copy) },
        ]
        for (index, call) in calls.enumerated() {
            let error = await asyncFailure(call)
            #expect(error?.code == .closed, "call \(index)")
        }
        try await store.close()
    }

    /// A call that passed the door a moment before the close, and comes to the files behind it.
    @Test func upkeepThatComesBehindTheCloseIsRefused() throws {
        let store = try StateStore.open(folder.store)
        try store.set("k", 1)
        let checkpointer = try #require(store.core.checkpointer)
        try store.close()
        #expect(failure { try checkpointer.checkpoint() }?.code == .closed)
        #expect(failure { try checkpointer.compact() }?.code == .closed)
        #expect(failure { try checkpointer.copySQLiteWAL() }?.code == .closed)
        #expect(try RunPage.read(folder: folder.store, storeID: store.core.storeID)?.poisoned == false)
    }

    #if os(Linux)
    /// A program may close all descriptors once its store is closed, and open others: the handle may be dropped later.
    @Test func closedStoreHoldsNoDescriptor() throws {
        let store = try StateStore.open(folder.store)
        try store.set("k", 1)
        #expect(shell("ls -l /proc/\(getpid())/fd").output.contains(folder.store))
        try store.close()
        #expect(!shell("ls -l /proc/\(getpid())/fd").output.contains(folder.store))
        withExtendedLifetime(store) {}
    }
    #endif

    #if os(Linux)
    /// A folder that takes new names and cannot be read cannot be synced either: what was made there goes again.
    @Test func storeWhoseFolderCannotBeSyncedIsNotMade() async throws {
        guard geteuid() == 0 else { return print("not tested: needs to be another user") }
        let place = folder.path + "/place"
        try #require(mkdir(place, 0o700) == 0 && chmod(folder.path, 0o711) == 0)
        try #require(chown(place, 65_534, 65_534) == 0 && chmod(place, 0o311) == 0)
        await #expect(processExitsWith: .success) { [place = place as String] in
            let store = try StateStore.inMemory()
            guard seteuid(65_534) == 0 else { exit(2) }
            let error = await asyncFailure { _ = try await StateStore.open(place + "/app") }
            guard error?.code == .ioError else { exit(3) }
            guard await asyncFailure({ try await store.backup(to: place + "/copy") })?.code == .ioError else { exit(4) }
        }
        #expect(Files.names(in: place) == [])
    }
    #endif

    /// Who waits for the writer's lock beside a close may get it behind the close. Of two lets in one is too many: the
    /// close has drained what was there.
    @Test func nobodyIsLetInBehindACloseThatHasBegun() throws {
        for round in 0..<8 {
            let path = folder.path + "/\(round)"
            let store = try StateStore.open(path)
            let isInside = Event()
            let wrong = Locked<[String]>([])
            let answered = Counter()
            func waiter(_ number: Int) throws -> WorkerThread {
                try WorkerThread("waits") {
                    let ran = Event()
                    let error = failure {
                        try store.transaction(durability: .process) { tx in
                            ran.signal()
                            try tx.set("\(number)", number)
                            // As long as a close takes.
                            usleep(30_000)
                        }
                    }
                    if error == nil { answered.add(1) }
                    if ran.hasHappened != (error == nil) || (error.map { $0.code != .closed } ?? false) {
                        wrong.with { $0.append("ran: \(ran.hasHappened), \(error?.description ?? "answered")") }
                    }
                }
            }
            // A body runs until all the others wait, the close among them.
            let first = try WorkerThread("first") {
                _ = failure {
                    try store.transaction { _ in
                        isInside.signal()
                        usleep(60_000)
                    }
                }
            }
            #expect(isInside.wait())
            var threads = [first, try waiter(0), try waiter(1)]
            usleep(10_000)
            threads.append(try WorkerThread("closes") { _ = failure { try store.close() } })
            usleep(10_000)
            for number in 2..<6 { threads.append(try waiter(number)) }
            for thread in threads { thread.join() }
            #expect(wrong.with { $0 } == [], "round \(round)")
            let again = try StateStore.open(path)
            #expect(again.statistics.keys == answered.value)
            #expect(again.recovery.lastEnd.kind == .clean)
            try closeVerified(again)
        }
    }

    @Test func closingBesideWritersAnswersEachTruthfully() throws {
        for _ in 0..<5 {
            let path = folder.path + "/\(Machine.randomBits())"
            let store = try StateStore.open(path)
            let answered = Counter()
            let rejected = Counter()
            let running = Event()
            try onThreads(4) { thread in
                if thread == 3 {
                    #expect(running.wait())
                    try store.close()
                    return
                }
                for number in 0..<1_000_000 {
                    let error = failure { try store.set("\(thread)", number, durability: .process) }
                    if error == nil {
                        answered.add(1)
                        if number == 5 { running.signal() }
                        continue
                    }
                    #expect(error?.code == .closed)
                    #expect(error?.outcome == .rejected)
                    rejected.add(1)
                    return
                }
            }
            #expect(rejected.value == 3)
            let again = try StateStore.open(path)
            #expect(again.recovery.lastEnd.kind == .clean)
            let counts = try again.entries().map { try $0.value(as: Int.self) + 1 }
            #expect(counts.reduce(0, +) == answered.value, "rejected and there, or answered and gone")
            try closeVerified(again)
        }
    }

    @Test func aClosedStoreSaysSoAndADroppedOneDoesNot() throws {
        do {
            let store = try StateStore.open(folder.store)
            try store.set("a", 1)
            try store.close()
        }
        do {
            let store = try StateStore.open(folder.store)
            #expect(store.recovery.lastEnd.kind == .clean)
            #expect(store.recovery.lastEnd.confidence == .certain)
            #expect(!store.recovery.isNew)
            #expect(store.recovery.keys == 1)
            for number in 0..<50 { try store.set("k\(number)", number, durability: .process) }
        }
        let store = try StateStore.open(folder.store)
        #expect(store.recovery.lastEnd.kind == .killed)
        #expect(store.recovery.keys == 51)
        #expect(store.recovery.bytesDiscarded == 0)
        try closeVerified(store)
        let reader = try StoreReader(folder.store)
        #expect(try reader.runs().map { $0.end?.kind } == [.clean, .killed, .clean])
        reader.close()
    }

    // MARK: Scopes

    @Test func scopeClosesOnReturnAndThrow() throws {
        let number = try withStateStore(folder.store) { store in
            try store.set("a", 1)
            return 7
        }
        #expect(number == 7)
        #expect(throws: OwnError()) {
            try withStateStore(folder.store) { store in
                #expect(store.recovery.lastEnd.kind == .clean)
                try store.set("b", 2)
                throw OwnError()
            }
        }
        let store = try StateStore.open(folder.store)
        #expect(store.recovery.lastEnd.kind == .clean)
        #expect(try store.entries().map(\.key) == ["a", "b"])
        try closeVerified(store)
    }

    @Test func scopeClosesOnReturnAndThrowInATask() async throws {
        try await withStateStore(folder.store) { try await $0.set("a", 1) }
        await #expect(throws: OwnError()) {
            try await withStateStore(folder.store) { store in
                #expect(store.recovery.lastEnd.kind == .clean)
                throw OwnError()
            }
        }
        let store = try await StateStore.open(folder.store)
        #expect(store.recovery.lastEnd.kind == .clean)
        try await closeVerified(store)
    }

    @Test func bodysErrorWinsAndAFailureToCloseIsThrownAlone() throws {
        func spoil(_ store: StateStore) throws {
            try store.set("a", 1)
            #expect(sqlite(folder.store + "/journal.db", "create table foreign_table(x)").isEmpty)
            #expect(failure { try store.set("a", 2) }?.outcome == .unknown)
        }
        let alone = failure { try withStateStore(folder.store) { try spoil($0) } }
        #expect(alone?.code == .ioError || alone?.code == .poisoned)
        #expect(throws: OwnError()) {
            try withStateStore(folder.store) { store in
                try store.set("b", 1)
                #expect(sqlite(folder.store + "/journal.db", "drop table foreign_table").isEmpty)
                #expect(failure { try store.set("b", 2) }?.outcome == .unknown)
                throw OwnError()
            }
        }
        let store = try StateStore.open(folder.store)
        #expect(try store.get("b", default: 0) >= 1)
        try closeVerified(store)
    }

    // MARK: Owners and readers

    @Test func secondOpeningInOneProcessIsBusyNamingItself() throws {
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        let error = failure { _ = try StateStore.open(folder.store) }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("this process (\(getpid()))") == true)
        try #require(symlink(folder.store, folder.path + "/link") == 0)
        #expect(failure { _ = try StateStore.open(folder.path + "/link") }?.code == .busy)
        // The refused one did no harm.
        try store.set("a", 2)
        try closeVerified(store)
        let again = try StateStore.open(folder.path + "/link")
        #expect(again.path == store.path)
        #expect(try again.get("a") == 2)
        try closeVerified(again)
    }

    @Test func readerBesideALiveOwnerSeesEverythingAnsweredAndWritesNothing() throws {
        let store = try StateStore.open(folder.store)
        let stop = Event()
        let done = Locked(-1)
        let writer = try WorkerThread("test") {
            var number = 0
            while !stop.hasHappened {
                if failure({ try store.set("n", number) }) == nil { done.with { $0 = number } }
                number += 1
            }
        }
        for _ in 0..<30 {
            let answered = done.with { $0 }
            let reader = try StateStore.openReadOnly(folder.store)
            #expect(try reader.get("n", default: -1) >= answered)
            #expect(try reader.get("n", default: -1) + 2 == Int(reader.recovery.lastLSN.value))
        }
        stop.signal()
        writer.join()
        let view = try StateStore.openReadOnly(folder.store)
        try store.set("later", 1)
        #expect(try !view.contains("later"), "as of its opening")
        try closeVerified(store)
    }

    @Test func readOnlyRefusesChangesAndAllowsTheRest() async throws {
        let store = try await StateStore.open(folder.store)
        try await store.set("a", 1)
        try await closeVerified(store)
        let names = Files.names(in: folder.store)
        let reader = try await StateStore.openReadOnly(folder.store)
        #expect(Files.names(in: folder.store) == names, "reading made a file")
        let changes: [() async throws -> Void] = [
            { try await reader.set("a", 2) }, { try await reader.set("a", nil as Int?) },
            { try await reader.remove("a") },
            { try await reader.update("a", default: 0) { $0 += 1 } }, { try await reader.transaction { _ in } },
        ]
        for (index, change) in changes.enumerated() {
            let error = await asyncFailure(change)
            #expect(error?.code == .unsupported, "change \(index)")
            #expect(error?.outcome == .rejected, "change \(index)")
        }
        #expect(try reader.get("a") == 1)
        #expect(try reader.snapshot().count == 1)
        #expect(reader.recovery.lastEnd.kind == .clean)
        #expect(reader.statistics.keys == 1)
        try await reader.sync()
        try await reader.backup(to: folder.path + "/copy")
        try await reader.close()
        #expect(failure { _ = try reader.get("a", as: Int.self) }?.code == .closed)
        let copy = try await StateStore.open(folder.path + "/copy")
        #expect(try copy.get("a") == 1)
        try await closeVerified(copy)
        // A reader does not keep an owner out.
        let other = try await StateStore.openReadOnly(folder.store)
        let again = try await StateStore.open(folder.store)
        try await again.set("a", 3)
        #expect(try other.get("a") == 1)
        try await closeVerified(again)
    }

    @Test func storeInMemoryGivesTheSameAnswers() async throws {
        let store = try StateStore.inMemory()
        #expect(store.path == nil)
        #expect(store.recovery.isNew && store.recovery.lastEnd.kind == .none)
        let first = try await store.set("a", 1)
        #expect(try await store.set("b", "x").lsn == first.lsn.next)
        #expect(try await store.update("a", default: 0) { $0 += 1 }.value == 2)
        #expect(try await store.transaction { try $0.get("a", default: 0) }.value == 2)
        try await store.remove("b")
        #expect(try store.entries().map(\.key) == ["a"])
        #expect(await asyncFailure { try await store.set("", 1) }?.code == .keyOutOfBounds)
        #expect(
            await asyncFailure { try await store.transaction { _ in _ = try store.get("a", as: Int.self) } }?.code
                == .reentrant)
        try await store.sync()
        try await store.checkpoint()
        try await store.compact()
        #expect(store.statistics.durableLSN == store.statistics.lastLSN)
        try await store.backup(to: folder.path + "/copy")
        try await store.close()
        #expect(failure { _ = try store.get("a", as: Int.self) }?.code == .closed)
        let copy = try await StateStore.open(folder.path + "/copy")
        #expect(try copy.get("a") == 2)
        try await closeVerified(copy)
    }

    // MARK: The place

    @Test func filesAreTheOwnersOnly() throws {
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        try store.checkpoint()
        let listing = shell("stat -c '%a %n' '\(folder.store)' '\(folder.store)'/*").output.split(separator: "\n")
        #expect(listing.count >= 6)
        for line in listing {
            #expect(line.hasPrefix(line.hasSuffix(".backstay") ? "700 " : "600 "), "\(line)")
        }
        try closeVerified(store)
    }

    @Test func optionsBeyondReasonAreBounded() {
        var options = StoreOptions()
        options.diskFullPatience = .seconds(Int64.max)
        #expect(options.journalOptions().limits.patience == 315_360_000_000_000_000)
        options.diskFullPatience = .seconds(-3)
        #expect(options.journalOptions().limits.patience == 0)
        options.diskFullPatience = .milliseconds(1_500)
        #expect(options.journalOptions().limits.patience == 1_500_000_000)
        options.tailBytes = .max
        #expect(options.journalOptions().limits.tailBytes + RecordFormat.recordBytesMax <= RecordFormat.batchBytesMax)
        options.tailBytes = -1
        #expect(options.journalOptions().limits.tailBytes == 64 << 10)
    }

    @Test func eventsTellOpeningFoldingAndClosing() throws {
        let events = Locked<[String]>([])
        var options = StoreOptions()
        options.onEvent = { event in
            switch event {
            case .opened(let report): events.with { $0.append("opened \(report.isNew)") }
            case .checkpointed(let lsn, _): events.with { $0.append("folded \(lsn)") }
            case .checkpointFailed(let error): Issue.record(error)
            case .closed(let error): events.with { $0.append("closed \(error?.code.rawValue ?? "well")") }
            }
        }
        let store = try StateStore.open(folder.store, options: options)
        try store.set("a", 1)
        try store.checkpoint()
        try closeVerified(store)
        let told = events.with { $0 }
        #expect(told.first == "opened true")
        #expect(told.contains("folded 2"))
        #expect(told.last == "closed well")

        events.with { $0 = [] }
        try StateStore.inMemory(options: options).close()
        #expect(events.with { $0 } == ["opened true", "closed well"])
    }

    /// "é" and "e" with an accent behind it are equal to Swift, and two states.
    @Test func namesOfStatesAreBytes() throws {
        let store = try StateStore.open(folder.store)
        for (number, name) in ["\u{e9}", "e\u{301}"].enumerated() {
            try store.transaction { try $0.setNamed(name, "\u{e9}", .string, [UInt8(ascii: "0") + UInt8(number)]) }
        }
        func check(_ store: StateStore) {
            #expect(store.named("\u{e9}", "\u{e9}")?.bytes == [UInt8(ascii: "0")])
            #expect(store.named("e\u{301}", "\u{e9}")?.bytes == [UInt8(ascii: "1")])
            #expect(store.named("e\u{301}", "e\u{301}") == nil)
        }
        check(store)
        try store.checkpoint()
        check(store)
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        check(again)
        try again.transaction { try $0.removeNamed("e\u{301}", "\u{e9}") }
        #expect(again.named("\u{e9}", "\u{e9}") != nil && again.named("e\u{301}", "\u{e9}") == nil)
        try closeVerified(again)
    }

    // MARK: Backups

    @Test func backupOpensEqualAndGoesOnWithTheNextLSN() throws {
        let store = try StateStore.open(folder.store)
        try store.transaction { tx in
            for number in 0..<500 { try tx.set("k\(number)", "value \(number)") }
            try tx.setNamed("import", "position", .string, Array("row 7".utf8))
        }
        let last = try store.remove("k3").lsn
        let rows = try store.entries().rows
        let place = folder.path + "/copy.backstay"
        let stop = Event()
        let writer = try WorkerThread("test") {
            while !stop.hasHappened { _ = failure { try store.set("busy", 1, durability: .process) } }
        }
        try store.backup(to: place)
        stop.signal()
        writer.join()
        let copy = try StateStore.open(place)
        #expect(try copy.entries().rows.filter { $0.key != Array("busy".utf8) } == rows)
        #expect(copy.named("import", "position")?.bytes == Array("row 7".utf8))
        #expect(!copy.recovery.isNew)
        #expect(copy.recovery.lastEnd.kind == .none)
        #expect(copy.recovery.lastLSN >= last)
        #expect(try copy.set("next", 1).lsn.value == copy.recovery.lastLSN.value + 2)
        try store.set("only here", 1)
        #expect(try !copy.contains("only here"))
        try closeVerified(copy)
        try closeVerified(store)
    }

    @Test func backupRefusesAnOccupiedPlaceAndLeavesItAlone() throws {
        let store = try StateStore.open(folder.store)
        try store.set("a", 1)
        let other = try StateStore.open(folder.path + "/other")
        try other.set("mine", 1)
        try closeVerified(other)
        shell("cd '\(folder.path)' && mkdir full empty && echo x > full/file && echo x > plain")
        for place in ["other", "full", "plain", "missing/copy", "app.backstay"] {
            let error = failure { try store.backup(to: folder.path + "/" + place) }
            #expect(error?.code == .notAStore, "\(place)")
            #expect(error?.location?.file.isEmpty == false)
        }
        #expect(shell("cat '\(folder.path)/full/file' '\(folder.path)/plain'").output == "x\nx")
        #expect(try tableRows(folder.path + "/other").count == 1)
        try store.backup(to: folder.path + "/empty")
        #expect(Files.names(in: folder.path) == ["app.backstay", "empty", "full", "other", "plain"])
        let copy = try StateStore.open(folder.path + "/empty")
        #expect(try copy.get("a") == 1)
        try closeVerified(copy)
        try closeVerified(store)
    }
}

/// A program started without standard streams, as some supervisors do.
@Suite struct ClosedStreamsTests {
    @Test func printsDoNotGoIntoTheStoresFiles() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/app.backstay"
        await #expect(processExitsWith: .exitCode(7)) { [path = path as String] in
            for descriptor in 0...2 { close(Int32(descriptor)) }
            let store = try await StateStore.open(path)
            try await store.set("a", 1)
            // Whatever has taken the numbers of the streams gets this.
            for descriptor in 0...2 { _ = write(Int32(descriptor), "garbage\n", 8) }
            try await store.close()
            exit(7)
        }
        #expect(Files.text(at: path + "/lock")?.hasPrefix("pid=") == true)
        let store = try await StateStore.open(path)
        #expect(try store.get("a") == 1)
        #expect(store.recovery.lastEnd.kind == .clean)
        try await store.close()
    }
}
