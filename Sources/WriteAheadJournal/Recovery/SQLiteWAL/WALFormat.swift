// The layout of an SQLite WAL and its checksum, for looking at a WAL without SQLite.
//
// A frame is 24 bytes and a page. Its checksum covers the first 8 of the 24 bytes and the page, and is seeded by its
// predecessor's. The salts are not covered; they are compared with the header's.
//
// Full format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log

/// Sizes, header and frame checks of SQLite's format. All of it is on disk, and SQLite's.
enum WALFormat {
    static let headerBytes = 32
    static let frameHeaderBytes = 24

    typealias Sum = (UInt32, UInt32)

    struct Header {
        /// Whether the checksum reads its words as big-endian. All other numbers always are big-endian.
        let isBig: Bool
        let pageBytes: Int
        let salts: ArraySlice<UInt8>
        let sum: Sum

        /// Reconstructs what the header of a store's WAL was, from one of its frames; nil if the bytes are no such
        /// frame.
        init?(saltsOf frame: [UInt8]) {
            guard frame.count >= frameHeaderBytes, big(frame, 0) != 0, frame[8..<16].contains(where: { $0 != 0 }) else {
                return nil
            }
            isBig = Int(1).littleEndian != 1
            pageBytes = WALRoom.pageBytes
            salts = frame[8..<16]
            sum = (0, 0)
        }

        var frameBytes: Int { frameHeaderBytes + pageBytes }

        /// Nil if the bytes are no header, or do not check.
        init?(_ bytes: [UInt8]) {
            let magic = big(bytes, 0)
            guard magic & 0xffff_fffe == 0x377f_0682, big(bytes, 4) == 3_007_000 else { return nil }
            isBig = magic & 1 == 1
            pageBytes = Int(big(bytes, 8))
            guard pageBytes >= 512, pageBytes <= 65_536, pageBytes & (pageBytes - 1) == 0 else { return nil }
            salts = bytes[16..<24]
            sum = add(bytes, 0..<24, to: (0, 0), isBig)
            guard sum == (big(bytes, 24), big(bytes, 28)) else { return nil }
        }

        func hasSalts(_ frame: [UInt8]) -> Bool { frame[8..<16].elementsEqual(salts) }

        /// The checksum that a frame should have.
        func sum(of frame: [UInt8], after sum: Sum) -> Sum {
            add(frame, frameHeaderBytes..<frame.count, to: add(frame, 0..<8, to: sum, isBig), isBig)
        }

        /// Whether SQLite accepts the frame as the successor of a frame with that checksum.
        func continues(_ frame: [UInt8], _ sum: Sum) -> Bool {
            hasSalts(frame) && big(frame, 0) != 0 && self.sum(of: frame, after: sum) == storedSum(frame)
        }
    }

    static func storedSum(_ frame: [UInt8]) -> Sum { (big(frame, 16), big(frame, 20)) }

    /// Whether the frame ends a transaction: only the last one has the database's size in pages.
    static func isCommit(_ frame: [UInt8]) -> Bool { big(frame, 4) != 0 }

    /// Whether the frame is padding: the same page of the same commit once more.
    static func repeats(_ frame: [UInt8], _ before: [UInt8]?) -> Bool {
        guard let before, frame.count == before.count else { return false }
        return frame[..<8] == before[..<8] && frame[frameHeaderBytes...] == before[frameHeaderBytes...]
    }

    static func big(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
    }

    static func add(_ bytes: [UInt8], _ range: Range<Int>, to sum: Sum, _ isBig: Bool) -> Sum {
        var sum = sum
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
        return sum
    }
}
