// The rows that have no rival: what the journal alone keeps up, what an empty store takes, and how many bytes reach the
// disk for each byte of the user's.

internal import Backstay
internal import CFaultVFS
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

extension StoreBenchmark {
    // MARK: The journal alone

    /// Appends without a pause, for a minute at full size, while what is older than a second is trimmed. The figure of a
    /// second counts what that second took, waits included.
    func journalAppends() async throws -> Row {
        let seconds = max(2, scaled(60))
        let journal = try Self.openJournal(fresh("append"))
        let bytes = [UInt8](repeating: 0xA5, count: 100)
        let state = Trimming()
        let trimmer = try WorkerThread("bench-trim") {
            var trimmed: UInt64 = 0
            while !state.isDone.load(ordering: .relaxed) {
                let next = state.newest.load(ordering: .relaxed)
                do { if trimmed > 0 { try Self.trim(journal, trimmed) } } catch {
                    return state.hasFailed.store(true, ordering: .relaxed)
                }
                trimmed = next
                sleep(1)
            }
        }
        var each: [Double] = []
        do {
            for second in 0..<seconds {
                progress("journal append: second \(second + 1) of \(seconds)")
                var count = 0
                let start = Clock.monotonicNanoseconds()
                var now = start
                while now - start < 1_000_000_000 {
                    state.newest.store(try Self.append(journal, bytes, 1_000), ordering: .relaxed)
                    count += 1_000
                    now = Clock.monotonicNanoseconds()
                }
                each.append(Double(now - start) / Double(count))
            }
        } catch {
            state.isDone.store(true, ordering: .relaxed)
            trimmer.join()
            throw error
        }
        state.isDone.store(true, ordering: .relaxed)
        trimmer.join()
        try Self.close(journal)
        guard !state.hasFailed.load(ordering: .relaxed) else { throw Missing() }
        let rate = Double(each.count) / each.reduce(0) { $0 + 1e9 / $1 } * 1e9
        return Row(
            name: "journal append .process, \(seconds) s in a row (in all \(Int(rate)))", ours: Spread(each),
            other: "–",
            theirs: nil, ratio: nil, goal: "≥ 1.5 M/s", isMet: rate <= 1e9 / 1.5e6)
    }

    /// What the appender tells the thread that trims, and the other way round.
    private final class Trimming: Sendable {
        let newest = Atomic<UInt64>(0)
        let isDone = Atomic<Bool>(false)
        let hasFailed = Atomic<Bool>(false)
    }

    // The synchronous calls, for use from async code that means to block.
    private static func openJournal(_ path: String) throws -> Journal { try Journal(path) { _, _ in } }
    private static func trim(_ journal: Journal, _ lsn: UInt64) throws { try journal.trim(through: LSN(lsn)) }
    private static func close(_ journal: Journal) throws { try journal.close() }
    private static func append(_ journal: Journal, _ bytes: [UInt8], _ count: Int) throws -> UInt64 {
        var last = LSN.zero
        for _ in 0..<count { last = try journal.append(bytes, durability: .process) }
        return last.value
    }

    // MARK: An empty store

    /// Opening a store that is there and was cleanly closed, with nothing in it; beside it, making one.
    func emptyStore() async throws -> Row {
        var opens: [Double] = []
        var creations: [Double] = []
        var bytes = 0
        for round in 0..<max(5, rounds * 4) {
            progress("an empty store: round \(round + 1)")
            let path = fresh("empty")
            let made = Clock.monotonicNanoseconds()
            let store = try await StateStore.open(path)
            creations.append(Double(Clock.monotonicNanoseconds() - made))
            try await store.close()
            let start = Clock.monotonicNanoseconds()
            let again = try await StateStore.open(path)
            opens.append(Double(Clock.monotonicNanoseconds() - start))
            bytes = Files.names(in: path).reduce(0) { $0 + Self.blocks(path + "/" + $1) }
            try await again.close()
        }
        let spread = Spread(opens)
        return Row(
            name: "open of an empty store (\(bytes >> 10) KiB on disk)", ours: spread, other: "making it",
            theirs: Spread(creations), ratio: Spread(zip(opens, creations).map { $1 / $0 }),
            goal: "≤ 15 ms, ≤ 10 MiB", isMet: spread.median <= 15e6 && bytes <= 10 << 20)
    }

    private static func blocks(_ path: String) -> Int {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    // MARK: Write amplification

    /// Bytes that SQLite writes to the store's files for each byte of key and value: random updates of 100 bytes over so
    /// many keys that live state has 256 MiB at full size, 1 GiB at `--scale 4`.
    func amplification() async throws -> Row { try await amplification(valueBytes: 100, most: 6) }

    /// The same with values of 4 KiB.
    func amplificationOfPages() async throws -> Row { try await amplification(valueBytes: 4_096, most: 3) }

    private func amplification(valueBytes: Int, most: Double) async throws -> Row {
        var faults = backstay_fault_options()
        guard backstay_fault_register(&faults) == 0 else { throw Missing() }
        let entry = valueBytes + 16
        let keys = scaled((256 << 20) / entry)
        let path = fresh("amplification")
        var options = StoreOptions()
        options.vfs = BACKSTAY_FAULT_VFS_NAME
        let store = try await StateStore.open(path, options: options)
        progress("write amplification: filling \(keys) keys")
        try Self.put(store, Self.shuffled(keys)[...], 0, bytes: valueBytes)
        try await store.checkpoint()
        // Over whole checkpoints: the log may grow to twice the state, so three times its bytes hold one at least.
        let updates = Self.order(keys * 3, below: keys)
        let before = Self.written(path)
        var figures: [Double] = []
        for (part, start) in stride(from: 0, to: updates.count, by: keys).enumerated() {
            progress("write amplification: \(part + 1) of 3 times \(keys) updates")
            try Self.put(store, updates[start..<min(updates.count, start + keys)], 1, bytes: valueBytes)
        }
        try await store.checkpoint()
        figures.append(Double(Self.written(path) - before) / Double(updates.count * entry))
        try await store.close()
        return Row(
            name: "written per 100 bytes of updates, values of \(valueBytes), over \((keys * entry) >> 20) MiB",
            unit: "bytes", ours: Spread(figures.map { $0 * 100 }), other: "–", theirs: nil, ratio: nil,
            goal: "≤ \(Int(most))00", isMet: figures[0] <= most)
    }

    /// Each change has a value of its own: a fold leaves a row alone that has it already.
    private static func put(_ store: StateStore, _ keys: ArraySlice<Int>, _ round: Int, bytes: Int) throws {
        var value = [UInt8](repeating: 0x5A, count: bytes)
        for (place, index) in zip(keys.indices, keys) {
            value.withUnsafeMutableBytes { $0.storeBytes(of: place &+ round << 40, as: Int.self) }
            try store.set(key(index), value, durability: .process)
        }
    }

    private static func written(_ path: String) -> UInt64 {
        guard let folder = try? Files.resolved(path) else { return 0 }
        return ["journal.db", "journal.db-wal", "state.db", "state.db-wal"].reduce(0) {
            $0 + backstay_fault_counts(folder + "/" + $1).bytes
        }
    }
}
