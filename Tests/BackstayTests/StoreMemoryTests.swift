// The store's memory, tree and index together: against a dictionary, and several readers beside a writer.

import Synchronization
import TestSupport
import Testing
import WriteAheadJournal

@testable import Backstay

import SystemC

@Suite struct StoreMemoryTests {
    private final class Seen: Sendable {
        let flag = Atomic<Bool>(false)
        let reads = Atomic<Int>(0)
        let torn = Atomic<Int>(0)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func historyMatchesDictionary(seed: UInt64) throws {
        let history = MemoryHistory(seed: seed)
        try history.run(steps: 6_000)
        #expect(history.problems == [])
    }

    /// Rows in order, as a table has them, two that a damaged one might hold, one more in order; then the log.
    @Test func loadedRowsAndReplayedRecordsAreFound() throws {
        let memory = StoreMemory()
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let rows = (0..<5_000).map { orderedTreeDigits($0 * 2) } + [20, 21, 20_000].map { orderedTreeDigits($0) }
        memory.load(100) { each in
            for row in rows { row.withUnsafeBytes { try? each(none, $0, 3, $0) } }
            Array("name".utf8).withUnsafeBytes { name in try? each(name, name, 4, name) }
        }
        #expect(memory.checkInvariants() == [] && memory.figures.keys == 5_002)
        #expect(rows.allSatisfy { memory.value($0) == OrderedTreeValue(kind: 3, bytes: $0) })
        #expect(memory.value(Array("name".utf8)) == nil && memory.namedValue("name", "name")?.kind == 4)
        var body: [UInt8] = []
        rows[7].withUnsafeBytes { OperationCodec.appendRemove(key: $0, to: &body) }
        rows[8].withUnsafeBytes { OperationCodec.appendSet(key: $0, kind: 9, value: none, to: &body) }
        try body.withUnsafeBytes { try memory.replay($0) }
        #expect(memory.value(rows[7]) == nil && memory.value(rows[8]) == OrderedTreeValue(kind: 9, bytes: []))
        #expect(memory.checkInvariants() == [] && memory.figures.keys == 5_001)
    }

    /// Runs the body again and again on threads of its own while `write` runs once. Not tasks: their pool has no more
    /// threads than there are processors, and readers that never wait would keep the writer out.
    private static func read(
        _ body: @escaping @Sendable (_ random: inout SeededGenerator, _ newest: inout UInt32) -> Void,
        beside write: () throws -> Void
    ) throws {
        let isDone = Seen()
        defer { isDone.flag.store(true, ordering: .relaxed) }
        let threads = try (0..<3).map { reader in
            try WorkerThread("reader") {
                var random = SeededGenerator(seed: UInt64(reader))
                var newest: UInt32 = 0
                while !isDone.flag.load(ordering: .relaxed) { body(&random, &newest) }
            }
        }
        try write()
        isDone.flag.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
    }

    /// A reader that sees one change of a record sees all of them, whatever shards their keys are in.
    @Test(arguments: [3, 200])
    func recordBecomesVisibleAsAWhole(keys: Int) throws {
        let memory = StoreMemory(), seen = Seen()
        let names = (0..<keys).map { orderedTreeDigits($0, width: 24) }
        func apply(_ number: UInt32) throws {
            let bytes = withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
            try memory.apply(names.map { ($0, bytes) })
        }
        try apply(0)
        try Self.read { random, newest in
            // What is read later is never older.
            let number = memory.number(names[random.below(keys)])
            if number < newest { seen.torn.add(1, ordering: .relaxed) }
            if number > 0 && number < 1_500 { seen.reads.add(1, ordering: .relaxed) }
            newest = number
        } beside: {
            for number in UInt32(1)...1_500 {
                try apply(number)
                if number % 100 == 0 { memory.release(memory.freeze().view) }
                // On one processor the readers would otherwise see the end alone.
                sched_yield()
            }
        }
        #expect(seen.torn.load(ordering: .relaxed) == 0)
        #expect(seen.reads.load(ordering: .relaxed) > 0, "nobody read beside the writer")
        #expect(memory.number(names[0]) == 1_500 && memory.checkInvariants() == [])
    }

