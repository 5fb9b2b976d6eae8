// Record chain of the journal: the reader. Layout and rule: RecordFormat.swift.

/// Checks stored batches record by record.
package enum RecordReader {
    /// Why a batch was refused, and which of its bytes are concerned.
    package struct Broken: Error, Sendable {
        package let lsn: LSN
        package let bytes: Range<Int>
        package let why: String
    }

    /// The epoch of a stored batch; nil if the batch is too short to have one.
    package static func epoch(of batch: UnsafeRawBufferPointer) -> UInt64? {
        guard batch.count >= RecordFormat.batchHeaderSize else { return nil }
        return UInt64(littleEndian: batch.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// Checks every record of a stored batch against the chain and passes it on, in order.
    ///
    /// - Parameters:
    ///   - position: the chain before the batch; afterwards the chain after its last record.
    /// - Throws: `Broken` for the first record that does not belong, or the body's own error.
    package static func read(
        _ batch: UnsafeRawBufferPointer, first: LSN, position: inout ChainPosition, _ body: (Record) throws -> Void
    ) throws {
        guard first == position.lsn.next else {
            throw Broken(
                lsn: position.lsn.next, bytes: 0..<batch.count,
                why: "the log goes from LSN \(position.lsn) to \(first): records are missing")
        }
        guard batch.count >= RecordFormat.batchHeaderSize, batch[0] == RecordFormat.batchVersion,
            batch[1] | batch[2] | batch[3] == 0, let epoch = epoch(of: batch)
        else {
            throw Broken(lsn: first, bytes: 0..<batch.count, why: "the batch has no valid header")
        }
        let count = Int(UInt32(littleEndian: batch.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        var offset = RecordFormat.batchHeaderSize
        var lsn = first
        for index in 0..<count {
            guard offset + RecordFormat.recordHeaderSize < batch.count else {
                throw Broken(lsn: lsn, bytes: offset..<batch.count, why: "the batch ends before its last record")
            }
            let length = Int(UInt32(littleEndian: batch.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            let stored = UInt32(littleEndian: batch.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
            let start = offset + RecordFormat.recordHeaderSize
            guard length >= 1, length <= batch.count - start else {
                throw Broken(lsn: lsn, bytes: offset..<batch.count, why: "a record is longer than its batch")
            }
            let content = UnsafeRawBufferPointer(rebasing: batch[start..<(start + length)])
            guard
                RecordFormat.chain(after: position.chain, epoch: epoch, lsn: lsn.value, content: content) == stored
            else {
                throw Broken(
                    lsn: lsn, bytes: offset..<(start + length), why: "the record's checksum does not continue the chain"
                )
            }
            guard let kind = RecordKind(rawValue: content[0]) else {
                throw Broken(lsn: lsn, bytes: offset..<(start + length), why: "record kind \(content[0]) is not known")
            }
            guard epoch == position.epoch || (index == 0 && kind == .run) else {
                throw Broken(
                    lsn: lsn, bytes: offset..<(start + length), why: "the epoch changes without a run record")
            }
            position = ChainPosition(lsn: lsn, chain: stored, epoch: epoch)
            try body(
                Record(
                    lsn: lsn, epoch: epoch, kind: kind, chain: stored,
                    body: UnsafeRawBufferPointer(rebasing: content[1...])))
            offset = start + length
            lsn = lsn.next
        }
        guard offset == batch.count, count > 0 else {
            throw Broken(lsn: lsn, bytes: offset..<batch.count, why: "the batch has bytes behind its last record")
        }
    }
}
