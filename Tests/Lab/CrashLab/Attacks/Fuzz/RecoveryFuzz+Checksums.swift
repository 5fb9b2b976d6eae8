// Puts right checksums into an input, so that what a reader does behind them is reached without a switch in the reader.
//
// Lengths are taken as the input has them: a walk ends where they lead out of it.

internal import WriteAheadJournal

extension RecoveryFuzz {
    /// The input with the checksums that its subject's reader asks for.
    static func withRightChecksums(_ input: UnsafeRawBufferPointer, _ subject: Subject) -> [UInt8] {
        var bytes = Array(input)
        switch subject {
        case .batch: bytes.withUnsafeMutableBytes { rightBatch($0) }
        case .tail:
            // A record may go on in the zeros behind the input.
            bytes += [UInt8](repeating: 0, count: max(0, TailFormat.capacityMin - bytes.count))
            bytes.withUnsafeMutableBytes {
                rightRing(UnsafeMutableRawBufferPointer(rebasing: $0.prefix(TailFormat.capacityMin)))
            }
        case .sqliteWAL: bytes.withUnsafeMutableBytes { rightSQLiteWAL($0) }
        case .operations, .importLine: break
        }
        return bytes
    }

    /// The chain of a batch's records, in the batch's own epoch.
    private static func rightBatch(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let epoch = RecordReader.epoch(of: UnsafeRawBufferPointer(bytes)) else { return }
        var chain: UInt32 = 0
        var lsn: UInt64 = 1
        var at = RecordFormat.batchHeaderSize
        while let content = rightRecord(bytes, at, &chain, epoch, lsn) {
            lsn += 1
            at += RecordFormat.recordHeaderSize + content
        }
    }

    /// The chain of a ring's records, from its beginning.
    private static func rightRing(_ bytes: UnsafeMutableRawBufferPointer) {
        var chain: UInt32 = 0
        var lsn: UInt64 = 1
        var at = 0
        while let content = rightRecord(bytes, at, &chain, epoch, lsn) {
            lsn += 1
            at += (RecordFormat.recordHeaderSize + content + 7) & ~7
        }
    }

    /// - Returns: the bytes of the record's content; nil if there is none by its length.
    private static func rightRecord(
        _ bytes: UnsafeMutableRawBufferPointer, _ at: Int, _ chain: inout UInt32, _ epoch: UInt64, _ lsn: UInt64
    ) -> Int? {
        let start = at + RecordFormat.recordHeaderSize
        guard start < bytes.count else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        guard length >= 1, length <= bytes.count - start else { return nil }
        chain = RecordFormat.chain(
            after: chain, epoch: epoch, lsn: lsn,
            content: UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        bytes.storeBytes(of: chain.littleEndian, toByteOffset: at + 4, as: UInt32.self)
        return length
    }

    /// The sums of a WAL's header and frames: https://www.sqlite.org/fileformat2.html#walformat. Salts stay: a frame with
    /// others ends the log.
    private static func rightSQLiteWAL(_ bytes: UnsafeMutableRawBufferPointer) {
        let (headerBytes, frameHeaderBytes) = (32, 24)
        guard bytes.count >= headerBytes else { return }
        func big(_ at: Int) -> UInt32 { UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
        // The magic number's last bit says in which order the summed words are read.
        let isBig = big(0) & 1 == 1
        var sum: (UInt32, UInt32) = (0, 0)
        func add(_ range: Range<Int>) {
            for at in stride(from: range.lowerBound, to: range.upperBound - 7, by: 8) {
                let (first, second) = (big(at), big(at + 4))
                sum.0 = sum.0 &+ (isBig ? first : first.byteSwapped) &+ sum.1
                sum.1 = sum.1 &+ (isBig ? second : second.byteSwapped) &+ sum.0
            }
        }
        func store(_ at: Int) {
            bytes.storeBytes(of: sum.0.bigEndian, toByteOffset: at, as: UInt32.self)
            bytes.storeBytes(of: sum.1.bigEndian, toByteOffset: at + 4, as: UInt32.self)
        }
        add(0..<24)
        store(24)
        let frameBytes = frameHeaderBytes + Int(big(8) == 1 ? 65_536 : big(8))
        guard frameBytes >= frameHeaderBytes + 512 else { return }
        for frame in stride(from: headerBytes, through: bytes.count - frameBytes, by: frameBytes) {
            add(frame..<frame + 8)
            add(frame + frameHeaderBytes..<frame + frameBytes)
            store(frame + 16)
        }
    }
}
