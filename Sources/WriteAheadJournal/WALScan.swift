// A look at an SQLite WAL before SQLite opens it: how much of it is committed, and what hangs behind.
//
// Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log. A frame counts when its salts are the header's and
// its checksum, seeded by its predecessor's, matches. Frames behind the last commit, and a frame that begins with the
// right salts but does not check, are what a crash cut short: SQLite drops them, and recovery reports how many bytes.
// Frames of the generation before a restart keep their old salts and are no part of the log.

package struct WALScan: Sendable, Equatable {
    /// Bytes up to and including the last commit frame.
    package var committedBytes = 0
    /// Bytes of this generation behind it.
    package var discardedBytes = 0
    /// Why they are dropped; empty when there are none.
    package var reason = ""

    /// Scans the file; nil where it is missing, empty, or begins with zeros.
    package static func file(_ path: String) -> WALScan? {
        guard let size = Platform.size(path), size > 0 else { return nil }
        guard let reader = FileReader(path) else { return nil }
        guard let header = reader.read(at: 0, count: min(size, 32)), header.contains(where: { $0 != 0 }) else {
            return nil
        }
        guard size >= 32 else { return WALScan(discardedBytes: size, reason: "the SQLite WAL ends inside its header") }
        let broken = WALScan(discardedBytes: size, reason: "the header of the SQLite WAL does not check")
        func big(_ bytes: [UInt8], _ at: Int) -> UInt32 {
            UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
        }
        let magic = big(header, 0)
        guard magic & 0xffff_fffe == 0x377f_0682 else { return broken }
        let isBig = magic & 1 == 1
        let pageSize = Int(big(header, 8))
        guard pageSize >= 512, pageSize <= 65_536, pageSize & (pageSize - 1) == 0 else { return broken }
        var sum: (UInt32, UInt32) = (0, 0)
        func add(_ bytes: [UInt8], _ range: Range<Int>) {
            bytes.withUnsafeBytes { raw in
                var at = range.lowerBound
                while at < range.upperBound {
                    let a = raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                    let b = raw.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
                    sum.0 = sum.0 &+ (isBig ? UInt32(bigEndian: a) : UInt32(littleEndian: a)) &+ sum.1
                    sum.1 = sum.1 &+ (isBig ? UInt32(bigEndian: b) : UInt32(littleEndian: b)) &+ sum.0
                    at += 8
                }
            }
        }
        add(header, 0..<24)
        guard sum == (big(header, 24), big(header, 28)) else { return broken }

        var scan = WALScan(committedBytes: 32)
        var offset = 32
        while offset < size {
            guard let frame = reader.read(at: offset, count: min(24 + pageSize, size - offset)) else { break }
            // As much of the salts as is there.
            guard frame.dropFirst(8).prefix(8).elementsEqual(header[16..<24].prefix(max(0, frame.count - 8))),
                frame.contains(where: { $0 != 0 })
            else { break }
            guard frame.count == 24 + pageSize else {
                scan.discardedBytes = size - scan.committedBytes
                scan.reason = "the SQLite WAL ends inside a frame"
                return scan
            }
            add(frame, 0..<8)
            add(frame, 24..<frame.count)
            guard sum == (big(frame, 16), big(frame, 20)) else {
                scan.discardedBytes = offset + frame.count - scan.committedBytes
                scan.reason = "a frame of the SQLite WAL at byte \(offset) is torn"
                return scan
            }
            offset += frame.count
            if big(frame, 4) != 0 { scan.committedBytes = offset }
        }
        if offset > scan.committedBytes {
            scan.discardedBytes = offset - scan.committedBytes
            scan.reason = "the SQLite WAL ends inside a transaction that was never committed"
        }
        return scan
    }
}
