import Testing

@testable import WriteAheadJournal

@Suite struct OperationTests {
    private struct Plain: Equatable {
        var code: OperationCode
        var name: String
        var key: String
        var kind: UInt8 = 0
        var value: [UInt8] = []
    }

    private func bytes(_ operations: [Plain]) -> [UInt8] {
        var bytes: [UInt8] = []
        for operation in operations {
            Array(operation.name.utf8).withUnsafeBytes { name in
                Array(operation.key.utf8).withUnsafeBytes { key in
                    operation.value.withUnsafeBytes { value in
                        switch operation.code {
                        case .set:
                            OperationCodec.appendSet(
                                name: name, key: key, kind: operation.kind, value: value, to: &bytes)
                        case .remove: OperationCodec.appendRemove(name: name, key: key, to: &bytes)
                        }
                    }
                }
            }
        }
        return bytes
    }

    private func plain(_ operation: Operation) -> Plain {
        Plain(
            code: operation.code, name: String(decoding: operation.name, as: UTF8.self),
            key: String(decoding: operation.key, as: UTF8.self), kind: operation.kind, value: Array(operation.value))
    }

    private func read(_ bytes: [UInt8]) throws -> [Plain] {
        var seen: [Plain] = []
        try bytes.withUnsafeBytes { try OperationCodec.read($0) { seen.append(plain($0)) } }
        return seen
    }

    private let sample = [
        Plain(code: .set, name: "", key: "a", kind: 1, value: [1, 2, 3, 4, 5, 6, 7, 8]),
        Plain(code: .remove, name: "", key: "b"),
        Plain(code: .set, name: "cart", key: String(repeating: "k", count: 4_096), kind: 6, value: []),
        Plain(code: .set, name: "", key: "c", kind: 6, value: [UInt8](repeating: 5, count: 70_000)),
    ]

    @Test func operationsComeBackInOrder() throws {
        #expect(try read(bytes(sample)) == sample)
        #expect(try read([]) == [])
    }

    /// A body that is cut anywhere either ends between two operations or is refused; never read past.
    @Test func cutBodyIsRefusedOrAPrefix() {
        let whole = bytes(Array(sample.prefix(2)))
        for length in 0..<whole.count {
            let part = Array(whole[..<length])
            if let seen = try? read(part) {
                #expect(Array(sample.prefix(seen.count)) == seen)
                #expect(bytes(seen).count == length)
            }
        }
    }

    @Test func nonsenseNeverReadsPastItsEnd() {
        var random = SeededGenerator(seed: 11)
        var refused = 0
        for _ in 0..<20_000 {
            let nonsense = (0..<Int.random(in: 1...24, using: &random)).map { _ in
                // Many high bits: long varints are where a reader goes wrong.
                UInt8.random(in: 0...255, using: &random) | (Bool.random(using: &random) ? 0x80 : 0)
            }
            do { _ = try read([1] + nonsense) } catch { refused += 1 }
        }
        #expect(refused > 10_000)
        #expect(throws: OperationCodec.Malformed.self) { try read([1] + [UInt8](repeating: 0xff, count: 12)) }
        #expect(throws: OperationCodec.Malformed.self) {
            try read([1] + [UInt8](repeating: 0xff, count: 8) + [0x7f, 0, 0])
        }
        #expect(throws: OperationCodec.Malformed.self) { try read([3, 0, 0]) }
    }

    @Test func varintsOfEveryLengthComeBack() throws {
        for count in [0, 1, 127, 128, 16_383, 16_384, 300_000] {
            let operation = Plain(code: .set, name: "", key: "k", kind: 6, value: [UInt8](repeating: 3, count: count))
            #expect(try read(bytes([operation])) == [operation])
        }
    }

    // MARK: Folding

    private func fold(_ batches: [[[Plain]]]) throws -> [Plain] {
        var position = StoreFolder.origin(storeID: "fold")
        var fold = FoldedChanges(after: position)
        #expect(fold.isEmpty)
        for records in batches {
            var batch = RecordBatch()
            for operations in records {
                let body = bytes(operations)
                let crc = batch.append(.changes, lsn: position.lsn.next, after: position.chain, epoch: 0) {
                    $0.append(contentsOf: body)
                }
                position = ChainPosition(lsn: position.lsn.next, chain: crc, epoch: 0)
            }
            batch.seal()
            try batch.bytes.withUnsafeBytes { try fold.add(first: batch.first, batch: $0) }
        }
        #expect(fold.position == position)
        return fold.withSortedOperations { $0.map(plain) }
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
}
