// Snapshots and entries: one moment, whatever goes on beside and after it.

@testable import Backstay
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreSnapshotTests {
    let folder: TemporaryFolder
    let store: StateStore

    init() throws {
        folder = try TemporaryFolder(onDisk: true)
        store = try StateStore.open(folder.store)
    }

    @Test func showsOneMomentWhileWritersGoOn() throws {
        for number in 0..<50 { try store.set("k\(number)", 0, durability: .process) }
        let store = store
        let stop = Event()
        let writers = try (0..<2).map { _ in
            try WorkerThread("test") {
                while !stop.hasHappened {
                    let error = failure {
                        try store.transaction(durability: .process) { tx in
                            for number in 0..<50 { try tx.set("k\(number)", try tx.get("k\(number)", default: 0) + 1) }
                        }
                    }
                    if let error { Issue.record(error) }
                }
            }
        }
        var last = LSN.zero
        for _ in 0..<100 {
            let view = try store.snapshot()
            let first = try view.get("k0", default: -1)
            let values = try view.entries(prefix: "k").map { try $0.value(as: Int.self) }
            #expect(values == [Int](repeating: first, count: 50), "a transaction seen in part")
            // k0 counts the transactions, each of which is one record.
            #expect(view.lsn.value == 51 + UInt64(first), "the LSN is not that of the content")
            #expect(view.lsn >= last)
            last = view.lsn
        }
        stop.signal()
        for writer in writers { writer.join() }
        try closeVerified(store)
    }

    @Test func keepsWhatWasChangedAndRemovedSince() throws {
        try store.set("a", 1)
        try store.set("b", "gone later")
        let view = try store.snapshot()
        let entry = try #require(try store.entries(prefix: "b").first { _ in true })
        try store.set("a", 2)
        try store.remove("b")
        try store.set("c", 3)
        #expect(view.count == 2)
        #expect(try view.get("a") == 1)
        #expect(try view.get("b") == "gone later")
        #expect(try view.get("c", as: Int.self) == nil)
        #expect(try view.get("c", default: 8) == 8)
        #expect(try view.contains("b") && !view.contains("c"))
        #expect(view.entries().map(\.key) == ["a", "b"])
        #expect(try entry.value(as: String.self) == "gone later")
        #expect(try store.entries().map(\.key) == ["a", "c"])
        try closeVerified(store)
    }

    @Test func goesOnAfterTheStoreIsClosedAndDropped() throws {
        var path = ""
        let (view, entries): (StateStore.Snapshot, StateStore.Entries) = try {
            let other = try StateStore.open(folder.path + "/other")
            try other.transaction { tx in
                for number in 0..<500 { try tx.set("k\(number)", "value \(number)") }
            }
            path = try #require(other.path)
            let pair = (try other.snapshot(), try other.entries(prefix: "k1"))
            try closeVerified(other)
            #expect(failure { _ = try other.snapshot() }?.code == .closed)
            return pair
        }()
        #expect(view.count == 500)
        #expect(try view.get("k77") == "value 77")
        #expect(Array(entries).count == 111)
        #expect(try entries.map { try $0.value(as: String.self) }.contains("value 199"))
        // And after the place was taken over.
        let again = try StateStore.open(path)
        try again.set("k77", "new")
        #expect(try view.get("k77") == "value 77")
        try closeVerified(again)
        try closeVerified(store)
    }

    @Test func entriesGiveTheSameTwice() throws {
        for number in 0..<300 { try store.set("k\(number)", number, durability: .process) }
        let entries = try store.entries(prefix: "k2")
        let first = entries.rows
        try store.transaction { tx in
            for number in 0..<300 { try tx.remove("k\(number)") }
        }
        #expect(first.count == 111)
        #expect(entries.rows == first)
        var one = entries.makeIterator()
        var two = entries.makeIterator()
        _ = one.next()
        _ = one.next()
        #expect(two.next()?.key == "k2")
        #expect(one.next()?.key == "k200")
        #expect(try store.entries().rows.isEmpty)
        try closeVerified(store)
    }

    @Test func aHeldSnapshotCostsAWriterAFewNodesOnly() throws {
        let memory = try StateStore.inMemory()
        let count = 100_000
        let letters = (0..<256).map { String(UnicodeScalar(UInt8($0 % 26 + 97))) }
        try memory.transaction { tx in
            for number in 0..<count { try tx.set("\(letters[number % 256])/\(number)", number) }
        }
        let view = try memory.snapshot()
        var most = 0
        for number in stride(from: 0, to: count, by: 997) {
            let before = memory.core.memory.figures.copiedBytes
            try memory.set("\(letters[number % 256])/\(number)", -1)
            most = max(most, memory.core.memory.figures.copiedBytes - before)
        }
        #expect(most > 0, "nothing was copied, so nothing was measured")
        #expect(most <= 64 << 10)
        #expect(view.count == count)
        #expect(try view.get("\(letters[0])/0") == 0)
    }

    @Test func droppedSnapshotsGiveTheirMemoryBack() throws {
        let memory = try StateStore.inMemory()
        let value = [UInt8](repeating: 1, count: 10_000)
        func overwriteAll() throws {
            try memory.transaction { tx in
                for number in 0..<200 { try tx.set("k\(number)", value) }
            }
        }
        try overwriteAll()
        let start = memory.statistics.memoryBytes
        for _ in 0..<20 {
            let view = try memory.snapshot()
            try overwriteAll()
            #expect(view.count == 200)
        }
        try overwriteAll()
        #expect(memory.statistics.memoryBytes < 3 * start, "replaced values are kept without a snapshot")
    }
}
