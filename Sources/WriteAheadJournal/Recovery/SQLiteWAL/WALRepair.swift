// Finds the one byte that makes a frame of an SQLite WAL check again.
//
// SQLite's checksum is linear modulo 2³². If a word is larger by d, the two sums are larger by d·p and d·q. The factors
// p and q depend only on the number of words after it. They are Fibonacci numbers, and one of them is odd. So one
// multiplication for each word finds the only d that fits the first or the second sum. That d counts only if it fits
// both sums and changes one byte.
//
// It has to be the only explanation. A torn frame may differ from what was written in a few bytes of one word, and no
// other byte may pass for them. So two conditions have to hold:
// 1. No other word has a d that fits, whether it changes one byte or more. Fibonacci numbers modulo 2ᵏ repeat, up to a
//    factor, after 3·2ᵏ⁻² words. So a change of a word's highest bits looks like a change of a word that far away. The
//    sums identify the byte for the lower 22 or so of 32 bits, and nothing is done about the others.
// 2. The stored sums are not what was altered. Two things show that they are right: the next frame continues from them,
//    or both of their words differ from the sums of the frame as it is. In the second case a tear of the sums could
//    also be explained by one byte of the frame, with a probability of 2⁻⁴⁴. The sums are taken for wrong only if the
//    next frame continues from what they should be.

/// Repairs of one byte: in a frame's content, in its checksum, or in the header.
enum WALRepair {
    /// - Parameter next: the frame after it, if there is one.
    /// - Returns: the byte that differs, by its offset in the frame; nil if more than one differs, or if it could be
    ///   one of several.
    static func frame(
        _ frame: [UInt8], next: [UInt8]?, after sum: WALFormat.Sum, _ header: WALFormat.Header
    ) -> WALScan.Repair? {
        // A frame of an earlier generation has other salts, as a rule in all their bytes. Nothing is looked for then.
        let salt = zip(frame[8..<16], header.salts).enumerated().filter { $0.element.0 != $0.element.1 }
        guard salt.count <= 1 else { return nil }
        let computed = header.sum(of: frame, after: sum)
        let stored = WALFormat.storedSum(frame)
        if let salt = salt.first {
            guard computed == stored, WALFormat.big(frame, 0) != 0 else { return nil }
            return WALScan.Repair(offset: 8 + salt.offset, found: salt.element.0, written: salt.element.1)
        }
        // The next frame knows which sum was written.
        if let next, header.continues(next, computed) { return sumByte(frame, computed) }
        let isSumRight = next.map { header.continues($0, stored) } ?? false
        guard isSumRight || stored.0 != computed.0 && stored.1 != computed.1 else {
            return nil
        }
        return contentByte(frame, missing: (stored.0 &- computed.0, stored.1 &- computed.1), header.isBig)
    }

    /// The byte of the stored checksum that was altered.
    private static func sumByte(_ frame: [UInt8], _ sum: WALFormat.Sum) -> WALScan.Repair? {
        let right = [sum.0, sum.1].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        let wrong = zip(frame[16..<24], right).enumerated().filter { $0.element.0 != $0.element.1 }
        guard wrong.count == 1, let byte = wrong.first else { return nil }
        return WALScan.Repair(offset: 16 + byte.offset, found: byte.element.0, written: byte.element.1)
    }

    /// The byte of the content that was altered. Nil if no word explains the difference, if more than one does, or if
    /// the word differs in more than a byte.
    private static func contentByte(
        _ frame: [UInt8], missing: WALFormat.Sum, _ isBig: Bool
    ) -> WALScan.Repair? {
        var found: WALScan.Repair?
        // From the last word back: p and q are what one more in this word adds to either sum at the end.
        var p: UInt32 = 1
        var q: UInt32 = 1
        var isSecond = true
        var at = frame.count - 4
        while at >= 0 {
            // The first word of a pair adds p to one sum and q to the other. Of the last pair the first word is in both
            // sums once, the second word in the second sum alone.
            let weight: (UInt32, UInt32) = isSecond ? (q &- p, p) : (p, q)
            if let larger = quotient(missing, weight) {
                guard found == nil, let byte = byte(of: frame, at, larger: larger, isBig) else { return nil }
                found = byte
            }
            if !isSecond { (p, q) = (p &+ q, p &+ q &+ q) }
            isSecond.toggle()
            // The page, then the frame's first eight bytes. The salts and the checksum between them are not covered.
            at = at == WALFormat.frameHeaderBytes ? 4 : at - 4
        }
        return found
    }

    /// The only d with d·weight = missing, if there is one.
    private static func quotient(_ missing: (UInt32, UInt32), _ weight: (UInt32, UInt32)) -> UInt32? {
        let difference = weight.0 & 1 == 1 ? missing.0 &* inverse(weight.0) : missing.1 &* inverse(weight.1)
        return difference != 0 && difference &* weight.0 == missing.0 && difference &* weight.1 == missing.1
            ? difference : nil
    }

    /// The inverse of an odd number modulo 2³², by Newton's method. Each step doubles the number of right bits.
    private static func inverse(_ number: UInt32) -> UInt32 {
        var inverse = number
        for _ in 0..<4 { inverse = inverse &* (2 &- number &* inverse) }
        return inverse
    }

    private static func byte(of frame: [UInt8], _ at: Int, larger difference: UInt32, _ isBig: Bool) -> WALScan.Repair?
    {
        let raw = frame.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
        let found = isBig ? UInt32(bigEndian: raw) : UInt32(littleEndian: raw)
        let written = found &+ difference
        let changed = found ^ written
        let lowest = changed.trailingZeroBitCount / 8
        guard changed & ~(0xff << (8 * UInt32(lowest))) == 0 else { return nil }
        let offset = at + (isBig ? 3 - lowest : lowest)
        return WALScan.Repair(
            offset: offset, found: frame[offset], written: UInt8(truncatingIfNeeded: written >> (8 * UInt32(lowest))))
    }

    /// The one byte that makes the header check again, and the frame after it.
    static func header(_ bytes: [UInt8], _ reader: FileReader, _ size: Int) -> WALScan.Repair? {
        var found: WALScan.Repair?
        for offset in 0..<WALFormat.headerBytes {
            var altered = bytes
            for value in UInt8.min...UInt8.max where value != bytes[offset] {
                altered[offset] = value
                guard let header = WALFormat.Header(altered), WALFormat.headerBytes + header.frameBytes <= size,
                    let frame = reader.read(at: WALFormat.headerBytes, count: header.frameBytes),
                    header.continues(frame, header.sum)
                else { continue }
                guard found == nil else { return nil }
                found = WALScan.Repair(offset: offset, found: bytes[offset], written: value)
            }
        }
        return found
    }
}
