// Values through the store: as set, replayed from the journal, and loaded from the table.

import Backstay
import Foundation
import Testing
import WriteAheadJournal

@Suite struct StoreValueTests {
    let folder: TemporaryFolder
    let store: StateStore

    init() throws {
        folder = try TemporaryFolder()
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        store = try StateStore.open(folder.store, options: options)
    }

    enum Colour: String, Codable { case red, green }
    enum Level: Int, Codable { case low = -1, high = 1 }
    struct User: Codable, Equatable {
        var name: String
        var age: Int?
        var tags: [String]
        var path = "a/b"
    }
    final class Box: Codable {
        var number: Int
        init(_ number: Int) { self.number = number }
    }

    /// A value, how to set it and how to see that it is back.
    private struct Sample: Sendable {
        let type: String
        let set: @Sendable (StateStore, String) throws -> Void
        let isBack: @Sendable (StateStore, String) throws -> Bool

        init<Value: Codable & Equatable & Sendable>(_ type: String, _ value: Value) {
            self.type = type
            set = { try $0.set($1, value, durability: .process) }
            isBack = { try $0.get($1, as: Value.self) == value }
        }

        init(bits value: Double) {
            type = "double"
            set = { try $0.set($1, value, durability: .process) }
            isBack = { try $0.get($1, as: Double.self)?.bitPattern == value.bitPattern }
        }

        init(moment seconds: Double) {
            type = "date"
            set = { try $0.set($1, Date(timeIntervalSinceReferenceDate: seconds), durability: .process) }
            isBack = {
                try $0.get($1, as: Date.self)?.timeIntervalSinceReferenceDate.bitPattern == seconds.bitPattern
            }
        }
    }

    private static let samples: [Sample] =
        [
            Sample("int", 0), Sample("int", Int.max), Sample("int", Int.min), Sample("int", Int8.min),
            Sample("int", UInt8.max),
            Sample("int", UInt64(Int64.max)), Sample("uint", UInt64(Int64.max) + 1), Sample("uint", UInt64.max),
            Sample("uint", UInt.max), Sample("int", Int64(1) << 53 + 1), Sample("bool", true), Sample("bool", false),
            Sample("string", ""), Sample("string", "text"), Sample("string", "\0"), Sample("string", "a\0b\r\n"),
            Sample("string", "caf\u{e9} cafe\u{301} 👨‍👩‍👧 \u{10ffff}"), Sample("string", "42"),
            Sample("string", "{\"a\":1}"),
            Sample("string", String(repeating: "long ", count: 5_000)), Sample("bytes", [UInt8]()),
            Sample("bytes", [UInt8](0...255)), Sample("bytes", [UInt8](repeating: 0, count: 100_000)),
            Sample("bytes", Data([0, 255, 10])), Sample("uuid", UUID()),
            Sample("double", Float.greatestFiniteMagnitude),
            Sample("double", Float(0.1)), Sample("string", Colour.green), Sample("int", Level.low),
            Sample("json", User(name: "Ada \"x\"", age: 36, tags: ["a/b", "é"])),
            Sample("json", User(name: "", age: nil, tags: [])), Sample("json", [1, 2, 3]), Sample("json", [String]()),
            Sample("json", ["k": 1.5, "": -0.25]), Sample("json", [[Int?]]([[nil, 1], []])),
        ]
        + [
            0.0, -0.0, 1.0, -1.5, 0.1, .pi, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude,
            .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 9_007_199_254_740_991, 1e300, 1e-300, .ulpOfOne,
        ].map { Sample(bits: $0) }
        + [0.0, -0.0, 1e-9, -978_307_200, 700_000_000.123_456_7, 1e18].map { Sample(moment: $0) }

    private func check(_ store: StateStore, _ what: String) throws {
        var types: [String: String] = [:]
        for entry in try store.entries() { types[entry.key] = entry.type }
        for (index, sample) in Self.samples.enumerated() {
            #expect(try sample.isBack(store, "sample \(index)"), "sample \(index) of type \(sample.type), \(what)")
            #expect(types["sample \(index)"] == sample.type, "sample \(index), \(what)")
        }
        #expect(types.count == Self.samples.count)
    }

