// Reads the file `tail` as another process, or an earlier run, left it. It trusts nothing in the file.
//
// A record counts only if all three hold:
// 1. It continues the journal's chain without a gap.
// 2. It is of the journal's last epoch.
// 3. It is reached from an anchor that leads to the journal's end.
//
// Layout: docs/tail.md.

/// A copy of what the file `tail` had at one moment, of a header that checks.
package struct TailImage: Sendable {
    package let epoch: UInt64
    private let data: ArraySlice<UInt8>
    private let anchors: [TailFormat.Anchor]
    /// The header's high-water mark: this record was published. 0 if the mark says nothing.
    private let highWater: UInt64

    /// Reads the file. Nil if it is missing, is short, is no tail, or is another store's.
    ///
    /// - Throws: `ioError` if it is there and cannot be read.
    package static func read(folder: String, storeID: String) throws(StoreError) -> TailImage? {
        try Files.contentsIfThere(folder + "/" + TailFormat.fileName, limit: bytesMax)
            .flatMap { TailImage($0, storeID: storeID) }
    }

    static let bytesMax = TailFormat.headerBytes + TailFormat.capacityMax

    /// Nil if the bytes are no tail of this store.
    package init?(_ bytes: [UInt8], storeID: String) {
        guard let header = bytes.withUnsafeBytes({ TailFormat.Header($0) }),
            header.store == TailFormat.Header.hash(storeID),
            bytes.count >= TailFormat.headerBytes + Int(header.capacity)
        else { return nil }
        epoch = header.epoch
        data = bytes[TailFormat.headerBytes..<(TailFormat.headerBytes + Int(header.capacity))]
        highWater = bytes.withUnsafeBytes { raw in
            [TailFormat.highWaterOffset, TailFormat.highWaterOffset + 16].map { slot in
                let lsn = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: slot, as: UInt64.self))
                let complement = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: slot + 8, as: UInt64.self))
                return lsn == ~complement ? lsn : 0
            }.reduce(0, max)
        }
        anchors = bytes.withUnsafeBytes { raw in
            (0..<TailFormat.stripes).compactMap { stripe in
                let place = TailFormat.anchorsOffset + stripe * TailFormat.anchorBytes
                func word(_ index: Int) -> UInt64 {
                    UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place + index * 8, as: UInt64.self))
                }
                return TailFormat.Anchor((word(0), word(1), word(2)), epoch: header.epoch)
            }
        }
    }

    /// What a tail has after the journal's end.
    package struct Continuation: Sendable {
        /// The records that continue the chain, as one sealed batch; empty if none does.
        package var records = RecordBatch()
        /// The journal's end.
        package var after: LSN
        /// Why there were more records once; nil if the ring ends as the ring of a killed owner does.
        ///
        /// A record is published by its commit word, after all its bytes, and the next commit word is zero before that.
        /// So a walk ends at a zero, and nothing that was published lies after it. That holds only while the machine
        /// has not gone down.
        package var why: String?
        /// The first record after the ring's end, if the journal goes on past it and the high-water mark does not reach
        /// the journal's end. Only an oversize record never was in the ring.
        package var missing: LSN?
    }

    /// A record with more bytes of content than these is never in the ring.
    package var contentBytesMax: Int { Tail.contentMax(data.count) }

    /// The records that continue the chain at `end`, as one sealed batch; empty if none does.
    package func records(after end: ChainPosition) -> RecordBatch { continuation(of: end).records }

    package func continuation(of end: ChainPosition) -> Continuation {
        var result = Continuation(after: end.lsn)
        guard end.epoch == epoch else { return result }
        guard let anchor = anchors.filter({ $0.lsn <= end.lsn.value + 1 }).max(by: { $0.lsn < $1.lsn }) else {
            let isFresh = anchors.isEmpty && highWater <= end.lsn.value && data.prefix(8).allSatisfy { $0 == 0 }
            if !isFresh { result.why = "the tail has no anchor that leads to the journal's end" }
            return result
        }
        data.withUnsafeBytes { data in
            var walk = Walk(at: anchor.position, lsn: anchor.lsn, chain: anchor.chain)
            if !walk.run(data, end, epoch, &result.records) {
                result.why = "the tail breaks off at a record that was altered"
            } else if walk.hasMore(data, epoch) {
                result.why = "the tail goes on behind a gap"
            }
            // A walk ends at the record after the last one.
            if highWater >= max(walk.lsn, end.lsn.value + 1) {
                result.why = result.why ?? "the tail ends before a record that was published"
            }
            // A ring whose high-water mark is the journal's end knew of all oversize records.
            if result.why == nil && walk.lsn <= end.lsn.value && highWater < end.lsn.value {
                result.missing = LSN(walk.lsn)
            }
            // An anchor is written just before its record.
            if anchors.contains(where: { $0.lsn > max(walk.lsn, end.lsn.value + 1) }) {
                result.why = result.why ?? "the tail has anchors of later records"
            }
        }
        if !result.records.isEmpty { result.records.seal() }
        return result
    }

    /// Goes from record to record.
    private struct Walk {
        var at: UInt64
        /// The LSN of the record at this place.
        var lsn: UInt64
        var chain: UInt32

        /// How many bytes after the end are searched for consecutive records. Rot may take that many at once: one page
        /// of memory or of a disk, and a record.
        private static let gapBytesMax = 4_096 + 512

        /// - Returns: whether it ended where the ring ends.
        mutating func run(
            _ data: UnsafeRawBufferPointer, _ end: ChainPosition, _ epoch: UInt64, _ batch: inout RecordBatch
        ) -> Bool {
            let capacity = UInt64(data.count)
            let begin = at
            if lsn == end.lsn.value + 1 && chain != end.chain { return false }
            // One lap at most: the same bytes come again after that.
            while at < begin + capacity {
                let offset = Int(at % capacity)
                let length = UInt32(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                if length == TailFormat.skip {
                    guard offset > 0 else { return false }
                    at += capacity - UInt64(offset)
                    continue
                }
                // This also ends a walk before the journal's end, if an oversize record comes next.
                if data.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 { return true }
                guard let bytes = Self.record(data, offset) else { return false }
                let crc = Self.crc(bytes)
                guard
                    Self.crc(of: bytes, after: chain, epoch: epoch, lsn: lsn) == crc
                else { return false }
                if lsn == end.lsn.value && crc != end.chain { return false }
                if lsn > end.lsn.value { batch.append(encoded: bytes, lsn: LSN(lsn), epoch: epoch) }
                chain = crc
                lsn += 1
                at += UInt64(TailFormat.size(content: bytes.count - RecordFormat.recordHeaderSize))
            }
            return true
        }

        /// Whether two consecutive records lie after the end. Then the zero there is no end.
        func hasMore(_ data: UnsafeRawBufferPointer, _ epoch: UInt64) -> Bool {
            let offset = Int(at % UInt64(data.count))
            let stop = min(offset + Self.gapBytesMax, data.count - 8)
            for place in stride(from: offset + 8, to: stop, by: 8) {
                guard let first = Self.record(data, place) else { continue }
                let next = place + TailFormat.size(content: first.count - RecordFormat.recordHeaderSize)
                guard let second = Self.record(data, next) else { continue }
                // The gap holds at least one record, and no more than have room there.
                for missing in 1...UInt64((place - offset) / 16 + 1)
                where Self.crc(of: second, after: Self.crc(first), epoch: epoch, lsn: lsn + missing + 1)
                    == Self.crc(second)
                { return true }
            }
            return false
        }

        /// The record at a place with its header, if its length allows one there.
        private static func record(_ data: UnsafeRawBufferPointer, _ offset: Int) -> UnsafeRawBufferPointer? {
            guard offset + RecordFormat.recordHeaderSize <= data.count else { return nil }
            let length = UInt32(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            guard length >= 1, Int(length) <= data.count - offset - RecordFormat.recordHeaderSize else { return nil }
            return UnsafeRawBufferPointer(
                rebasing: data[offset..<(offset + RecordFormat.recordHeaderSize + Int(length))])
        }

        private static func crc(_ record: UnsafeRawBufferPointer) -> UInt32 {
            UInt32(littleEndian: record.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        }

        private static func crc(
            of record: UnsafeRawBufferPointer, after chain: UInt32, epoch: UInt64, lsn: UInt64
        ) -> UInt32 {
            RecordFormat.chain(
                after: chain, epoch: epoch, lsn: lsn,
                content: UnsafeRawBufferPointer(rebasing: record[RecordFormat.recordHeaderSize...]))
        }
    }
}
