// Transactions and updates: all or nothing, one's own writes, what is refused inside.

import Backstay
import Testing
@testable import WriteAheadJournal

@Suite struct StoreTransactionTests {
    let folder: TemporaryFolder
    let store: StateStore

    init() throws {
        folder = try TemporaryFolder()
        store = try StateStore.open(folder.store)
    }

    @Test func bodySeesItsOwnWrites() throws {
        try store.set("kept", 1)
        try store.set("gone", 2)
        let seen = try store.transaction { tx -> [Int?] in
            var seen: [Int?] = [try tx.get("kept"), try tx.get("new")]
            try tx.set("kept", 10)
            try tx.set("new", 20)
            try tx.remove("gone")
            seen += [try tx.get("kept"), try tx.get("new"), try tx.get("gone"), try tx.get("gone", default: -1)]
            #expect(try !tx.contains("gone"))
            #expect(try tx.contains("new"))
            try tx.set("gone", 30)
            seen.append(try tx.get("gone"))
            try tx.remove("new")
            try tx.set("kept", nil as Int?)
            seen += [try tx.get("new"), try tx.get("kept")]
            return seen
        }
        #expect(seen.value == [1, nil, 10, 20, nil, -1, 30, nil, nil])
        #expect(try store.entries().map(\.key) == ["gone"])
        #expect(try store.get("gone") == 30)
        try closeVerified(store)
    }

    @Test func isOneRecordWithEverything() throws {
        try store.set("x", 0)
        let receipt = try store.transaction { tx in
            for number in 0..<100 { try tx.set("k\(number)", number) }
            try tx.remove("x")
        }.receipt
        let reader = try StoreReader(folder.store)
        var operations: [LSN: Int] = [:]
        _ = try reader.records { record, _ in
            guard record.kind == .changes else { return }
            try OperationCodec.read(record.body) { _ in operations[record.lsn, default: 0] += 1 }
        }
        reader.close()
        #expect(operations[receipt.lsn] == 101)
        #expect(store.statistics.lastLSN == receipt.lsn)
        try closeVerified(store)
    }