    /// A writer that was wrong, with checksums that are right. A quick lookup looks as closely as the others.
    @Test func bytesThatTheirKindDoesNotAllowAreDamageToEveryReader() throws {
        func expectDamage<Value: Codable & Sendable>(_ type: Value.Type, _ kind: ValueKind, _ bytes: [UInt8]) throws {
            try store.transaction { try $0.setStored(Array("k".utf8), kind, bytes) }
            let store = store
            let readers: [(String, () throws -> Void)] = [
                ("get", { _ = try store.get("k", as: type) }),
                ("snapshot", { _ = try store.snapshot().get("k", as: type) }),
                ("entry", { for entry in try store.entries() { _ = try entry.value(as: type) } }),
                ("transaction", { try store.transaction { _ = try $0.get("k", as: type) } }),
            ]
            for (name, read) in readers {
                #expect(failure(read)?.code == .damaged, "\(name) of \(kind), \(bytes.count) bytes")
            }
        }
        for count in [0, 3, 7, 9] {
            try expectDamage(Int.self, .int, [UInt8](repeating: 1, count: count))
            try expectDamage(Double.self, .double, [UInt8](repeating: 1, count: count))
            try expectDamage(UInt64.self, .uint, [UInt8](repeating: 0xff, count: count))
            try expectDamage(Date.self, .date, [UInt8](repeating: 1, count: count))
            try expectDamage(UUID.self, .uuid, [UInt8](repeating: 1, count: count))
        }
        try expectDamage(Double.self, .double, [UInt8](repeating: 0xff, count: 8))
        try expectDamage(Bool.self, .bool, [])
        try expectDamage(Bool.self, .bool, [2])
        try expectDamage(Bool.self, .bool, [1, 0])
        try expectDamage(String.self, .string, [0x61, 0xff])
        try expectDamage([Int].self, .json, Array("[1".utf8))
    }

