// Keys are bytes: 1 to 4,096 of them, valid UTF-8, compared, sorted and prefix-matched as such, in memory and in SQL.

import Backstay
import TestSupport
import Testing

@Suite struct StoreKeyTests {
    let folder: TemporaryFolder
    let store: StateStore

    init() throws {
        folder = try TemporaryFolder(onDisk: true)
        store = try StateStore.open(folder.store)
    }

    private static let composed = "caf\u{e9}"
    private static let decomposed = "cafe\u{301}"

    /// All different as bytes; many the same, or combined, as Swift sees strings.
    private static let odd = [
        "a", "A", "b", "aa", "a\0", "\0", "\0\0", "a\0b", "\r", "\n", "\r\n", "\r\nx", " ", "'", "\"", "\\", "%", "_",
        "*",
        composed, decomposed, "\u{e9}", "e\u{301}", "e", "\u{212b}", "\u{c5}", "A\u{30a}", "👨", "👨‍👩", "👨‍👩‍👧", "🇩", "🇩🇪",
        "\u{200d}",
        "\u{301}", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{feff}", "ﬁ",
        "fi", "ß", "ss",
        "key with spaces", "k=v", "NULL", "0", "1.0", String(repeating: "x", count: 4_096),
        String(repeating: "x", count: 4_095), String(repeating: "é", count: 2_048),
    ]

    @Test func everyOddKeyIsItsOwnAndStaysSo() throws {
        for (index, key) in Self.odd.enumerated() { try store.set(key, index, durability: .process) }
        func check(_ store: StateStore, _ what: Comment) throws {
            for (index, key) in Self.odd.enumerated() {
                #expect(try store.get(key) == index, what)
                #expect(try store.contains(key), what)
                #expect(try store.snapshot().get(key) == index, what)
            }
            let sorted = Self.odd.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
            #expect(try store.entries().rows.map(\.key) == sorted, what)
            #expect(try store.entries().map { Array($0.key.utf8) } == sorted, what)
        }
        try check(store, "live")
        let barrier = try FoldBarrier(folder.store)
        try store.sync()
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        try barrier.lift()
        let killed = try StateStore.open(folder.path + "/killed")
        try check(killed, "replayed")
        try closeVerified(killed)
        try closeVerified(store)
        let again = try StateStore.open(folder.store)
        try check(again, "from the table")
        // SQL agrees about the order.
        let order = try again.entries().rows.map {
            $0.key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        try again.checkpoint()
        #expect(
            sqlite(folder.store + "/state.db", "select hex(key) from state order by key").lowercased()
                == order.joined(separator: "\n"))
        try again.remove(Self.composed)
        #expect(try again.get(Self.decomposed) == Self.odd.firstIndex { $0.utf8.elementsEqual(Self.decomposed.utf8) })
        #expect(try !again.contains(Self.composed))
        try closeVerified(again)
    }

    @Test func composedAndDecomposedAreTwoKeysInATransactionToo() throws {
        try store.transaction { tx in
            try tx.set(Self.composed, 1)
            #expect(try tx.get(Self.decomposed, as: Int.self) == nil)
            try tx.set(Self.decomposed, 2)
            #expect(try tx.get(Self.composed) == 1)
            try tx.remove(Self.composed)
            #expect(try tx.get(Self.decomposed) == 2)
        }
        #expect(try store.entries().rows.map(\.key) == [Array(Self.decomposed.utf8)])
        try closeVerified(store)
    }

