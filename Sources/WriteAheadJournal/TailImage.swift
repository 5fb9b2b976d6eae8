// Reads the file `tail` as another process, or an earlier run, left it. It trusts nothing in the file.
//
// The rule: only records count that continue the journal's chain in the journal's last epoch, without a gap, from an
// anchor that leads to the journal's end. Layout: docs/tail.md.

package struct TailImage: Sendable {
    package let epoch: UInt64
    private let data: ArraySlice<UInt8>
    private let anchors: [TailFormat.Anchor]

    /// Reads the file; nil where it is missing, short, no tail or another store's.
    package static func read(folder: String, storeID: String) -> TailImage? {
        let path = folder + "/" + TailFormat.fileName
        guard
            let bytes = Platform.contents(path, limit: TailFormat.headerBytes + TailFormat.capacityMax)
        else { return nil }
        return TailImage(bytes, storeID: storeID)
    }

    /// Nil where the bytes are no tail of this store.
    package init?(_ bytes: [UInt8], storeID: String) {
        guard let header = bytes.withUnsafeBytes({ TailFormat.Header($0) }),
            header.store == TailFormat.Header.hash(storeID),
            bytes.count >= TailFormat.headerBytes + Int(header.capacity)
        else { return nil }
        epoch = header.epoch
        data = bytes[TailFormat.headerBytes..<(TailFormat.headerBytes + Int(header.capacity))]
        anchors = bytes.withUnsafeBytes { raw in
            (0..<TailFormat.segments).compactMap { segment in
                let place = TailFormat.anchorsOffset + segment * TailFormat.anchorBytes
                func word(_ index: Int) -> UInt64 {
                    UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place + index * 8, as: UInt64.self))
                }
                return TailFormat.Anchor((word(0), word(1), word(2)), epoch: header.epoch)
            }
        }
    }

    /// The records that continue the chain at `end`, as one sealed batch; empty where none does.
    package func records(after end: ChainPosition) -> RecordBatch {
        var batch = RecordBatch()
        guard end.epoch == epoch,
            let anchor = anchors.filter({ $0.lsn <= end.lsn.value + 1 }).max(by: { $0.lsn < $1.lsn })
        else { return batch }
        data.withUnsafeBytes { walk(from: anchor, end, $0, &batch) }
        if !batch.isEmpty { batch.seal() }
        return batch
    }

    private func walk(
        from anchor: TailFormat.Anchor, _ end: ChainPosition, _ data: UnsafeRawBufferPointer, _ batch: inout RecordBatch
    ) {
        let capacity = UInt64(data.count)
        var at = anchor.position
        var lsn = anchor.lsn
        var chain = anchor.chain
        if lsn == end.lsn.value + 1 && chain != end.chain { return }
        // One lap at most: what comes after that are the same bytes again.
        while at < anchor.position + capacity {
            let offset = Int(at % capacity)
            let length = UInt32(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            if length == TailFormat.skip {
                guard offset > 0 else { return }
                at += capacity - UInt64(offset)
                continue
            }
            guard length >= 1, Int(length) <= data.count - offset - RecordFormat.recordHeaderSize else { return }
            let bytes = UnsafeRawBufferPointer(
                rebasing: data[offset..<(offset + RecordFormat.recordHeaderSize + Int(length))])
            let crc = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            let content = UnsafeRawBufferPointer(rebasing: bytes[RecordFormat.recordHeaderSize...])
            guard RecordFormat.chain(after: chain, epoch: epoch, lsn: lsn, content: content) == crc else { return }
            if lsn == end.lsn.value && crc != end.chain { return }
            if lsn > end.lsn.value { batch.append(encoded: bytes, lsn: LSN(lsn), epoch: epoch) }
            chain = crc
            lsn += 1
            at += UInt64(TailFormat.size(content: Int(length)))
        }
    }
}