    @Test func everyKindIsBackFromTheJournalAndFromTheTable() throws {
        let barrier = try FoldBarrier(folder.store)
        for (index, sample) in Self.samples.enumerated() { try sample.set(store, "sample \(index)") }
        try check(store, "live")
        try store.sync()
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        try barrier.lift()
        let killed = try StateStore.open(folder.path + "/killed")
        #expect(killed.recovery.recordsReplayed >= Self.samples.count)
        try check(killed, "replayed")
        try closeVerified(killed)
        try store.checkpoint()
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        #expect(again.recovery.recordsReplayed <= 1, "the table has it all")
        try check(again, "from the table")
        // And as one record.
        let once = try StateStore.open(folder.path + "/once")
        try once.transaction { tx in
            for entry in try again.entries() {
                try tx.setStored(
                    [UInt8](entry.keyBytes), try #require(ValueKind(rawValue: entry.kind)), [UInt8](entry.valueBytes))
            }
        }
        try check(once, "in one transaction")
        try closeVerified(once)
        try closeVerified(again)
    }

    @Test func sizesAroundThePageAndTheQuickPathComeBack() throws {
        let sizes = [
            0, 1, 7, 8, 63, 64, 127, 128, 4_095, 4_096, 4_097, 16_383, 16_384, 65_535, 65_536, 65_537, 200_000,
        ]
        for size in sizes {
            try store.set("b\(size)", [UInt8](repeating: UInt8(size % 251), count: size), durability: .process)
            try store.set("s\(size)", String(repeating: "s", count: size), durability: .process)
        }
        func check(_ store: StateStore) throws {
            for size in sizes {
                #expect(try store.get("b\(size)") == [UInt8](repeating: UInt8(size % 251), count: size))
                #expect(try store.get("s\(size)") == String(repeating: "s", count: size))
                #expect(try store.get("b\(size)", as: Data.self)?.count == size)
            }
        }
        try check(store)
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        try check(again)
        try closeVerified(again)
    }

    @Test func aValueLargerThanTheTailIsFine() throws {
        let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var large: [UInt8] = []
        for _ in 0..<257 { large.append(contentsOf: block) }
        #expect(large.count > 16 << 20)
        try store.set("small", 1)
        let receipt = try store.set("large", large)
        try store.set("after", 2)
        #expect(receipt.durability == .power)
        #expect(areSame(try store.get("large", default: []), large))
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        let killed = try StateStore.open(folder.path + "/killed")
        #expect(areSame(try killed.get("large", default: []), large))
        #expect(try killed.get("after") == 2)
        try closeVerified(killed)
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        #expect(areSame(try again.get("large", default: []), large))
        try closeVerified(again)
    }

    @Test func aValueBeyondItsBoundIsRefused() throws {
        let error = failure { try store.set("k", [UInt8](repeating: 0, count: 512 << 20 + 1)) }
        #expect(error?.code == .valueOutOfBounds)
        #expect(error?.outcome == .rejected)
        #expect(error?.message.contains("\"k\"") == true)
        #expect(try !store.contains("k"))
        try closeVerified(store)
    }

    @Test func numbersThatAreNoneAreRefusedInEveryPath() throws {
        struct Wrapped: Codable { var inner: [Double] }
        try store.set("k", 1.0)
        let store = store
        let refused: [() throws -> Void] = [
            { try store.set("k", Double.nan) }, { try store.set("k", Double.infinity) },
            { try store.set("k", -Double.infinity) }, { try store.set("k", Double.signalingNaN) },
            { try store.set("k", Float.nan) }, { try store.set("k", Float.infinity) },
            { try store.set("k", Double?.some(.nan)) }, { try store.set("k", [0, Double.nan]) },
            { try store.set("k", ["a": Double.infinity]) }, { try store.set("k", Wrapped(inner: [.nan])) },
            { try store.set("k", Date(timeIntervalSinceReferenceDate: .nan)) },
            { try store.update("k", default: 0.0) { $0 = .nan } },
            { try store.transaction { try $0.set("k", Double.nan) } },
            { try store.transaction { try $0.set("k", Wrapped(inner: [.infinity])) } },
        ]
        for (index, attempt) in refused.enumerated() {
            let error = failure(attempt)
            #expect(error?.code == .valueOutOfBounds, "attempt \(index)")
            #expect(error?.message.contains("\"k\"") == true, "attempt \(index)")
        }
        #expect(try store.get("k") == 1.0)
        #expect(store.statistics.lastLSN.value == 2)
        try closeVerified(store)
    }

    @Test func nilRemovesTheKey() throws {
        try store.set("a", 1)
        try store.set("a", nil as Int?)
        #expect(try !store.contains("a"))
        try store.set("a", nil as User?)
        try store.set("b", Optional(5))
        #expect(try store.get("b") == 5)
        #expect(try store.entries().map(\.type) == ["int"])
        try store.transaction { try $0.set("b", nil as String?) }
        #expect(try store.entries().rows.isEmpty)
        try closeVerified(store)
    }

    @Test func aMismatchNamesKeyStoredAndAskedType() throws {
        try store.set("title", "text")
        try store.set("user", User(name: "Ada", age: nil, tags: []))
        try store.set("count", 300)
        let view = try store.snapshot()
        let cases: [(() throws -> Void, [String])] = [
            ({ _ = try store.get("title", as: Int.self) }, ["title", "string", "Int"]),
            ({ _ = try store.get("title", default: 1.5) }, ["title", "string", "Double"]),
            ({ _ = try store.get("user", as: [Int].self) }, ["user", "json", "Array<Int>"]),
            ({ _ = try store.get("count", as: UInt8.self) }, ["count", "int", "UInt8"]),
            ({ _ = try store.get("count", as: User.self) }, ["count", "int", "User"]),
            ({ _ = try view.get("title", as: UUID.self) }, ["title", "string", "UUID"]),
            ({ try store.transaction { _ = try $0.get("title", as: Bool.self) } }, ["title", "string", "Bool"]),
            ({ try store.update("title", default: 0) { $0 += 1 } }, ["title", "string", "Int"]),
            (
                { _ = try store.entries(prefix: "title").first { _ in true }?.value(as: Int.self) },
                ["title", "string", "Int"]
            ),
        ]
        for (index, (attempt, words)) in cases.enumerated() {
            let error = failure(attempt)
            #expect(error?.code == .typeMismatch, "case \(index)")
            for word in words {
                #expect(error?.message.contains(word) == true, "case \(index): \(error?.message ?? "")")
            }
        }
        // What does decode, does.
        #expect(try store.get("count", as: Double.self) == 300)
        #expect(try store.get("count", as: Int16.self) == 300)
        try closeVerified(store)
    }

    @Test func eachGetDecodesAfresh() throws {
        try store.set("box", Box(1))
        let first = try #require(try store.get("box", as: Box.self))
        first.number = 2
        let second = try #require(try store.get("box", as: Box.self))
        #expect(first !== second)
        #expect(second.number == 1)
        try closeVerified(store)
    }

    @Test func sizesAndDefaults() throws {
        #expect(try store.get("none", as: Int.self) == nil)
        #expect(try store.get("none", default: 4) == 4)
        #expect(try store.get("none", as: User.self) == nil)
        try store.set("a", "12345")
        #expect(try store.get("a", default: "") == "12345")
        #expect(try store.entries().map(\.valueSize) == [5])
        try closeVerified(store)
    }

    // MARK: Plain SQL

    @Test func plainSQLReadsTheStateOfALiveStore() throws {
        try store.close()
        let folded = Event()
        let wanted = Locked(LSN.zero)
        var options = StoreOptions()
        options.onEvent = { event in
            guard case .checkpointed(let lsn, _) = event, wanted.with({ lsn >= $0 && $0 > .zero }) else { return }
            folded.signal()
        }
        let store = try StateStore.open(folder.store, options: options)
        wanted.with { $0 = LSN(.max) }
        try store.set("flag", true)
        try store.set("user", User(name: "Ada", age: 36, tags: []))
        let start = Clock.monotonicNanoseconds()
        let receipt = try store.set("user_count", 42)
        wanted.with { $0 = receipt.lsn }
        #expect(store.statistics.checkpointLSN >= receipt.lsn || folded.wait(), "an idle store folds by itself")
        let waited = (Clock.monotonicNanoseconds() - start) / 1_000_000
        let database = folder.store + "/state.db"
        #expect(sqlite(database, "select value from state where key='user_count'") == "42", "after \(waited) ms")
        #expect(sqlite(database, "select value->>'$.name' from state where type='json'") == "Ada")
        #expect(
            sqlite(database, "select type, typeof(value) from state order by key")
                == "bool|integer\njson|text\nint|integer")
        #expect(sqlite(database, "select value+1 from state where key='user_count'") == "43")
        // The sqlite3 shell as a reader does no harm.
        try store.set("user_count", 44)
        try closeVerified(store)
    }
}
