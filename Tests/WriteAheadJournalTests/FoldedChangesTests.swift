import TestSupport
import Testing

@testable import WriteAheadJournal

@Suite struct FoldedChangesTests {
    private typealias Plain = PlainOperation

    private func sorted(_ fold: FoldedChanges, some count: Int = 7) throws -> [Plain] {
        var all: [Plain] = []
        try fold.forEachSorted(some: count) { operations in
            #expect(operations.count <= count)
            all += operations.map(Plain.init)
            return .success(())
        }.get()
        return all
    }

    private func fold(_ batches: [[[Plain]]]) throws -> [Plain] {
        var log = OperationLog()
        #expect(log.fold.isEmpty)
        for records in batches { try log.add(records) }
        #expect(log.fold.position == log.position)
        return try sorted(log.fold)
    }

    @Test func lastOperationOnEachKeyWinsInTheTablesOrder() throws {
        func set(_ key: String, _ value: UInt8, name: String = "") -> Plain {
            Plain(code: .set, name: name, key: key, kind: 6, value: [value])
        }
        let folded = try fold([
            [[set("b", 1), set("a", 1)], [set("b", 2)]],
            [[Plain(code: .remove, name: "", key: "a"), set("a", 3, name: "x"), set("ab", 4)]],
            [[set("b", 5), set("é", 6), set("B", 7)]],
        ])
        #expect(
            folded == [
                set("B", 7), Plain(code: .remove, name: "", key: "a"), set("ab", 4), set("b", 5), set("é", 6),
                set("a", 3, name: "x"),
            ])
    }

    @Test func foldRefusesARowThatDoesNotContinueTheChain() throws {
        var batch = RecordBatch()
        _ = batch.append(.changes, lsn: LSN(1), after: 12_345, epoch: 0) { _ in }
        batch.seal()
        var fold = FoldedChanges(after: StoreFolder.origin(storeID: "fold"))
        #expect(throws: RecordReader.Broken.self) {
            try batch.bytes.withUnsafeBytes { try fold.add(first: LSN(1), batch: $0) }
        }
        #expect(fold.isEmpty && fold.position == StoreFolder.origin(storeID: "fold"))
    }

    private struct Place: Hashable {
        var name: String
        var key: String
    }

    /// Against a dictionary: sets and removes, names and keys that are each other's beginnings, values of all sizes.
    @Test(arguments: 0..<40) func everyFoldIsWhatADictionaryHolds(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var log = OperationLog()
        var model: [Place: Plain] = [:]
        let names = seed % 2 == 0 ? [""] : ["", "n", "na", "other"]
        let beginnings = ["", "k", "key-0000000", "key-0000000\0", "é"]
        let keys = Int.random(in: 1...400, using: &random)
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            var records: [[Plain]] = []
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                var record: [Plain] = []
                for _ in 0..<Int.random(in: 0...10, using: &random) {
                    let number = Int.random(in: 0..<keys, using: &random)
                    var operation = Plain(
                        code: Bool.random(using: &random) ? .set : .remove, name: names.randomElement(using: &random)!,
                        key: beginnings[number % beginnings.count] + String(number, radix: 36))
                    if operation.code == .set {
                        operation.kind = UInt8.random(in: 1...9, using: &random)
                        operation.value = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                            .random(in: 0...255, using: &random)
                        }
                    }
                    record.append(operation)
                    model[Place(name: operation.name, key: operation.key)] = operation
                }
                records.append(record)
            }
            try log.add(records)
        }
        let expected = model.values.sorted { a, b in
            let names = (Array(a.name.utf8), Array(b.name.utf8))
            if names.0 != names.1 { return names.0.lexicographicallyPrecedes(names.1) }
            return a.key.utf8.lexicographicallyPrecedes(b.key.utf8)
        }
        #expect(log.fold.keys == model.count)
        #expect(try sorted(log.fold) == expected, "seed \(seed)")
        #expect(try sorted(log.fold, some: 1_000_000) == expected, "seed \(seed)")
    }

    /// 12 MB of changes to 20 keys.
    @Test func memoryIsThatOfTheKeysThatChangedNotOfTheirChanges() throws {
        var log = OperationLog()
        var last: [Plain] = []
        for round in 0..<200 {
            last = (0..<20).map { key in
                // Ever longer, so that no value fits where the one before was.
                Plain(
                    code: .set, name: "", key: String(UnicodeScalar(UInt8(97 + key))), kind: 6,
                    value: [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 1_000 + 20 * round))
            }
            try log.add([last])
        }
        #expect(log.fold.bytes > 11_000_000)
        #expect(log.fold.bytesHeld < 1_500_000)
        #expect(log.fold.contentBytes == last.reduce(0) { $0 + $1.key.utf8.count + $1.value.count })
        #expect(try sorted(log.fold) == last)
    }

    @Test func callThatFailsEndsTheHandingOver() throws {
        var log = OperationLog()
        try log.add([(0..<10).map { Plain(code: .remove, name: "", key: "\($0)") }])
        var calls = 0
        let outcome = log.fold.forEachSorted(some: 3) { _ in
            calls += 1
            return calls == 2 ? .failure(StoreError(.diskFull, "test")) : .success(())
        }
        #expect(calls == 2)
        #expect(throws: StoreError.self) { try outcome.get() }
    }
}
