// Reads the file `tail` as another process, or an earlier run, left it. It trusts nothing in the file.
//
// The rule: only records count that continue the journal's chain in the journal's last epoch, without a gap, from an
// anchor that leads to the journal's end. Layout: docs/tail.md.

package struct TailImage: Sendable {
    package let epoch: UInt64
    private let data: ArraySlice<UInt8>
    private let anchors: [TailFormat.Anchor]
    /// This record was published, by the header's mark; 0 where that says nothing.
    private let highWater: UInt64

    /// Reads the file; nil where it is missing, short, no tail or another store's.
    ///
    /// - Throws: `ioError` where it is there and cannot be read.
    package static func read(folder: String, storeID: String) throws(StoreError) -> TailImage? {
        try Files.contentsIfThere(folder + "/" + TailFormat.fileName, limit: bytesMax)
            .flatMap { TailImage($0, storeID: storeID) }
    }

    static let bytesMax = TailFormat.headerBytes + TailFormat.capacityMax

    /// Nil where the bytes are no tail of this store.
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

    /// What a tail has beyond the journal's end.
    package struct Continuation: Sendable {
        /// The records that continue the chain, as one sealed batch; empty where none does.
        package var records = RecordBatch()
        /// The journal's end.
        package var after: LSN
        /// Why there were more once; nil where the ring ends as one does whose owner was killed.
        ///
        /// A record is published by its commit word, after all its bytes, and the word behind it is zero before: so a walk
        /// ends at a zero, and nothing that was published lies behind. True as long as the machine goes on.
        package var why: String?
        /// The record that the ring goes up to, and the journal and its mark beyond it. Only one that went by itself was never
        /// in it.
        package var missing: LSN?
    }

    /// Bytes of a record's content above which it never is in the ring.
    package var contentBytesMax: Int { Tail.contentMax(data.count) }

    /// The records that continue the chain at `end`, as one sealed batch; empty where none does.
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
            // A walk ends at the record behind the last one.
            if highWater >= max(walk.lsn, end.lsn.value + 1) {
                result.why = result.why ?? "the tail ends before a record that was published"
            }
            // A ring whose mark is the journal's end knew of all that went by itself.
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
        /// Of the record at this place.
        var lsn: UInt64
        var chain: UInt32

        /// So many bytes behind the end are searched for records that follow on others: as many as rot may take at once, in
        /// one page of memory or of a disk, and a record.
        private static let gapBytesMax = 4_096 + 512

        /// - Returns: whether it ended where the ring ends.
        mutating func run(
            _ data: UnsafeRawBufferPointer, _ end: ChainPosition, _ epoch: UInt64, _ batch: inout RecordBatch
        ) -> Bool {
            let capacity = UInt64(data.count)
            let begin = at
            if lsn == end.lsn.value + 1 && chain != end.chain { return false }
            // One lap at most: what comes after that are the same bytes again.
            while at < begin + capacity {
                let offset = Int(at % capacity)
                let length = UInt32(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                if length == TailFormat.skip {
                    guard offset > 0 else { return false }
                    at += capacity - UInt64(offset)
                    continue
                }
                // Also before the journal's end, where that is a record that went by itself.
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

        /// Whether two records that follow on each other lie behind the end: the zero there is no end.
        func hasMore(_ data: UnsafeRawBufferPointer, _ epoch: UInt64) -> Bool {
            let offset = Int(at % UInt64(data.count))
            let stop = min(offset + Self.gapBytesMax, data.count - 8)
            for place in stride(from: offset + 8, to: stop, by: 8) {
                guard let first = Self.record(data, place) else { continue }
                let next = place + TailFormat.size(content: first.count - RecordFormat.recordHeaderSize)
                guard let second = Self.record(data, next) else { continue }
                // At least one record is in the gap, and no more than have room there.
                for missing in 1...UInt64((place - offset) / 16 + 1)
                where Self.crc(of: second, after: Self.crc(first), epoch: epoch, lsn: lsn + missing + 1)
                    == Self.crc(second)
                { return true }
            }
            return false
        }

        /// The record at a place with its header, if it can be one by its length.
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
