// Checkpoints: the log stays bounded, nobody waits for a fold, nothing depends on closing.

import Backstay
import Testing
@testable import WriteAheadJournal

import SystemC

@Suite struct StoreCheckpointTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func options(_ onEvent: (@Sendable (StateStore.Event) -> Void)? = nil) -> StoreOptions {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.logBytesMax = 1 << 20
        options.onEvent = onEvent
        return options
    }

    @Test func logStaysBoundedUnderTwentyTimesItsBound() throws {
        let folds = Counter()
        let store = try StateStore.open(folder.store, options: options { if case .checkpointed = $0 { folds.add(1) } })
        let highest = Locked(0)
        let piece = [UInt8](repeating: 5, count: 16 << 10)
        try onThreads(2) { thread in
            for number in 0..<640 {
                try store.set("\(thread)/\(number % 8)", piece, durability: .process)
                let bytes = store.statistics.logBytes
                highest.with { $0 = max($0, bytes) }
            }
        }
        // One full tail may be committed after the last look at the bound, beside what was being committed.
        let slack = 2 * (64 << 10) + 4 * (16 << 10)
        #expect(highest.with { $0 } <= 1 << 20 + slack)
        #expect(highest.with { $0 } > 256 << 10, "nothing was measured")
        #expect(folds.value > 5)
        let reader = try StoreReader(folder.store)
        #expect(try reader.logSize().bytes <= 1 << 20 + slack, "the figure is that of the file")
        reader.close()
        try closeVerified(store)
    }

    /// What is not durable cannot be folded: as long as that lasts there is no checkpoint to tell of.
    @Test func checkpointThatTakesNothingInIsNoEvent() throws {
        let folds = Counter()
        let store = try StateStore.open(folder.store, options: options { if case .checkpointed = $0 { folds.add(1) } })
        try store.set("a", 1)
        try store.checkpoint()
        let barrier = try FoldBarrier(folder.store, database: "journal.db")
        try store.set("a", 2, durability: .process)
        usleep(300_000)
        let before = folds.value
        usleep(1_500_000)
        let figures = store.statistics
        #expect(figures.lastLSN > figures.durableLSN && figures.checkpointLSN == figures.durableLSN, "\(figures)")
        #expect(folds.value == before, "\(folds.value - before) checkpoints of nothing")
        try barrier.lift()
        try store.checkpoint()
        #expect(folds.value > before && store.statistics.checkpointLSN == figures.lastLSN)
        try closeVerified(store)
    }

    @Test func aRecordLargerThanTheBoundDoesNotBlockWriters() throws {
        let store = try StateStore.open(folder.store, options: options())
        let large = [UInt8](repeating: 9, count: 3 << 20)
        try store.set("a", 1)
        try store.set("large", large)
        for number in 0..<50 { try store.set("after", number, durability: .process) }
        try store.remove("large")
        for number in 0..<50 { try store.set("after", number, durability: .process) }
        try store.set("large", large)
        try store.remove("large")
        try store.set("after", 99)
        #expect(try store.get("after") == 99)
        try store.checkpoint()
        #expect(store.statistics.logBytes <= 1 << 20)
        try closeVerified(store)
    }

    @Test func aTransactionLargerThanTheBoundDoesNotBlockAsyncWriters() async throws {
        let store = try await StateStore.open(folder.store, options: options())
        let piece = [UInt8](repeating: 9, count: 200_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<3 {
                        try await store.transaction { tx in
                            for number in 0..<8 { try tx.set("\(task)/\(number)", piece) }
                        }
                        try await store.set("\(task)", round)
                        for number in 0..<8 { try await store.remove("\(task)/\(number)", durability: .process) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.entries().map(\.key) == ["0", "1", "2", "3"])
        try await closeVerified(store)
    }

    @Test func trimmingStaysOneCheckpointBehindSoALostFoldIsRepaired() throws {
        let store = try StateStore.open(folder.store, options: options())
        try store.set("a", 1)
        try store.checkpoint()
        try copyAsKilled(folder.store, to: folder.path + "/older")
        let first = store.statistics.checkpointLSN
        try store.set("a", 2)
        try store.set("b", 3)
        try store.checkpoint()
        #expect(store.statistics.checkpointLSN > first)
        let reader = try StoreReader(folder.store)
        #expect(reader.base.lsn <= first, "what the fold before needs was trimmed")
        reader.close()
        let rows = try store.entries().rows
        try copyAsKilled(folder.store, to: folder.path + "/newer")
        // The newest fold is lost: an older table with a newer journal.
        let copied = shell("cd '\(folder.path)' && rm newer/state.db* && cp older/state.db* newer/")
        #expect(copied.status == 0, "\(copied.output)")
        let again = try StateStore.open(folder.path + "/newer")
        #expect(try again.entries().rows == rows)
        #expect(again.recovery.recordsReplayed >= 2)
        try closeVerified(again)
        try closeVerified(store)
    }

    @Test func writersGoOnWhileAFoldIsStuck() throws {
        let failed = Event()
        let store = try StateStore.open(
            folder.store, options: options { if case .checkpointFailed = $0 { failed.signal() } })
        try store.set("a", 0)
        let barrier = try FoldBarrier(folder.store)
        let error = Locked<StoreError?>(nil)
        let entered = Event()
        let folding = try WorkerThread("test") {
            entered.signal()
            let caught = failure { try store.checkpoint() }
            error.with { $0 = caught }
        }
        #expect(entered.wait())
        let before = store.statistics.checkpointLSN
        for number in 1...200 { try store.set("a", number) }
        try store.transaction { try $0.set("b", 1) }
        #expect(try store.get("a") == 200)
        #expect(store.statistics.checkpointLSN == before, "the fold was not stuck, so nothing was shown")
        try barrier.lift()
        folding.join()
        #expect(error.with { $0?.code } == nil || error.with { $0?.code } == .busy)
        try store.checkpoint()
        #expect(store.statistics.checkpointLSN == store.statistics.lastLSN)
        try closeVerified(store)
    }

    @Test func writersThatWaitForRoomGoOnOnceTheFoldGetsThrough() async throws {
        let failed = Event()
        let store = try await StateStore.open(
            folder.store, options: options { if case .checkpointFailed = $0 { failed.signal() } })
        try await store.set("a", 0)
        let barrier = Locked<FoldBarrier?>(try FoldBarrier(folder.store))
        let piece = [UInt8](repeating: 5, count: 16 << 10)
        async let writers: Void = offPool {
            try onThreads(2) { thread in
                for _ in 0..<60 { try store.set("\(thread)", piece, durability: .process) }
            }
        }
        async let tasks: Void = {
            for _ in 0..<30 { try await store.set("task", piece, durability: .process) }
        }()
        try await offPool {
            #expect(failed.wait(), "the fold was not stuck, so nothing was shown")
            // By now every writer has come to the bound. Beside it: a full tail, and what was being committed.
            #expect(store.statistics.logBytes <= 1 << 20 + 4 * (64 << 10), "writers did not wait at the bound")
            #expect(store.statistics.logBytes > 512 << 10)
            try barrier.with { try $0?.lift() }
        }
        _ = try await (writers, tasks)
        #expect(store.statistics.trouble == nil)
        try await closeVerified(store)
    }

    @Test func closingOnlyCompactsAndMarks() throws {
        let store = try StateStore.open(folder.store, options: options())
        for number in 0..<20 { try store.set("k\(number)", number) }
        let rows = try store.entries().rows
        let last = store.statistics.lastLSN
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        try closeVerified(store)
        let killed = try StateStore.open(folder.path + "/killed")
        let closed = try StateStore.open(folder.store)
        #expect(killed.recovery.lastEnd.kind == .killed)
        #expect(closed.recovery.lastEnd.kind == .clean)
        #expect(closed.recovery.recordsReplayed <= 1)
        for again in [killed, closed] {
            #expect(try again.entries().rows == rows)
            #expect(again.recovery.lastLSN == last)
            #expect(try again.set("next", 1).lsn.value == last.value + 2)
            try closeVerified(again)
        }
    }

    /// The hash of a row finds rot. It does not tell values apart that were made to have the same.
    @Test func valueWithTheHashOfTheOneBeforeIsFoldedAllTheSame() throws {
        var options = StoreOptions()
        options.checkpointsByItself = false
        let (one, other) = valuesOfTheSameHash()
        #expect(one != other)
        let store = try StateStore.open(folder.store, options: options)
        for value in [one, other] {
            try store.set("k", value)
            try store.checkpoint()
        }
        try store.close()
        let again = try StateStore.open(folder.store)
        #expect(try again.get("k") == other)
        try closeVerified(again)
    }

    /// Two values of 128 bytes for the key "k" whose rows have the same XXH64: what a word of the second lane changes in the
    /// first stripe, its word in the second stripe takes back.
    private func valuesOfTheSameHash() -> ([UInt8], [UInt8]) {
        let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
        let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
        var inverse = prime2
        for _ in 0..<6 { inverse = inverse &* (2 &- prime2 &* inverse) }
        func lane(_ word: UInt64) -> UInt64 {
            let sum = prime2 &+ word &* prime2
            return (sum << 31 | sum >> 33) &* prime1
        }
        let words: (UInt64, UInt64) = (1, 2)
        let others = (words.0 ^ 1 << 40, words.1 &+ (lane(words.0) &- lane(words.0 ^ 1 << 40)) &* inverse)
        // Code, name, key and kind take 5 bytes of the operation, the value's length 2.
        func value(_ words: (UInt64, UInt64)) -> [UInt8] {
            var operation = [UInt8](repeating: 7, count: 7 + 128)
            withUnsafeBytes(of: words.0.littleEndian) { operation.replaceSubrange(8..<16, with: $0) }
            withUnsafeBytes(of: words.1.littleEndian) { operation.replaceSubrange(40..<48, with: $0) }
            return Array(operation[7...])
        }
        return (value(words), value(others))
    }

    @Test func checkpointingTwiceAndWithNothingNewIsFine() throws {
        let store = try StateStore.open(folder.store, options: options())
        try store.checkpoint()
        try store.checkpoint()
        try store.set("a", 1)
        try onThreads(4) { _ in try store.checkpoint() }
        #expect(store.statistics.checkpointLSN == store.statistics.lastLSN)
        try closeVerified(store)
    }

    @Test func compactionKeepsTheContentAndShrinksTheFiles() throws {
        let store = try StateStore.open(folder.store)
        let piece = [UInt8](repeating: 3, count: 20_000)
        for number in 0..<200 { try store.set("k\(number)", piece, durability: .process) }
        try store.checkpoint()
        for number in 0..<195 { try store.remove("k\(number)", durability: .process) }
        try store.checkpoint()
        try store.set("named", "kept")
        let rows = try store.entries().rows
        func size(_ name: String) -> Int { Files.size(folder.store + "/" + name) ?? 0 }
        #expect(size("state.db") + size("state.db-wal") > 4_000_000)
        try store.compact()
        #expect(size("state.db") < 400_000)
        #expect(size("journal.db") < 400_000)
        #expect(try store.entries().rows == rows)
        #expect(store.statistics.logBytes == 0)
        // Killed right behind it, and going on.
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        let killed = try StateStore.open(folder.path + "/killed")
        #expect(try killed.entries().rows == rows)
        try killed.set("more", 1)
        try closeVerified(killed)
        try store.set("more", 1)
        try store.compact()
        try store.compact()
        try closeVerified(store)
    }

    @Test func writersGoOnBesideCompaction() throws {
        let store = try StateStore.open(folder.store, options: options())
        try onThreads(3) { thread in
            for number in 0..<40 {
                if thread == 0 && number % 10 == 5 {
                    try store.compact()
                } else {
                    try store.set("\(thread)/\(number)", number)
                }
            }
        }
        try store.compact()
        #expect(store.statistics.keys == 36 + 80)
        try closeVerified(store)
    }

    @Test func aForeignWriteToTheTablePoisonsAndNothingIsTriedAgain() throws {
        let failures = Counter()
        let store = try StateStore.open(
            folder.store, options: options { if case .checkpointFailed = $0 { failures.add(1) } })
        try store.set("a", 1)
        try store.checkpoint()
        #expect(sqlite(folder.store + "/state.db", "insert into meta values('foreign',1)").isEmpty)
        try store.set("a", 2)
        let first = failure { try store.checkpoint() }
        // The store's own fold may have met it first.
        #expect(first?.code == .ioError || first?.code == .poisoned)
        #expect(store.statistics.trouble != nil)
        let refused = failure { try store.set("a", 3) }
        #expect(refused?.code == .poisoned)
        #expect(refused?.outcome == .rejected)
        #expect(failure { try store.checkpoint() }?.code == .poisoned)
        #expect(failure { try store.compact() }?.code == .poisoned)
        #expect(try store.get("a") == 2)
        #expect(failure { try store.close() } != nil)
        #expect(failures.value <= 1)
        let again = try StateStore.open(folder.store)
        #expect(try again.get("a") == 2)
        try closeVerified(again)
    }

    /// The log keeps what went into files that have no name any more: where they are put back, nothing is gone.
    @Test(
        arguments: ["state.db", "state.db-wal"],
        ["mv F F.away", "cp F F.new && mv F F.away && mv F.new F", "ln F F.away"])
    func foldIntoFilesThatWereTakenAwayDoesNotCount(file: String, what: String) throws {
        let path = "\(folder.store)/\(file)"
        let store = try StateStore.open(folder.store, options: options())
        for number in 0..<30 { try store.set("a/\(number)", number) }
        try store.checkpoint()
        for number in 30..<60 { try store.set("a/\(number)", number) }
        let words = what.split(separator: " ").map { $0.hasPrefix("F") ? "'\(path)\($0.dropFirst())'" : String($0) }
        #expect(system(words.joined(separator: " ")) == 0)
        // The store's own fold may have met it first.
        let first = failure { try store.compact() }
        #expect(first?.code == .ioError || first?.code == .poisoned, "\(first.map(String.init(describing:)) ?? "done")")
        #expect(failure { try store.set("b", 1) }?.outcome == .rejected)
        #expect(failure { try store.close() } != nil)
        #expect(rename(path + ".away", path) == 0)
        let again = try StateStore.open(folder.store)
        for number in 0..<60 { #expect(try again.get("a/\(number)") == number) }
        #expect(try again.get("b", as: Int.self) == nil)
        try closeVerified(again)
    }

    @Test func aForeignWriteToTheJournalPoisonsWithUnknownOutcome() throws {
        let store = try StateStore.open(folder.store, options: options())
        try store.set("a", 1)
        #expect(sqlite(folder.store + "/journal.db", "insert into meta values('foreign',1)").isEmpty)
        let error = failure { try store.set("a", 2) }
        #expect(error?.code == .ioError)
        #expect(error?.outcome == .unknown)
        #expect(failure { try store.set("a", 3) }?.code == .poisoned)
        #expect(failure { try store.sync() }?.outcome == .unknown)
        #expect(failure { try store.close() } != nil)
        let again = try StateStore.open(folder.store)
        let value = try again.get("a", as: Int.self)
        #expect(value == 1 || value == 2, "what was acknowledged, or what was unknown")
        try closeVerified(again)
    }
}
