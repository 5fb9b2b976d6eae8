// What a checkpoint puts into the table: the last operation on each key among the records of a stretch of the journal.
//
// Records are checked against the chain while they are collected, so nothing enters state.db that the journal does not
// vouch for.

package struct FoldedChanges {
    /// The chain behind the last record collected.
    package private(set) var position: ChainPosition
    /// Bytes of journal rows collected.
    package private(set) var bytes = 0

    private var arena: [UInt8] = []
    private var entries: [Entry] = []

    private struct Entry {
        var code: OperationCode
        var kind: UInt8
        var name: Range<Int>
        var key: Range<Int>
        var value: Range<Int>
    }

    /// Begins behind `position`.
    package init(after position: ChainPosition) { self.position = position }

    package var isEmpty: Bool { bytes == 0 }

    /// Takes in one row of the journal.
    mutating func add(first: LSN, batch: UnsafeRawBufferPointer) throws {
        var position = position
        try RecordReader.read(batch, first: first, position: &position) { record in
            guard record.kind == .changes else { return }
            try OperationCodec.read(record.body) { operation in
                let start = arena.count
                arena.append(contentsOf: operation.name)
                arena.append(contentsOf: operation.key)
                arena.append(contentsOf: operation.value)
                let key = start + operation.name.count
                let value = key + operation.key.count
                entries.append(
                    Entry(
                        code: operation.code, kind: operation.kind, name: start..<key, key: key..<value,
                        value: value..<arena.count))
            }
        }
        self.position = position
        bytes += batch.count
    }

    /// The last operation on each key, in the table's order.
    func withSortedOperations<R>(_ body: ([Operation]) -> R) -> R {
        arena.withUnsafeBytes { arena in
            func piece(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: arena[range]) }
            func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
                let shared = min(a.count, b.count)
                if shared > 0, let x = a.baseAddress, let y = b.baseAddress {
                    let order = compareMemory(x, y, shared)
                    if order != 0 { return order }
                }
                return a.count - b.count
            }
            let order = entries.indices.sorted { i, j in
                let byName = compare(piece(entries[i].name), piece(entries[j].name))
                if byName != 0 { return byName < 0 }
                let byKey = compare(piece(entries[i].key), piece(entries[j].key))
                return byKey != 0 ? byKey < 0 : i < j
            }
            var operations: [Operation] = []
            for index in order {
                let entry = entries[index]
                let operation = Operation(
                    code: entry.code, name: piece(entry.name), key: piece(entry.key), kind: entry.kind,
                    value: piece(entry.value))
                if let last = operations.last, compare(last.name, operation.name) == 0,
                    compare(last.key, operation.key) == 0
                {
                    operations[operations.count - 1] = operation
                } else {
                    operations.append(operation)
                }
            }
            return body(operations)
        }
    }
}
