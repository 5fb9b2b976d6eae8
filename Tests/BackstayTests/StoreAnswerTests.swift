// What a change's caller is told: receipts, levels, outcomes.

import Backstay
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreAnswerTests {
    let folder: TemporaryFolder
    let store: StateStore

    init() throws {
        folder = try TemporaryFolder(onDisk: true)
        store = try StateStore.open(folder.store)
    }

    @Test func everyChangeTakesTheNextLSNAndNoFailureTakesOne() throws {
        var expected = store.recovery.lastLSN.next.next
        func next() -> LSN {
            defer { expected = expected.next }
            return expected
        }
        #expect(try store.set("a", 1).lsn == next())
        #expect(failure { try store.set("", 1) }?.code == .keyOutOfBounds)
        #expect(try store.remove("a").lsn == next())
        #expect(try store.remove("never there").lsn == next())
        #expect(failure { try store.set("a", Double.nan) }?.code == .valueOutOfBounds)
        #expect(
            try store.transaction { tx in
                try tx.set("b", 1)
                try tx.set("c", 2)
            }.receipt.lsn == next())
        #expect(throws: OwnError()) {
            try store.transaction { tx in
                try tx.set("b", 9)
                throw OwnError()
            }
        }
        #expect(try store.update("b", default: 0) { $0 += 1 }.receipt.lsn == next())
        #expect(try store.set("n", nil as Int?).lsn == next())
        #expect(store.statistics.lastLSN.next == expected)
        try closeVerified(store)
    }

    @Test func receiptNamesItsRecordInTheLog() throws {
        var receipts = [try store.set("a", 1), try store.remove("a")]
        receipts.append(try store.transaction { try $0.set("b", 2) }.receipt)
        let reader = try StoreReader(folder.store)
        var chains: [LSN: UInt32] = [:]
        _ = try reader.records { record, _ in chains[record.lsn] = record.chain }
        reader.close()
        for receipt in receipts { #expect(chains[receipt.lsn] == receipt.chain) }
        try closeVerified(store)
    }

    @Test func powerAnswerMakesEveryLowerChangeDurable() throws {
        let stop = Event()
        let store = store
        let path = folder.store
        let background = try WorkerThread("test") {
            var number = 0
            while !stop.hasHappened {
                number += 1
                _ = failure { try store.set("background", number, durability: .process) }
            }
        }
        for number in 0..<20 {
            let receipt = try store.set("mine", number, durability: .power)
            #expect(receipt.durability == .power)
            #expect(store.statistics.durableLSN >= receipt.lsn)
            let reader = try StoreReader(path)
            let end = try reader.records { _, _ in }.lsn
            reader.close()
            #expect(end >= receipt.lsn, "answered, and not in the files")
        }
        stop.signal()
        background.join()
        try closeVerified(store)
    }

    @Test func syncMakesEverythingAnsweredDurable() throws {
        let last = try (0..<10).map { try store.set("k\($0)", $0, durability: .process) }.last?.lsn
        try store.sync()
        #expect(store.statistics.durableLSN == last)
        #expect(store.statistics.recordsAtRisk == 0)
        try closeVerified(store)
    }

    @Test func receiptReachesAtLeastTheLevelAsked() throws {
        #expect(try store.set("a", 1).durability == .power)
        #expect(try store.remove("a").durability == .power)
        try store.set("b", 1, durability: .process)
        try store.close()
        var options = StoreOptions()
        options.durability = .process
        let relaxed = try StateStore.open(folder.store, options: options)
        #expect(try relaxed.set("a", 1, durability: .power).durability == .power)
        try closeVerified(relaxed)
    }

    @Test func everyChangingCallTakesDurability() async throws {
        let key = StateKey<Int>("typed")
        func blocking(_ level: Durability) throws {
            try store.set("a", 1, durability: level)
            try store.set(key, 1, durability: level)
            try store.remove("a", durability: level)
            try store.remove(key, durability: level)
            try store.update("a", default: 0, durability: level) { $0 += 1 }
            try store.update(key, default: 0, durability: level) { $0 += 1 }
            try store.transaction(durability: level) { try $0.set("t", 1) }
        }
        for level in Durability.allCases {
            try blocking(level)
            try await store.set("a", 1, durability: level)
            try await store.set(key, 1, durability: level)
            try await store.remove("a", durability: level)
            try await store.remove(key, durability: level)
            try await store.update("a", default: 0, durability: level) { $0 += 1 }
            try await store.update(key, default: 0, durability: level) { $0 += 1 }
            try await store.transaction(durability: level) { try $0.set("t", 1) }
        }
        #expect(store.statistics.lastLSN.value == 1 + 2 * 2 * 7)
        try await closeVerified(store)
    }

    @Test func rejectedChangeIsNeverSeen() throws {
        try store.set("kept", "before")
        let before = try store.entries().rows
        let last = store.statistics.lastLSN
        let attempts: [(StoreError.Code, () throws -> Void)] = [
            (.keyOutOfBounds, { try store.set("", 1) }),
            (.keyOutOfBounds, { try store.set(String(repeating: "k", count: 4_097), 1) }),
            (.valueOutOfBounds, { try store.set("kept", Double.infinity) }),
            (.valueOutOfBounds, { try store.set("kept", [1.5, Double.nan]) }),
            (.typeMismatch, { try store.update("kept", default: 0) { $0 += 1 } }),
            (.keyOutOfBounds, { try store.remove("") }),
            (.valueOutOfBounds, { try store.transaction { try $0.set("kept", -Float.infinity) } }),
        ]
        for (index, (code, attempt)) in attempts.enumerated() {
            let error = failure(attempt)
            #expect(error?.code == code, "attempt \(index)")
            #expect(error?.outcome == .rejected, "attempt \(index)")
            #expect(error?.message.isEmpty == false)
        }
        #expect(try store.entries().rows == before)
        #expect(store.statistics.lastLSN == last)
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        #expect(try again.entries().rows == before)
        try closeVerified(again)
    }

    @Test func statisticsCountWhatIsThere() throws {
        try store.set("a", "12345")
        try store.set("bc", "12345")
        try store.remove("a")
        let statistics = store.statistics
        #expect(statistics.keys == 1)
        #expect(statistics.contentBytes == 7)
        #expect(statistics.memoryBytes >= 7)
        #expect(statistics.lastLSN.value == 4)
        #expect(statistics.durableLSN == statistics.lastLSN)
        #expect(statistics.logBytes > 0)
        #expect(statistics.syncs >= 3 && statistics.commits == 3)
        #expect(statistics.trouble == nil)
        try store.checkpoint()
        #expect(store.statistics.checkpointLSN == store.statistics.lastLSN)
        #expect(store.statistics.projectedReplaySeconds == 0)
        try closeVerified(store)
    }
}
