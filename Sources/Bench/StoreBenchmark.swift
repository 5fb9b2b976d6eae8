// What `backstay bench` measures: each row a ratio of two subjects in one run, rounds interleaved.
//
// Keys are 16 bytes, values 100 bytes of [UInt8] unless a row says otherwise.

internal import Backstay
internal import WriteAheadJournal
internal import SystemC

package struct StoreBenchmark: Sendable {
    /// One comparison.
    package struct Row: Sendable {
        package let name: String
        /// "ns" or "bytes": what the figures count, for one operation or one key.
        package var unit = "ns"
        package let ours: Spread
        package let other: String
        /// Nil for a row without another.
        package let theirs: Spread?
        /// Theirs divided by ours, round by round: above 1, ours is less.
        package let ratio: Spread?
        package let goal: String
        /// Nil where a figure is only reported.
        package let isMet: Bool?
    }

    package var folder: String
    package var rounds = 5
    /// 1 for the full size; tests take less.
    package var scale = 1.0
    /// One measure by its short name; empty for all.
    package var only = ""
    package var progress: @Sendable (String) -> Void = { _ in }

    package init(folder: String) { self.folder = folder }

    func scaled(_ count: Int) -> Int { max(16, Int(Double(count) * scale)) }

    package static func key(_ number: Int) -> String {
        let digits = String(number)
        return "k" + String(repeating: "0", count: max(0, 15 - digits.count)) + digits
    }

    private static let value = [UInt8](0..<100)

    /// A value with memory of its own. One array under all keys of a Dictionary would always be in the cache.
    private static func ownValue(_ index: Int) -> [UInt8] {
        var value = [UInt8](unsafeUninitializedCapacity: 100) {
            $1 = 100; $0.update(repeating: 0xFF)
        }
        value[0] = UInt8(truncatingIfNeeded: index)
        return value
    }

    /// The rows by their short names, in their order.
    package static let names = [
        "memory", "power", "power-new", "power-raw", "tasks", "process", "process-raw", "sustained", "codable", "int",
        "hot", "cold", "readers4", "readers16", "beside", "growth", "open", "replay", "updates",
        "append", "empty", "written", "written-4k",
    ]

    // MARK: All rows

    package func run() async throws -> [Row] {
        var rows: [Row] = []
        // Memory first: what earlier rows freed would be used again without growing the resident set.
        let measures = [
            memory, powerOneCaller, powerNew, powerBesideDevice, powerTasks, processBurst, processBesideMapping,
            processSustained, codable, intGets, hotGets, gets, fourReaders, sixteenReaders, readersBesideWriter, growth,
            opening, replay, replayOfUpdates, journalAppends, emptyStore, amplification, amplificationOfPages,
        ]
        for (name, measure) in zip(Self.names, measures) where only.isEmpty || only == name {
            rows.append(try await measure())
        }
        return rows
    }

    /// - Parameter theirUnits: how many operations a round of the other has, where that is not as many as ours.
    func compare(
        _ name: String, units: Int, theirUnits: Int? = nil, other: String, goal: String, atMost: Double,
        _ ours: () async throws -> Double,
        _ theirs: () async throws -> Double
    ) async throws -> Row {
        var our: [Double] = []
        var their: [Double] = []
        for round in 0..<rounds {
            progress("\(name): round \(round + 1) of \(rounds)")
            // Whoever goes first in a round may find the device busier: the two take turns.
            if round.isMultiple(of: 2) {
                our.append(try await ours())
                their.append(try await theirs())
            } else {
                their.append(try await theirs())
                our.append(try await ours())
            }
        }
        let theirUnits = Double(theirUnits ?? units)
        let ratio = Spread(zip(our, their).map { $1 / theirUnits / ($0 / Double(units)) })
        return Row(
            name: name, ours: Spread(our.map { $0 / Double(units) * 1e9 }), other: other,
            theirs: Spread(their.map { $0 / theirUnits * 1e9 }), ratio: ratio, goal: goal,
            isMet: atMost.isFinite ? ratio.median >= 1 / atMost : nil)
    }

    func fresh(_ name: String) -> String {
        let path = "\(folder)/\(name)"
        Files.removeFolder(path)
        return path
    }

    private func open(_ name: String) throws -> StateStore { try StateStore.open(fresh(name)) }

    private struct Document: Codable {
        var id: Int
        var name: String
        var tags: [String]
    }

    private func codable() async throws -> Row {
        let count = scaled(20_000)
        let store = try StateStore.inMemory()
        let document = Document(id: 7, name: "Ada Lovelace", tags: ["a", "b"])
        let run = Subject(store: store, plain: nil)
        return try await compare(
            "get of a Codable struct", units: count, other: "get of 100 bytes", goal: "reported", atMost: .infinity,
            {
                try run.prepare { try $0.set("document", document) }
                return try run.time { store in
                    for _ in 0..<count {
                        guard try store.get("document", as: Document.self) != nil else { throw Missing() }
                    }
                }
            },
            {
                try run.prepare { try $0.set("bytes", Self.value) }
                return try run.time { store in
                    for _ in 0..<count {
                        guard try store.get("bytes", as: [UInt8].self) != nil else { throw Missing() }
                    }
                }
            })
    }

    struct Missing: Error {}

    // MARK: Reads and growth

    private func gets() async throws -> Row { try await gets("get, cold in", scaled(1_000_000)) }

    private func hotGets() async throws -> Row { try await gets("get, hot in", 1_000) }

    private func gets(_ name: String, _ keys: Int) async throws -> Row {
        let reads = scaled(1_000_000)
        let store = try StateStore.inMemory()
        let dictionary = LockedDictionary<[UInt8]>()
        let run = Subject(store: store, plain: nil)
        try run.fill(keys)
        for index in 0..<keys { dictionary.set(Self.key(index), Self.ownValue(index)) }
        let order = Self.order(reads, below: keys)
        // Strings of their own: with the very keys that are in the Dictionary its comparison would end at the address.
        let names = (0..<keys).map(Self.key)
        return try await compare(
            "\(name) \(keys) keys", units: reads, other: "a Dictionary behind a mutex", goal: "≤ 1.3×", atMost: 1.3,
            {
                try run.time { store in
                    for index in order { try Self.use(try store.get(names[index], as: [UInt8].self)) }
                }
            },
            {
                try Stopwatch.seconds { for index in order { try Self.use(dictionary.get(names[index])) } }
            })
    }

    private func fourReaders() async throws -> Row { try await readers(4, besideWriter: false) }

    private func sixteenReaders() async throws -> Row { try await readers(16, besideWriter: false) }

    private func readersBesideWriter() async throws -> Row { try await readers(4, besideWriter: true) }

    /// So many threads at once that read 100,000 keys, all together as often as one would alone.
    private func readers(_ threads: Int, besideWriter: Bool) async throws -> Row {
        let keys = scaled(100_000), reads = scaled(4_000_000)
        let store = try StateStore.inMemory()
        let dictionary = LockedDictionary<[UInt8]>()
        try Subject(store: store, plain: nil).fill(keys)
        for index in 0..<keys { dictionary.set(Self.key(index), Self.ownValue(index)) }
        let order = Self.order(reads / threads, below: keys)
        let names = (0..<keys).map(Self.key)
        let value = Self.value
        let change: @Sendable (Int) throws -> Void = {
            _ = try store.set(names[$0 % keys], value, durability: .process)
        }
        let put: @Sendable (Int) throws -> Void = { dictionary.set(names[$0 % keys], Self.ownValue($0)) }
        return try await compare(
            "get by \(threads) threads" + (besideWriter ? " beside a writer" : ""), units: order.count * threads,
            other: "a Dictionary behind a mutex", goal: "≤ 1.3×", atMost: 1.3,
            {
                try Crowd.seconds(
                    threads,
                    { thread in
                        for index in order {
                            try Self.use(try store.get(names[(index + thread) % keys], as: [UInt8].self))
                        }
                    }, beside: besideWriter ? change : nil
                )
            },
            {
                try Crowd.seconds(
                    threads,
                    { thread in
                        for index in order { try Self.use(dictionary.get(names[(index + thread) % keys])) }
                    }, beside: besideWriter ? put : nil)
            })
    }

    private func intGets() async throws -> Row {
        let keys = 1_000
        let reads = scaled(1_000_000)
        let store = try StateStore.inMemory()
        let dictionary = LockedDictionary<Int>()
        let run = Subject(store: store, plain: nil)
        try run.time { store in
            try store.transaction { tx in for index in 0..<keys { try tx.set(Self.key(index), index) } }
        }
        for index in 0..<keys { dictionary.set(Self.key(index), index) }
        let order = Self.order(reads, below: keys)
        let names = (0..<keys).map(Self.key)
        return try await compare(
            "get of an Int, hot in \(keys) keys", units: reads, other: "a Dictionary behind a mutex", goal: "≤ 2×",
            atMost: 2,
            {
                try run.time { store in
                    for index in order { guard try store.get(names[index]) == index else { throw Missing() } }
                }
            },
            {
                try Stopwatch.seconds {
                    for index in order { guard dictionary.get(names[index]) == index else { throw Missing() } }
                }
            })
    }

    /// Whoever gets a value looks at it: a Dictionary hands out a reference to bytes it has not touched.
    @inline(never)
    private static func use(_ value: [UInt8]?) throws {
        guard let value, value[0] <= value[99] else { throw Missing() }
    }

    private func growth() async throws -> Row {
        let keys = scaled(1_000_000)
        let order = Self.shuffled(keys)
        progress("growth: \(keys) new keys in random order")
        var firsts: [Double] = []
        var lasts: [Double] = []
        var longest = 0.0
        for _ in 0..<max(1, rounds / 2) {
            let run = Subject(store: try StateStore.inMemory(), plain: nil)
            let tenth = keys / 10
            firsts.append(try run.insert(order[0..<tenth]))
            _ = try run.insert(order[tenth..<(keys - tenth)])
            lasts.append(try run.insert(order[(keys - tenth)...]))
            longest = max(longest, run.longest)
        }
        let units = Double(keys / 10)
        let ratio = Spread(zip(firsts, lasts).map { $0 / $1 })
        return Row(
            name: "\(keys) new keys, random: last tenth (longest pause \(Int(longest * 1e6)) µs)",
            ours: Spread(lasts.map { $0 / units * 1e9 }),
            other: "first tenth", theirs: Spread(firsts.map { $0 / units * 1e9 }), ratio: ratio, goal: "≤ 2×",
            isMet: ratio.median >= 0.5)
    }

    // MARK: Start

    private func opening() async throws -> Row {
        let keys = scaled(1_000_000)
        progress("opening: filling a store with \(keys) keys")
        let path = fresh("open")
        let store = try await StateStore.open(path)
        try Subject(store: store, plain: nil).fill(keys)
        try await store.close()
        var times: [Double] = []
        for round in 0..<rounds {
            progress("opening: round \(round + 1) of \(rounds)")
            let store = try await StateStore.open(path)
            times.append(store.recovery.seconds)
            try await store.close()
        }
        let spread = Spread(times)
        return Row(
            name: "open, cleanly closed, per key of \(keys)", ours: Spread(times.map { $0 / Double(keys) * 1e9 }),
            other: "–",
            theirs: nil, ratio: nil, goal: "≤ 0.5 s for 1 M", isMet: spread.median <= 0.5 * scale + 0.1)
    }

    private func replay() async throws -> Row { try await replay("on 1,000 keys", keys: 1_000, goal: 3e6) }

    private func replayOfUpdates() async throws -> Row {
        let keys = scaled(1_000_000)
        return try await replay("updates in \(keys) keys", keys: keys, goal: 2e6)
    }

    private func replay(_ name: String, keys: Int, goal: Double) async throws -> Row {
        let records = scaled(1_000_000)
        progress("replay \(name): writing \(records) records")
        let path = fresh("replay")
        var options = StoreOptions()
        options.logBytesMax = 4 << 30
        var rates: [Double] = []
        for round in 0..<max(1, rounds / 2) {
            progress("replay: round \(round + 1)")
            Files.removeFolder(path)
            let store = try await StateStore.open(path, options: options)
            try Subject(store: store, plain: nil).fill(keys)
            try await store.checkpoint()
            try await Subject(store: store, plain: nil).records(records, below: keys)
            let copy = fresh("replay-copy")
            try Self.copyLive(path, to: copy)
            try await store.close()
            let again = try await StateStore.open(copy, options: options)
            let replayed = again.recovery.recordsReplayed
            let withReplay = again.recovery.seconds
            try await again.close()
            // What the keys themselves take to load is another row's.
            let clean = try await StateStore.open(copy, options: options)
            rates.append((withReplay - clean.recovery.seconds) / Double(max(1, replayed)) * 1e9)
            try await clean.close()
        }
        let spread = Spread(rates)
        return Row(
            name: "replay after a kill, \(name)", ours: spread, other: "–", theirs: nil, ratio: nil,
            goal: "≥ \(Int(goal / 1e6)) M records/s", isMet: spread.median <= 1e9 / goal)
    }

    /// The folder as a kill at this moment would leave it.
    private static func copyLive(_ path: String, to copy: String) throws {
        guard mkdir(copy, 0o700) == 0 else { throw Files.failure("creating", copy) }
        for name in Files.names(in: path) where !name.hasSuffix("-shm") {
            try Files.copyFile(path + "/" + name, to: copy + "/" + name)
        }
    }

    // MARK: Memory

    private func memory() async throws -> Row {
        let keys = scaled(1_000_000)
        progress("memory: \(keys) keys")
        let before = Self.residentBytes()
        let store = try StateStore.inMemory()
        try Subject(store: store, plain: nil).fill(keys)
        let ours = Self.residentBytes() - before
        let between = Self.residentBytes()
        let dictionary = LockedDictionary<[UInt8]>()
        for index in 0..<keys {
            dictionary.set(Self.key(index), Self.ownValue(index))
        }
        let theirs = Self.residentBytes() - between
        withExtendedLifetime((store, dictionary)) {}
        let ratio = Double(theirs) / Double(max(1, ours))
        return Row(
            name: "memory, per key of \(keys)", unit: "bytes", ours: Spread([Double(ours) / Double(keys)]),
            other: "a Dictionary", theirs: Spread([Double(theirs) / Double(keys)]), ratio: Spread([ratio]),
            goal: "≤ 1.5×", isMet: ratio >= 1 / 1.5)
    }

    private static func residentBytes() -> Int {
        guard let text = Files.text(at: "/proc/self/statm") else { return 0 }
        let parts = text.split(separator: " ")
        return parts.count > 1 ? (Int(parts[1]) ?? 0) * 4_096 : 0
    }

    // MARK: Orders

    static func order(_ count: Int, below limit: Int) -> [Int] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
    }

    static func shuffled(_ count: Int) -> [Int] {
        var numbers = Array(0..<count)
        let random = order(count, below: max(1, count))
        for index in numbers.indices.reversed() where index > 0 { numbers.swapAt(index, random[index] % (index + 1)) }
        return numbers
    }
}