    /// Values of every size class replaced, removed and read at once: the sanitizers see a read of freed memory.
    @Test func readersBesideReplacementsSeeWholeValues() throws {
        let memory = StoreMemory(), seen = Seen()
        let names = (0..<300).map { orderedTreeDigits($0) }
        try Self.read { random, _ in
            let value = memory.value(names[random.below(names.count)])?.bytes ?? []
            if value.contains(where: { $0 != value[0] }) { seen.torn.add(1, ordering: .relaxed) }
            seen.reads.add(1, ordering: .relaxed)
        } beside: {
            var random = SeededGenerator(seed: 9)
            var view: OrderedTree.View?
            for step in 0..<30_000 {
                let name = names[random.below(names.count)]
                if random.below(4) == 0 {
                    name.withUnsafeBytes { memory.remove(key: $0, of: anyRecord) }
                } else {
                    memory.set(name, [UInt8](repeating: UInt8(step & 255), count: random.below(400)))
                }
                if step % 500 == 0 {
                    if let view { memory.release(view) }
                    view = memory.freeze().view
                    sched_yield()
                }
            }
            if let view { memory.release(view) }
        }
        #expect(seen.torn.load(ordering: .relaxed) == 0 && seen.reads.load(ordering: .relaxed) > 0)
        #expect(memory.checkInvariants() == [])
    }
}

/// Which record a change belongs to is of no concern here.
private let anyRecord = Published(lsn: .zero, chain: 0, outlivesProcess: true)

extension StoreMemory {
    fileprivate func set(_ key: [UInt8], _ value: [UInt8]) {
        key.withUnsafeBytes { key in value.withUnsafeBytes { set(key: key, kind: 0, value: $0, of: anyRecord) } }
    }

    fileprivate func value(_ key: [UInt8]) -> OrderedTreeValue? {
        key.withUnsafeBytes { index.withValue(of: $0) { OrderedTreeValue(kind: $0, bytes: [UInt8]($1)) } }
    }

    fileprivate func number(_ key: [UInt8]) -> UInt32 {
        key.withUnsafeBytes { index.withValue(of: $0) { $1.loadUnaligned(as: UInt32.self) } } ?? 0
    }

    /// One record: sets, and removals where there is no value.
    fileprivate func apply(_ changes: [(key: [UInt8], value: [UInt8]?)]) throws {
        var body: [UInt8] = []
        for change in changes {
            change.key.withUnsafeBytes { key in
                guard let value = change.value else {
                    OperationCodec.appendRemove(key: key, to: &body)
                    return
                }
                value.withUnsafeBytes { OperationCodec.appendSet(key: key, kind: 0, value: $0, to: &body) }
            }
        }
        try body.withUnsafeBytes { try apply($0, of: anyRecord) }
    }
}

private final class MemoryHistory {
    let seed: UInt64
    let memory = StoreMemory()
    var random: SeededGenerator
    var model: [OrderedTreeBytes: OrderedTreeBytes] = [:]
    var views: [(view: OrderedTree.View, model: [OrderedTreeBytes: OrderedTreeBytes])] = []
    var problems: [String] = []
    private var step = 0

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
    }

    func run(steps: Int) throws {
        while step < steps, problems.isEmpty {
            try change()
            switch random.below(200) {
            case 0 where views.count < 4: views.append((memory.freeze().view, model))
            case 1 where !views.isEmpty: end(random.below(views.count))
            case 2: _ = memory.reclaim()
            default: break
            }
            step += 1
            if step % (steps / 10) == 0 { check() }
        }
        while !views.isEmpty { end(0) }
        while memory.reclaim() {}
        check()
    }

    private func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
        if !condition, problems.count < 5 { problems.append("seed \(seed) step \(step): \(problem())") }
    }

    private func anyKey() -> [UInt8] { OrderedTreeKeyShape.mixed.key(2_000, &random) }

    private func anyValue() -> [UInt8] { random.bytes([0, 8, 20, 100, 300][random.below(5)]) }

    private func change() throws {
        // Grows, then shrinks.
        let removing = step % 2_000 < 1_000 ? 2 : 7
        switch random.below(3) {
        case 0:
            let key = anyKey(), value = anyValue()
            memory.set(key, value)
            model[key] = value
        case 1 where random.below(10) < removing:
            let least = model.keys.min(by: orderedTreeIsBelow) ?? [1]
            least.withUnsafeBytes { memory.remove(key: $0, of: anyRecord) }
            model[least] = nil
        default:
            // Few keys, or so many that all shards are taken; the same key may come twice.
            let changes = (0..<(random.below(20) == 0 ? 80 : 3)).map { _ in
                (key: anyKey(), value: random.below(10) < removing ? nil : anyValue())
            }
            try memory.apply(changes)
            for change in changes { model[change.key] = change.value }
        }
        let key = anyKey()
        expect(memory.value(key)?.bytes == model[key], "a value differs")
    }

    private func end(_ index: Int) {
        let (view, frozen) = views.remove(at: index)
        var cursor = view.cursor()
        var seen = 0
        while let entry = cursor.next() {
            seen += 1
            expect(frozen[[UInt8](entry.key)] == [UInt8](entry.value), "a view's value differs")
        }
        expect(seen == frozen.count, "a view's count differs")
        memory.release(view)
    }

    private func check() {
        for problem in memory.checkInvariants() { expect(false, problem) }
        expect(memory.figures.keys == model.count, "the count differs")
        for (key, value) in model {
            expect(memory.value(key)?.bytes == value, "a value differs")
            expect(key.withUnsafeBytes { memory.copyValue(of: $0)?.bytes } == value, "a copied value differs")
        }
    }
}
