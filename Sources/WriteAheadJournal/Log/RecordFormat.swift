// Record chain of the journal: the constants and the checksum, for writer (RecordBatch.swift) and reader
// (RecordReader.swift).
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

internal import CMachine

/// The layout of batches and records, and the chained checksum.
package enum RecordFormat {
    /// On disk. A reader refuses any other.
    package static let batchVersion: UInt8 = 1
    package static let batchHeaderSize = 16
    package static let recordHeaderSize = 8
    /// SQLite holds no larger value (SQLITE_MAX_LENGTH, 10⁹ bytes, https://www.sqlite.org/limits.html).
    package static let batchBytesMax = 1_000_000_000
    /// The most bytes of one record's kind and body. A full tail still has room beside it in one batch.
    package static let recordBytesMax = 900_000_000

    /// Masks a crc that is stored in data under another crc, so that the two do not cancel out. On disk.
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
