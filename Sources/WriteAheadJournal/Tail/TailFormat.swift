// The file `tail`: constants and the parts of its header. Tail.swift writes it, TailImage.swift reads it.
//
// A record in the ring counts only if all four hold:
// 1. The header checks.
// 2. The header names this store.
// 3. The header has the epoch of the journal's last record.
// 4. The record continues the journal's chain.
//
// Layout and protocol: docs/tail.md.

internal import CMachine

/// Constants, header and anchors of the file `tail`.
package enum TailFormat {
    package static let fileName = "tail"
    /// The header is one page.
    package static let headerBytes = 4096
    /// "BKSTTAIL" in file order. On disk.
    static let magic: UInt64 = 0x4c49_4154_5453_4b42
    /// On disk. A reader accepts no other.
    static let version: UInt32 = 1
    /// The number of stripes, and of anchors. On disk.
    package static let stripes = 16
    /// Two slots, each with the LSN of the record published last and its complement. On disk.
    static let highWaterOffset = 64
    package static let anchorsOffset = 128
    static let anchorBytes = 32
    /// In place of a record's length: the next record is at the next multiple of the capacity. On disk.
    static let skip: UInt32 = 0xffff_ffff
    package static let capacityMin = 64 << 10
    package static let capacityMax = 64 << 20

    /// How many bytes a record takes whose kind and body have `content` bytes.
    @inline(__always)
    static func size(content: Int) -> Int { (RecordFormat.recordHeaderSize + content + 7) & ~7 }

    /// The fields of a header whose checksum matches.
    package struct Header: Equatable {
        var epoch: UInt64
        var store: UInt64
        var capacity: UInt64

        /// Magic, version and fields, with the checksum: the first 64 bytes of the file.
        package var encoded: [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 64)
            bytes.withUnsafeMutableBytes { raw in
                raw.storeBytes(of: TailFormat.magic.littleEndian, toByteOffset: 0, as: UInt64.self)
                raw.storeBytes(of: TailFormat.version.littleEndian, toByteOffset: 8, as: UInt32.self)
                raw.storeBytes(of: epoch.littleEndian, toByteOffset: 16, as: UInt64.self)
                raw.storeBytes(of: store.littleEndian, toByteOffset: 24, as: UInt64.self)
                raw.storeBytes(of: capacity.littleEndian, toByteOffset: 32, as: UInt64.self)
                let crc = RecordFormat.crc(UnsafeRawBufferPointer(rebasing: raw[16..<64]))
                raw.storeBytes(of: crc.littleEndian, toByteOffset: 12, as: UInt32.self)
            }
            return bytes
        }

        package init(epoch: UInt64, storeID: String, capacity: Int) {
            self.epoch = epoch
            store = Self.hash(storeID)
            self.capacity = UInt64(capacity)
        }

        /// Nil if the bytes are no header.
        init?(_ bytes: UnsafeRawBufferPointer) {
            guard bytes.count >= TailFormat.headerBytes,
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)) == TailFormat.magic,
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) == TailFormat.version,
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                    == RecordFormat.crc(UnsafeRawBufferPointer(rebasing: bytes[16..<64]))
            else { return nil }
            epoch = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            store = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
            capacity = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
            guard capacity >= TailFormat.capacityMin, capacity <= TailFormat.capacityMax,
                capacity & (capacity - 1) == 0
            else { return nil }
        }

        static func hash(_ storeID: String) -> UInt64 { Array(storeID.utf8).withUnsafeBytes { XXH64.hash($0) } }
    }

    /// The first record that begins in a stripe, and the chain before it.
    package struct Anchor: Equatable {
        var position: UInt64
        var lsn: UInt64
        var chain: UInt32

        /// The three words of an anchor.
        package func words(epoch: UInt64) -> (UInt64, UInt64, UInt64) {
            (position, lsn, UInt64(chain) | UInt64(check(epoch)) << 32)
        }

        package init(position: UInt64, lsn: UInt64, chain: UInt32) {
            self.position = position
            self.lsn = lsn
            self.chain = chain
        }

        /// Nil if the words are no anchor of this epoch.
        init?(_ words: (UInt64, UInt64, UInt64), epoch: UInt64) {
            self.init(position: words.0, lsn: words.1, chain: UInt32(truncatingIfNeeded: words.2))
            // No run gets so far. A reader's sums would overflow beyond it.
            let isPossible = position < 1 << 62 && lsn > 0
            guard check(epoch) == UInt32(truncatingIfNeeded: words.2 >> 32), position & 7 == 0, isPossible else {
                return nil
            }
        }

        private func check(_ epoch: UInt64) -> UInt32 {
            var fields = (
                epoch.littleEndian, position.littleEndian, lsn.littleEndian,
                UInt64(RecordFormat.masked(chain)).littleEndian
            )
            return withUnsafeBytes(of: &fields) { RecordFormat.crc($0) }
        }
    }
}
