// Record chain of the journal: the constants and the writer. The reader is RecordReader.swift.
//
// Records travel in batches; a batch is one row of the table `journal` and commits together or not at all.
//
//   batch   u8 version · u8 0 · u16 0 · u32 count · u64 epoch · records
//   record  u32 length · u32 crc · u8 kind · body            (length counts kind and body)
//
// A record belongs to the log only when all three hold:
//   1. its LSN (its place in its batch, counted from the row's first_lsn) is its predecessor's plus one,
//   2. its epoch is its predecessor's, or it is a run record, which begins a new one,
//   3. its crc is CRC-32C over its predecessor's *masked* crc, its epoch, LSN, length, kind and body.
// The predecessor's crc is masked because a CRC over data that contains its own CRC is a constant.
//
// All numbers are little-endian. Byte layout with an example: docs/format.md.

internal import CChecksum

/// What a record is about. On disk; the numbers stay.
package enum RecordKind: UInt8, Sendable {
    /// A process opened the journal: run id (u64), time in microseconds since 1970 (i64).
    case run = 1
    /// Operations on named states (Operation.swift).
    case changes = 2
    /// Bytes of whoever uses the journal by itself.
    case bytes = 3
}

package enum RecordFormat {
    /// On disk; a reader refuses any other.
    package static let batchVersion: UInt8 = 1
    package static let batchHeaderSize = 16
    package static let recordHeaderSize = 8
    /// SQLite holds no larger value (SQLITE_MAX_LENGTH, 10⁹ bytes, https://www.sqlite.org/limits.html).
    package static let batchBytesMax = 1_000_000_000
    /// One record's kind and body. Leaves a full tail room beside it in one batch.
    package static let recordBytesMax = 900_000_000

    /// So that a crc stored in data under a crc does not cancel out. On disk.
    @inline(__always) package static func masked(_ crc: UInt32) -> UInt32 {
        return ((crc >> 15) | (crc << 17)) &+ 0xa282_ead8
    }

    /// The crc of a record, chained over its predecessor's.
    @inline(__always)
    package static func chain(
        after previous: UInt32, epoch: UInt64, lsn: UInt64, content: UnsafeRawBufferPointer
    ) -> UInt32 {
        return cchecksum_chain(
            masked(previous), epoch, lsn, content.baseAddress, UInt32(truncatingIfNeeded: content.count))
    }

    /// CRC-32C of some bytes, not chained.
    package static func crc(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        cchecksum_crc32c(crc, bytes.baseAddress, bytes.count)
    }
}

/// Records in the order of their LSNs, in the form of one batch. The writer of the chain.
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

    /// Appends one record that has its header already, as the tail holds it.
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

    /// Completes the header. Call before the bytes are stored.
    package mutating func seal() {
        bytes.withUnsafeMutableBytes { all in
            all[0] = RecordFormat.batchVersion
            all.storeBytes(of: UInt32(count).littleEndian, toByteOffset: 4, as: UInt32.self)
            all.storeBytes(of: epoch.littleEndian, toByteOffset: 8, as: UInt64.self)
        }
    }

    /// Empties the batch; keeps its memory for the next one unless a giant record made it large.
    package mutating func clear() {
        if bytes.capacity > 16 << 20 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        count = 0
    }
}