    @Test func bodysErrorComesBackUnchangedAndNothingIsKept() throws {
        try store.set("a", 1)
        let before = try store.entries().rows
        let last = store.statistics.lastLSN
        #expect(throws: OwnError(number: 3)) {
            try store.transaction { tx in
                try tx.set("a", 2)
                try tx.set("b", 2)
                try tx.remove("a")
                throw OwnError(number: 3)
            }
        }
        #expect(throws: OwnError(number: 4)) {
            try store.update("a", default: 0) { value in
                value = 99
                throw OwnError(number: 4)
            }
        }
        #expect(try store.entries().rows == before)
        #expect(store.statistics.lastLSN == last)
        try store.set("after", 1)
        try closeVerified(store)
    }

    @Test func bodysErrorComesBackUnchangedToATask() async throws {
        await #expect(throws: OwnError(number: 5)) {
            try await store.transaction { tx in
                try tx.set("a", 2)
                throw OwnError(number: 5)
            }
        }
        await #expect(throws: OwnError(number: 6)) {
            try await store.update("a", default: 0) { _ in throw OwnError(number: 6) }
        }
        #expect(try store.entries().rows.isEmpty)
        try await closeVerified(store)
    }

    @Test func refusedChangeInsideLeavesTheTransactionGoingOn() throws {
        try store.transaction { tx in
            try tx.set("a", 1)
            #expect(failure { try tx.set("a", Double.nan) }?.code == .valueOutOfBounds)
            #expect(failure { try tx.set("", 1) }?.code == .keyOutOfBounds)
            #expect(failure { try tx.remove("") }?.code == .keyOutOfBounds)
            #expect(failure { _ = try tx.get("a", as: String.self) }?.code == .typeMismatch)
            #expect(try tx.get("a") == 1)
            try tx.set("b", 2)
        }
        #expect(try store.entries().map(\.key) == ["a", "b"])
        try closeVerified(store)
    }

    @Test func everyCallOnTheStoreInsideABodyIsReentrant() throws {
        try store.set("a", 1)
        let store = store
        let copy = folder.path + "/copy"
        let calls: [(String, () throws -> Void)] = [
            ("get", { _ = try store.get("a", as: Int.self) }),
            ("get string", { _ = try store.get("a", as: String.self) }),
            ("get codable", { _ = try store.get("a", as: [Int].self) }),
            ("get default", { _ = try store.get("a", default: 0) }),
            ("get key", { _ = try store.get(StateKey<Int>("a")) }),
            ("contains", { _ = try store.contains("a") }),
            ("set", { try store.set("a", 2) }),
            ("set nil", { try store.set("a", nil as Int?) }),
            ("remove", { try store.remove("a") }),
            ("update", { try store.update("a", default: 0) { $0 += 1 } }),
            ("transaction", { try store.transaction { try $0.set("a", 2) } }),
            ("snapshot", { _ = try store.snapshot() }),
            ("entries", { _ = try store.entries() }),
            ("sync", { try store.sync() }),
            ("checkpoint", { try store.checkpoint() }),
            ("compact", { try store.compact() }),
            ("backup", { try store.backup(to: copy) }),
            ("close", { try store.close() }),
        ]
        func attemptAll(_ place: String) {
            for (name, call) in calls {
                let error = failure(call)
                #expect(error?.code == .reentrant, "\(name) in \(place)")
                #expect(error?.outcome == .rejected)
            }
        }
        try store.transaction { tx in
            attemptAll("transaction")
            _ = store.statistics
            _ = store.recovery
            try tx.set("b", 1)
        }
        try store.update("a", default: 0) { value in
            attemptAll("update")
            value += 1
        }
        // The default is part of the body.
        var error: StoreError?
        func start() -> Int {
            error = failure { _ = try store.get("a", as: Int.self) }
            return 10
        }
        #expect(try store.update("late", default: start()) { $0 += 1 }.value == 11)
        #expect(error?.code == .reentrant)
        #expect(try store.get("a") == 2)
        #expect(try store.get("b") == 1)
        #expect(!Files.exists(copy))
        try closeVerified(store)
    }

    @Test func reentrantInATasksBodyToo() async throws {
        try await store.set("a", 1)
        try await store.transaction { tx in
            #expect(failure { _ = try store.get("a", as: Int.self) }?.code == .reentrant)
            #expect(failure { _ = try store.snapshot() }?.code == .reentrant)
            try tx.set("a", 2)
        }
        #expect(try store.get("a") == 2)
        try await closeVerified(store)
    }

    @Test func anotherStoreMayBeUsedInsideABody() throws {
        let other = try StateStore.open(folder.path + "/other")
        try store.transaction { tx in
            try other.set("a", 1)
            try tx.set("a", try other.get("a", default: 0) + 1)
        }
        #expect(try store.get("a") == 2)
        try closeVerified(other)
        try closeVerified(store)
    }

    @Test func otherThreadsReadWhileABodyRuns() throws {
        try store.set("a", 1)
        let store = store
        try store.transaction { tx in
            try tx.set("a", 2)
            try onThreads(2) { (_: Int) throws in
                #expect(try store.get("a") == 1)
                #expect(try store.contains("a"))
                #expect(store.statistics.keys == 1)
            }
        }
        #expect(try store.get("a") == 2)
        try closeVerified(store)
    }

    @Test func escapedTransactionIsRefused() throws {
        var escaped: [StateStore.Transaction] = []
        try store.transaction { tx in
            try tx.set("a", 1)
            escaped.append(tx)
        }
        #expect(throws: OwnError()) {
            try store.transaction { tx in
                escaped.append(tx)
                throw OwnError()
            }
        }
        for tx in escaped {
            #expect(failure { try tx.set("a", 2) }?.code == .closed)
            #expect(failure { try tx.set("a", nil as Int?) }?.code == .closed)
            #expect(failure { try tx.remove("a") }?.code == .closed)
            #expect(failure { _ = try tx.get("a", as: Int.self) }?.code == .closed)
            #expect(failure { _ = try tx.get("a", default: 1) }?.code == .closed)
            #expect(failure { _ = try tx.contains("a") }?.code == .closed)
        }
        // Inside another one as well.
        try store.transaction { _ in #expect(failure { try escaped[0].set("a", 2) }?.code == .closed) }
        #expect(try store.get("a") == 1)
        try closeVerified(store)
    }

    @Test func emptyTransactionTakesNoLSNAndAnswersForWhatItSaw() throws {
        let receipt = try store.set("a", 1)
        let empty = try store.transaction { try $0.get("a", default: 0) }
        #expect(empty.value == 1)
        #expect(empty.receipt == receipt)
        #expect(store.statistics.lastLSN == receipt.lsn)
        try closeVerified(store)
    }

    @Test func largeTransactionIsAppliedAsOne() throws {
        let count = 20_000
        let store = store
        let done = Event()
        let watcher = try WorkerThread("test") {
            while !done.hasHappened {
                let seen = (try? store.entries(prefix: "k").reduce(into: 0) { total, _ in total += 1 }) ?? -1
                if seen != 0 && seen != count { Issue.record("saw \(seen) of \(count)") }
            }
        }
        try store.transaction { tx in
            for number in 0..<count { try tx.set("k\(number)", String(repeating: "v", count: 100)) }
        }
        done.signal()
        watcher.join()
        #expect(store.statistics.keys == count)
        try closeVerified(store)
    }

    @Test func transactionBeyondTheBoundIsRefused() throws {
        let memory = try StateStore.inMemory()
        try memory.set("a", 1)
        let piece = [UInt8](repeating: 7, count: 300_000_000)
        let error = failure {
            try memory.transaction { tx in
                try tx.set("a", 2)
                for number in 0..<3 { try tx.setStored(Array("k\(number)".utf8), .bytes, piece) }
            }
        }
        #expect(error?.code == .valueOutOfBounds)
        #expect(error?.outcome == .rejected)
        #expect(try memory.get("a") == 1)
        #expect(memory.statistics.keys == 1)
    }

    // MARK: update

    @Test func updateGivesTheNewValueAndItsAnswer() throws {
        let first = try store.update("n", default: 5) { $0 += 1 }
        #expect(first.value == 6)
        let second = try store.update("n", default: 100) { $0 *= 2 }
        #expect(second.value == 12)
        #expect(second.receipt.lsn == first.receipt.lsn.next)
        #expect(try store.get("n") == 12)
        let list = try store.update("list", default: [String]()) { $0.append("x") }
        #expect(list.value == ["x"])
        try closeVerified(store)
    }

    @Test func updateToNilRemoves() throws {
        try store.update("n", default: nil as Int?) { $0 = 1 }
        #expect(try store.get("n") == 1)
        let gone = try store.update("n", default: nil as Int?) { value in
            #expect(value == 1)
            value = nil
        }
        #expect(gone.value == nil)
        #expect(try !store.contains("n"))
        try closeVerified(store)
    }

    @Test func updateToNaNIsRefusedAndLeavesTheValue() throws {
        try store.set("d", 1.5)
        #expect(failure { try store.update("d", default: 0.0) { $0 = .nan } }?.code == .valueOutOfBounds)
        #expect(try store.get("d") == 1.5)
        try closeVerified(store)
    }

    @Test func concurrentUpdatesLoseNothing() throws {
        let store = store
        try onThreads(8) { _ in
            for _ in 0..<50 { try store.update("n", default: 0, durability: .process) { $0 += 1 } }
        }
        #expect(try store.get("n") == 400)
        try closeVerified(store)
    }

    @Test func transactionsNeverMixWithOneAnother() throws {
        let store = store
        try store.transaction { tx in
            try tx.set("from", 1_000)
            try tx.set("to", 0)
        }
        try onThreads(4) { index in
            for round in 0..<50 {
                if index % 2 == 0 {
                    do {
                        try store.transaction(durability: .process) { tx in
                            let amount = round % 7
                            try tx.set("from", try tx.get("from", default: 0) - amount)
                            if round % 5 == 0 { throw OwnError() }
                            try tx.set("to", try tx.get("to", default: 0) + amount)
                        }
                    } catch is OwnError {}
                } else {
                    let view = try store.snapshot()
                    #expect(try view.get("from", default: 0) + view.get("to", default: 0) == 1_000)
                }
            }
        }
        #expect(try store.get("from", default: 0) + store.get("to", default: 0) == 1_000)
        try closeVerified(store)
    }
}
