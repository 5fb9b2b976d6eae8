// Finds the one byte that makes a frame of an SQLite WAL check again.
//
// SQLite's checksum is linear modulo 2³²: a word that is larger by d makes the two sums larger by d·p and d·q, where p and
// q follow from the number of words behind it alone (they are Fibonacci numbers, so one of them is odd). So for each word
// the only d that fits the first or the second sum is found by one multiplication, and it counts only when it fits both
// and is a change of one byte.
//
// It has to be the only explanation, because a torn frame may differ from what was written in a few bytes of one word, and
// then another byte must not pass for them:
//   1. No other word has a d that fits, be it a change of one byte or of more. Fibonacci numbers modulo 2ᵏ come again,
//      but for a factor, after 3·2ᵏ⁻² words, so a change of the highest bits of a word looks like one so many words away:
//      the sums tell which byte it was for the lower 22 or so of 32 bits, and nothing is done about the others.
//   2. The stored sums are not what is altered. They are right where the frame behind goes on from them, and where both
//      of their words differ from what the frame has: a tear of the sums that one byte of the frame happens to explain,
//      too, has a probability of 2⁻⁴⁴. They are wrong only where the frame behind goes on from what they should be.

enum WALRepair {
    /// - Parameter next: the frame behind it, if there is one.
    /// - Returns: the byte that differs, by its offset in the frame; nil where it takes more than one, or could be several.
    static func frame(
        _ frame: [UInt8], next: [UInt8]?, after sum: WALFormat.Sum, _ header: WALFormat.Header
    ) -> WALScan.Repair? {
        // A frame of the generation before has other salts, as a rule in all their bytes: nothing is looked for then.
        let salt = zip(frame[8..<16], header.salts).enumerated().filter { $0.element.0 != $0.element.1 }
        guard salt.count <= 1 else { return nil }
        let computed = header.sum(of: frame, after: sum)
        let stored = WALFormat.storedSum(frame)
        if let salt = salt.first {
            guard computed == stored, WALFormat.big(frame, 0) != 0 else { return nil }
            return WALScan.Repair(offset: 8 + salt.offset, found: salt.element.0, written: salt.element.1)
        }
        // The frame behind knows which sum was written.
        if let next, header.continues(next, computed) { return sumByte(frame, computed) }
        let isSumRight = next.map { header.continues($0, stored) } ?? false
        guard isSumRight || stored.0 != computed.0 && stored.1 != computed.1 else {
            return nil
        }
        return contentByte(frame, missing: (stored.0 &- computed.0, stored.1 &- computed.1), header.isBig)
    }

    /// The stored checksum is what was altered.
    private static func sumByte(_ frame: [UInt8], _ sum: WALFormat.Sum) -> WALScan.Repair? {
        let right = [sum.0, sum.1].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        let wrong = zip(frame[16..<24], right).enumerated().filter { $0.element.0 != $0.element.1 }
        guard wrong.count == 1, let byte = wrong.first else { return nil }
        return WALScan.Repair(offset: 16 + byte.offset, found: byte.element.0, written: byte.element.1)
    }

    /// Nil where no word explains what is missing, or more than one, or the one with more than a byte.
    private static func contentByte(
        _ frame: [UInt8], missing: WALFormat.Sum, _ isBig: Bool
    ) -> WALScan.Repair? {
        var found: WALScan.Repair?
        // From the last word back: what one more in this word adds to either sum at the end.
        var p: UInt32 = 1
        var q: UInt32 = 1
        var isSecond = true
        var at = frame.count - 4
        while at >= 0 {
            // Of the last pair the first word is in both sums once; the second in the second one alone.
            let weight: (UInt32, UInt32) = isSecond ? (q &- p, p) : (p, q)
            if let larger = quotient(missing, weight) {
                guard found == nil, let byte = byte(of: frame, at, larger: larger, isBig) else { return nil }
                found = byte
            }
            if !isSecond { (p, q) = (p &+ q, p &+ q &+ q) }
            isSecond.toggle()
            // The page, then the first eight bytes; salts and checksum in between are not covered.
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

    /// Of an odd number modulo 2³², by Newton's method: each step doubles the bits that are right.
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

    /// The one byte that makes the header check again, and the frame behind it.
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
