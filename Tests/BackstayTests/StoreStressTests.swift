// Threads and tasks at once against a dictionary, compared live, as killed, and reopened.

import Backstay
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreStressTests {
    /// Ends of keys that a careless comparison takes for one another.
    private static let endings = [
        "a", "A", "aa", "\u{e9}", "e\u{301}", "\r\n", "\r", "\n", "\0", "\0\0", "👨‍👩‍👧", "👨", " ", "\u{10FFFF}", "\u{7f}",
        "\u{80}",
    ]

    /// One worker's keys, what they should hold, and its random choices.
    private struct Worker {
        let name: String
        var random: SplitMix64
        var model: [[UInt8]: String] = [:]

        init(_ name: String, seed: UInt64) {
            self.name = name
            random = SplitMix64(seed: seed)
        }

        mutating func key() -> String { name + "/" + StoreStressTests.endings[Int.random(in: 0..<16, using: &random)] }

        mutating func value() -> String {
            let length = Int.random(in: 0..<10, using: &random) == 0 ? 6_000 : Int.random(in: 0..<40, using: &random)
            return String(repeating: "v", count: length) + String(random.next() % 1_000)
        }

        mutating func level() -> Durability { Bool.random(using: &random) ? .power : .process }

        /// A change as a list of sets and removes.
        mutating func changes() -> [(key: String, value: String?)] {
            let count = [1, 1, 1, 4].randomElement(using: &random) ?? 1
            return (0..<count).map { _ in
                (key(), Int.random(in: 0..<4, using: &random) == 0 ? nil : value())
            }
        }

        mutating func note(_ changes: [(key: String, value: String?)]) {
            for change in changes { model[Array(change.key.utf8)] = change.value }
        }

        func check(_ store: StateStore, _ seed: UInt64) throws {
            for ending in StoreStressTests.endings {
                let key = name + "/" + ending
                #expect(try store.get(key) == model[Array(key.utf8)], "\(key.debugDescription), seed \(seed)")
            }
        }
    }

    private static func apply(_ changes: [(key: String, value: String?)], _ tx: StateStore.Transaction) throws {
        for change in changes {
            if let value = change.value { try tx.set(change.key, value) } else { try tx.remove(change.key) }
        }
    }

    @Test func threadsAndTasksAgreeWithAModel() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let folder = try TemporaryFolder(onDisk: true)
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.logBytesMax = 1 << 20
        let store = try await StateStore.open(folder.store, options: options)
        let models = Locked<[[UInt8]: String]>([:])

        async let tasks: Void = withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    var worker = Worker("task \(number)", seed: seed &+ UInt64(number))
                    for round in 0..<60 {
                        let changes = worker.changes()
                        let level = worker.level()
                        if changes.count > 1 {
                            try await store.transaction(durability: level) { try Self.apply(changes, $0) }
                        } else if let value = changes[0].value {
                            try await store.set(changes[0].key, value, durability: level)
                        } else {
                            try await store.remove(changes[0].key, durability: level)
                        }
                        worker.note(changes)
                        try await store.update("sum", default: 0, durability: .process) { $0 += 1 }
                        if round % 10 == 9 { try worker.check(store, seed) }
                    }
                    models.with { $0.merge(worker.model) { $1 } }
                }
            }
            try await group.waitForAll()
        }
        async let threads: Void = offPool {
            try onThreads(4) { number in
                var worker = Worker("thread \(number)", seed: seed &- UInt64(number) &- 1)
                for round in 0..<120 {
                    let changes = worker.changes()
                    let level = worker.level()
                    if changes.count > 1 {
                        try store.transaction(durability: level) { try Self.apply(changes, $0) }
                    } else if let value = changes[0].value {
                        try store.set(changes[0].key, value, durability: level)
                    } else {
                        try store.remove(changes[0].key, durability: level)
                    }
                    worker.note(changes)
                    try store.update("sum", default: 0, durability: .process) { $0 += 1 }
                    if round % 10 == 9 { try worker.check(store, seed) }
                    if round % 40 == 39 { try store.checkpoint() }
                }
                models.with { $0.merge(worker.model) { $1 } }
            }
        }
        _ = try await (tasks, threads)

        #expect(try store.get("sum") == 12 * 60 + 4 * 120)
        let model = models.with { $0 }
        func compare(_ store: StateStore, _ what: String) throws {
            let rows = try store.entries().rows.filter { $0.key != Array("sum".utf8) }
            let expected = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
                .map { StoredRow(key: $0.key, kind: ValueKind.string.rawValue, value: Array($0.value.utf8)) }
            #expect(rows == expected, "\(what), seed \(seed)")
        }
        try compare(store, "live")
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        let killed = try await StateStore.open(folder.path + "/killed")
        #expect(killed.recovery.lastEnd.kind == .killed)
        try compare(killed, "as killed")
        try await closeVerified(killed)
        try await closeVerified(store)
        let again = try await StateStore.open(folder.store)
        try compare(again, "reopened")
        #expect(try again.get("sum") == 12 * 60 + 4 * 120)
        try await closeVerified(again)
    }
}