    @Test func keysOutOfBoundsAreRefusedEverywhere() throws {
        let store = store
        let view = try store.snapshot()
        let long = String(repeating: "k", count: 4_097)
        let wide = String(repeating: "é", count: 2_048) + "x"
        for key in ["", long, wide] {
            let typed = StateKey<Int>(key)
            let calls: [() throws -> Void] = [
                { _ = try store.get(key, as: Int.self) }, { _ = try store.get(key, as: String.self) },
                { _ = try store.get(key, as: Double.self) }, { _ = try store.get(key, as: Bool.self) },
                { _ = try store.get(key, as: [UInt8].self) }, { _ = try store.get(key, as: [Int].self) },
                { _ = try store.get(key, default: 0) }, { _ = try store.get(typed) }, { _ = try store.contains(key) },
                { try store.set(key, 1) }, { try store.set(key, nil as Int?) }, { try store.set(typed, 1) },
                { try store.remove(key) }, { try store.remove(typed) },
                { try store.update(key, default: 0) { $0 += 1 } },
                { try store.transaction { try $0.set(key, 1) } }, { try store.transaction { try $0.remove(key) } },
                { try store.transaction { _ = try $0.get(key, as: Int.self) } },
                { try store.transaction { _ = try $0.contains(key) } }, { _ = try view.get(key, as: Int.self) },
                { _ = try view.contains(key) },
            ]
            for (index, call) in calls.enumerated() {
                let error = failure(call)
                #expect(error?.code == .keyOutOfBounds, "call \(index), key of \(key.utf8.count) bytes")
                #expect(error?.outcome == .rejected)
            }
        }
        let error = failure { try store.set(long, 1) }
        #expect(error?.message.contains("4096") == true && error?.message.contains("4097") == true)
        #expect(try store.entries().rows.isEmpty)
        try closeVerified(store)
    }

    @Test func prefixesMatchAsBytes() throws {
        for (index, key) in Self.odd.enumerated() { try store.set(key, index, durability: .process) }
        let prefixes =
            Self.odd + [
                "", "caf", "k", "zzz", String(repeating: "x", count: 4_097), String(repeating: "x", count: 4_094),
            ]
        for prefix in prefixes {
            let expected = Self.odd.map { Array($0.utf8) }.filter { $0.starts(with: Array(prefix.utf8)) }
                .sorted { $0.lexicographicallyPrecedes($1) }
            #expect(try store.entries(prefix: prefix).rows.map(\.key) == expected, "\(prefix.debugDescription)")
        }
        // What would go wrong with Swift's characters.
        #expect(try store.entries(prefix: "caf").map { Array($0.key.utf8) }.count == 2)
        #expect(try store.entries(prefix: "cafe").map { Array($0.key.utf8) } == [Array(Self.decomposed.utf8)])
        #expect(try store.entries(prefix: "\r").rows.count == 3)
        #expect(try store.entries(prefix: "👨").rows.count == 3)
        try closeVerified(store)
    }

    @Test func typedKeysReachTheSameValues() throws {
        try store.set(.visits, 3)
        #expect(try store.get(.visits) == 3)
        #expect(try store.get("visits") == 3)
        #expect(try store.get(StateKey<Int>("none"), default: 9) == 9)
        #expect(try store.contains(.visits))
        #expect(try store.update(.visits, default: 0) { $0 += 1 }.value == 4)
        try store.transaction { tx in
            try tx.set(.visits, try tx.get(.visits, default: 0) + 1)
            #expect(try tx.get(.visits) == 5)
        }
        #expect(try store.snapshot().get(.visits) == 5)
        try store.transaction { try $0.remove(.visits) }
        #expect(try store.get(.visits) == nil)
        try store.set(.visits, 1)
        try store.remove(.visits)
        #expect(try !store.contains(.visits))
        try closeVerified(store)
    }

    @Test func typedKeysCompareAsBytes() {
        #expect(StateKey<Int>(Self.composed) != StateKey<Int>(Self.decomposed))
        #expect(StateKey<Int>("a") == StateKey<Int>("a"))
        #expect(
            Set([StateKey<Int>(Self.composed), StateKey<Int>(Self.decomposed), StateKey<Int>("a"), .init("a")]).count
                == 3)
    }
}

extension StateKey where Value == Int {
    fileprivate static let visits = StateKey("visits")
}
