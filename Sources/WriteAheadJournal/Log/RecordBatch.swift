// The writer of the record chain. Layout and rules: RecordFormat.swift.

/// The records of one batch, in the order of their LSNs.
package struct RecordBatch: Sendable {
    /// The batch as it is stored. Its header is complete only after `seal()`.
    package private(set) var bytes: [UInt8] = []
    package private(set) var count = 0
    package private(set) var first = LSN.zero
    package private(set) var last = LSN.zero
    package private(set) var chain: UInt32 = 0
    package private(set) var epoch: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Appends one record and returns its crc.
    ///
    /// - Parameters:
    ///   - body: appends the record's body to the bytes it is given.
    package mutating func append(
        _ kind: RecordKind, lsn: LSN, after previous: UInt32, epoch: UInt64, body: (inout [UInt8]) -> Void
    ) -> UInt32 {
        begin(lsn: lsn, epoch: epoch)
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: RecordFormat.recordHeaderSize))
        bytes.append(kind.rawValue)
        body(&bytes)
        let length = bytes.count - start - RecordFormat.recordHeaderSize
        precondition(length <= RecordFormat.recordBytesMax, "the caller bounds a record's size")
        let crc = bytes.withUnsafeMutableBytes { all in
            let content = UnsafeRawBufferPointer(rebasing: all[(start + RecordFormat.recordHeaderSize)...])
            let crc = RecordFormat.chain(after: previous, epoch: epoch, lsn: lsn.value, content: content)
            all.storeBytes(of: UInt32(length).littleEndian, toByteOffset: start, as: UInt32.self)
            all.storeBytes(of: crc.littleEndian, toByteOffset: start + 4, as: UInt32.self)
            return crc
        }
        count += 1
        last = lsn
        chain = crc
        return crc
    }

    /// Appends one record that already has its header, as the tail holds it.
    mutating func append(encoded record: UnsafeRawBufferPointer, lsn: LSN, epoch: UInt64) {
        begin(lsn: lsn, epoch: epoch)
        bytes.append(contentsOf: record)
        count += 1
        last = lsn
        chain = UInt32(littleEndian: record.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    }

    private mutating func begin(lsn: LSN, epoch: UInt64) {
        if count == 0 {
            bytes.append(contentsOf: repeatElement(0, count: RecordFormat.batchHeaderSize))
            first = lsn
            self.epoch = epoch
        }
        assert(epoch == self.epoch && (count == 0 || lsn == last.next), "a batch holds one epoch, without gaps")
    }

    /// Completes the header. Call it before the bytes are stored.
    package mutating func seal() {
        bytes.withUnsafeMutableBytes { all in
            all[0] = RecordFormat.batchVersion
            all.storeBytes(of: UInt32(count).littleEndian, toByteOffset: 4, as: UInt32.self)
            all.storeBytes(of: epoch.littleEndian, toByteOffset: 8, as: UInt64.self)
        }
    }

    /// The same records as two sealed batches if `lsn` lies inside, else as one.
    func split(after lsn: LSN) -> [RecordBatch] {
        guard !isEmpty, lsn >= first, lsn < last else { return isEmpty ? [] : [self] }
        var halves = [RecordBatch(), RecordBatch()]
        bytes.withUnsafeBytes { all in
            var offset = RecordFormat.batchHeaderSize
            var next = first
            while offset < all.count {
                let length = UInt32(littleEndian: all.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                let end = offset + RecordFormat.recordHeaderSize + Int(length)
                halves[next <= lsn ? 0 : 1].append(
                    encoded: UnsafeRawBufferPointer(rebasing: all[offset..<end]), lsn: next, epoch: epoch)
                offset = end
                next = next.next
            }
        }
        for index in halves.indices { halves[index].seal() }
        return halves
    }

    /// Empties the batch. It keeps its memory for the next one, unless a giant record made it large.
    package mutating func clear() {
        if bytes.capacity > 16 << 20 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        count = 0
    }
}
