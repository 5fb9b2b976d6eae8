// What a fold puts into the table: the last operation on each key among the records of a part of the journal.
//
// Records are checked against the chain while they are collected. So nothing enters state.db that the journal does not
// vouch for.
//
// There is one entry for each key, found through a hash table. A later operation replaces an earlier one at once, in
// the same bytes if its value fits. So memory is bounded by the changed keys and their values, not by the number of
// changes, and only the survivors are sorted.

/// The collected changes of one fold.
package struct FoldedChanges {
    /// The chain after the last record collected.
    package private(set) var position: ChainPosition
    /// Bytes of journal rows collected.
    package private(set) var bytes = 0

    private var arena: [UInt8] = []
    private var entries: [Entry] = []
    /// Open addressing, never more than half full. The low half is the entry's number plus one, or 0 if there is none.
    /// The high half is the upper bits of its hash.
    private var slots = [UInt64](repeating: 0, count: 64)
    /// Bytes of the arena that no longer belong to an entry.
    private var waste = 0

    private struct Entry {
        /// The key lies directly after the name.
        let start: Int
        let nameBytes: UInt32
        let keyBytes: UInt32
        var value: Int
        var valueBytes: UInt32
        /// The bytes at `value` that are this entry's.
        var room: UInt32
        var code: OperationCode
        var kind: UInt8

        var name: Range<Int> { start..<(start + Int(nameBytes)) }
        var key: Range<Int> { (start + Int(nameBytes))..<(start + Int(nameBytes) + Int(keyBytes)) }
        var valueRange: Range<Int> { value..<(value + Int(valueBytes)) }
    }

    /// Begins after `position`.
    package init(after position: ChainPosition) { self.position = position }

    package var isEmpty: Bool { bytes == 0 }

    /// The number of changed keys.
    package var keys: Int { entries.count }

    /// Bytes of the changed keys and of their values. They are no more than those of the state, except for removed
    /// keys.
    package var contentBytes: Int { arena.count - waste }

    /// Bytes of memory that are in use.
    package var bytesHeld: Int {
        arena.count + entries.count * MemoryLayout<Entry>.stride + slots.count * MemoryLayout<UInt64>.stride
    }

    // MARK: Collecting

    /// Takes in one row of the journal.
    mutating func add(first: LSN, batch: UnsafeRawBufferPointer) throws {
        var position = position
        try RecordReader.read(batch, first: first, position: &position) { record in
            guard record.kind == .changes else { return }
            try OperationCodec.read(record.body) { take($0) }
        }
        self.position = position
        bytes += batch.count
    }

    private mutating func take(_ operation: Operation) {
        let hash = Self.hash(operation.name, operation.key)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32 {
                let index = Int(slots[slot] & 0xFFFF_FFFF) - 1
                if isEntry(index, operation) {
                    replace(index, operation)
                    return
                }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = (hash >> 32) << 32 | UInt64(entries.count + 1)
        append(operation)
        if entries.count * 2 > slots.count { growSlots() }
    }

    /// Seeded anew in each process, so that nobody can choose keys that collide.
    private static func hash(_ name: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        if !name.isEmpty {
            hasher.combine(bytes: name)
            hasher.combine(name.count)
        }
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }

    private func isEntry(_ index: Int, _ operation: Operation) -> Bool {
        let entry = entries[index]
        guard Int(entry.keyBytes) == operation.key.count, Int(entry.nameBytes) == operation.name.count else {
            return false
        }
        return arena.withUnsafeBytes {
            areEqual($0[piece: entry.key], operation.key) && areEqual($0[piece: entry.name], operation.name)
        }
    }

    private mutating func append(_ operation: Operation) {
        let start = arena.count
        arena.append(contentsOf: operation.name)
        arena.append(contentsOf: operation.key)
        let value = arena.count
        arena.append(contentsOf: operation.value)
        // A record, and so each of its parts, has less than 4 GiB.
        entries.append(
            Entry(
                start: start, nameBytes: UInt32(operation.name.count), keyBytes: UInt32(operation.key.count),
                value: value, valueBytes: UInt32(operation.value.count), room: UInt32(operation.value.count),
                code: operation.code, kind: operation.kind))
    }

    private mutating func replace(_ index: Int, _ operation: Operation) {
        entries[index].code = operation.code
        entries[index].kind = operation.kind
        entries[index].valueBytes = UInt32(operation.value.count)
        guard operation.value.count > Int(entries[index].room) else {
            let value = entries[index].valueRange
            arena.withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[value]).copyBytes(from: operation.value)
            }
            return
        }
        waste += Int(entries[index].room)
        entries[index].value = arena.count
        entries[index].room = entries[index].valueBytes
        arena.append(contentsOf: operation.value)
        if waste > 1 << 20 && waste > arena.count / 2 { compact() }
    }

    /// Leaves out what belongs to no entry.
    private mutating func compact() {
        var kept: [UInt8] = []
        kept.reserveCapacity(arena.count - waste)
        for index in entries.indices {
            let entry = entries[index]
            let start = kept.count
            kept.append(contentsOf: arena[entry.name.lowerBound..<entry.key.upperBound])
            let value = kept.count
            kept.append(contentsOf: arena[entry.valueRange])
            entries[index] = Entry(
                start: start, nameBytes: entry.nameBytes, keyBytes: entry.keyBytes, value: value,
                valueBytes: entry.valueBytes, room: entry.valueBytes, code: entry.code, kind: entry.kind)
        }
        arena = kept
        waste = 0
    }

    private mutating func growSlots() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        arena.withUnsafeBytes { arena in
            for index in entries.indices {
                let hash = Self.hash(arena[piece: entries[index].name], arena[piece: entries[index].key])
                var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
                while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
                slots[slot] = (hash >> 32) << 32 | UInt64(index + 1)
            }
        }
    }

    // MARK: Handing over

    /// Passes on the last operation on each key, in the table's order, `count` at a time, until a call fails.
    func forEachSorted(
        some count: Int, _ body: ([Operation]) -> Result<Void, StoreError>
    ) -> Result<Void, StoreError> {
        arena.withUnsafeBytes { arena in
            let order = sorted(arena)
            var operations: [Operation] = []
            operations.reserveCapacity(min(count, order.count))
            for (at, item) in order.enumerated() {
                let entry = entries[Int(item.index)]
                operations.append(
                    Operation(
                        code: entry.code, name: arena[piece: entry.name], key: arena[piece: entry.key],
                        kind: entry.kind, value: arena[piece: entry.valueRange]))
                guard operations.count == count || at == order.count - 1 else { continue }
                if case .failure(let error) = body(operations) { return .failure(error) }
                operations.removeAll(keepingCapacity: true)
            }
            return .success(())
        }
    }

    /// An entry, and the first bytes of its key that can differ from another's.
    private struct Sorted {
        var head: UInt64
        var index: UInt32
    }

    /// The entries in the table's order. Eight bytes of the key decide nearly every comparison, without going to the
    /// arena.
    private func sorted(_ arena: UnsafeRawBufferPointer) -> [Sorted] {
        guard let first = entries.first else { return [] }
        var shared = arena[piece: first.key].count
        var isOneName = true
        for entry in entries {
            isOneName = isOneName && areEqual(arena[piece: entry.name], arena[piece: first.name])
            shared = sharedPrefix(arena[piece: first.key], arena[piece: entry.key], atMost: shared)
        }
        var order = entries.indices.map { index in
            // If there are several names, the heads of the keys decide nothing.
            Sorted(
                head: isOneName ? head(arena[piece: entries[index].key], from: shared) : 0, index: UInt32(index))
        }
        order.sort { a, b in
            if a.head != b.head { return a.head < b.head }
            let x = entries[Int(a.index)], y = entries[Int(b.index)]
            let byName = isOneName ? 0 : compare(arena[piece: x.name], arena[piece: y.name])
            return byName != 0 ? byName < 0 : compare(arena[piece: x.key], arena[piece: y.key]) < 0
        }
        return order
    }

    private func sharedPrefix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, atMost most: Int) -> Int {
        var count = 0
        let most = min(most, a.count, b.count)
        while count < most && a[count] == b[count] { count += 1 }
        return count
    }

    /// Padded with zeros. So the head of a shorter key is never greater than that of a longer key that begins with it.
    private func head(_ key: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        if key.count >= start + 8 {
            return UInt64(bigEndian: key.loadUnaligned(fromByteOffset: start, as: UInt64.self))
        }
        var head: UInt64 = 0
        for at in start..<(start + 8) { head = head << 8 | (at < key.count ? UInt64(key[at]) : 0) }
        return head
    }
}

/// Compares as the table orders names and keys: byte by byte.
func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    if shared > 0, let x = a.baseAddress, let y = b.baseAddress {
        let order = compareMemory(x, y, shared)
        if order != 0 { return order }
    }
    return a.count - b.count
}

private func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    a.count == b.count && compare(a, b) == 0
}

extension UnsafeRawBufferPointer {
    fileprivate subscript(piece range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }
}
