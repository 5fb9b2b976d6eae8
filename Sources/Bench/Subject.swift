// What the rows measure: a store, called synchronously, and what an application would use without one.
//
// Why `@unchecked Sendable` is right: a Subject is used by one round at a time; the Dictionary's content is under its lock.

internal import Backstay
internal import WriteAheadJournal

/// The synchronous calls, for use from async code that means to block.
final class Subject: @unchecked Sendable {
    private let store: StateStore
    private let plain: PlainSQLite?
    private let value = [UInt8](0..<100)
    private var counter = 0
    /// The longest that `insert` took for a hundred keys.
    private(set) var longest = 0.0

    init(store: StateStore, plain: PlainSQLite?) {
        self.store = store
        self.plain = plain
    }

    func power(_ count: Int) throws -> Double {
        try Stopwatch.seconds {
            for _ in 0..<count {
                counter += 1
                try store.set(StoreBenchmark.key(counter % 1_000), value)
            }
        }
    }

    func process(_ count: Int) throws -> Double {
        try Stopwatch.seconds {
            for _ in 0..<count {
                counter += 1
                try store.set(StoreBenchmark.key(counter % 1_000), value, durability: .process)
            }
        }
    }

    /// Until everything is committed, so that the tail is empty.
    func sync() throws { try store.sync() }

    func sqlite(_ count: Int) throws -> Double {
        try Stopwatch.seconds {
            for _ in 0..<count {
                counter += 1
                try plain?.set(StoreBenchmark.key(counter % 1_000), value)
            }
        }
    }

    func tasks(_ tasks: Int, each: Int) async throws -> Double {
        let store = store
        let value = value
        return try await Stopwatch.seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks {
                    group.addTask {
                        for index in 0..<each {
                            try await store.set(StoreBenchmark.key(task * 1_000 + index % 16), value)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    func prepare(_ body: (StateStore) throws -> Void) throws { try body(store) }

    @discardableResult
    func time(_ body: (StateStore) throws -> Void) throws -> Double { try Stopwatch.seconds { try body(store) } }

    /// Keys in ascending order, many to a record.
    func fill(_ keys: Int) throws {
        var next = 0
        while next < keys {
            let end = min(keys, next + 1_000)
            try store.transaction { tx in
                for index in next..<end { try tx.set(StoreBenchmark.key(index), value) }
            }
            next = end
        }
    }

    func insert(_ keys: ArraySlice<Int>) throws -> Double {
        try Stopwatch.seconds {
            var next = keys.startIndex
            while next < keys.endIndex {
                let end = min(keys.endIndex, next + 100)
                let seconds = try Stopwatch.seconds {
                    try store.transaction { tx in
                        for index in next..<end { try tx.set(StoreBenchmark.key(keys[index]), value) }
                    }
                }
                longest = max(longest, seconds)
                next = end
            }
        }
    }

    /// So many records of one set each, written by tasks, the keys in an order that jumps about.
    func records(_ count: Int, below keys: Int) async throws {
        let each = count / 64
        let store = store
        let value = value
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for index in 0..<each {
                        try await store.set(StoreBenchmark.key((task * each + index) &* 7_919_993 % keys), value)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
