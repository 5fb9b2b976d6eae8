// What an emulated drive was sent, as QEMU's driver `blklogwrites` writes it down, in the format of dm-log-writes
// (https://docs.kernel.org/admin-guide/device-mapper/log-writes.html, drivers/md/dm-log-writes.c).
//
//   sector 0   magic, version, number of entries, bytes of a sector
//   then       entries: a sector with the place, the sectors and the flags of a request; behind it what was written
//
// An entry is there before the machine is told that its request is done. The emulator may be killed while it writes one:
// the number in sector 0, which is brought up to date behind each entry, says how many are whole.

internal import Drill

struct DriveLog {
    struct Entry: Equatable {
        enum Kind: Equatable { case write, flush }

        var kind: Kind
        /// Bytes on the drive.
        var offset: Int
        /// Of the log's bytes.
        var content: Range<Int>
        /// Where in the log it begins.
        var place: Int
    }

    static let sectorBytes = 512

    private(set) var entries: [Entry] = []

    /// - Throws: `Trouble` where it is no such log.
    init(_ bytes: [UInt8]) throws(Trouble) {
        func number(_ at: Int) -> UInt64 {
            bytes[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard bytes.count >= Self.sectorBytes, number(0) == Self.magic, number(8) == 1,
            number(24) & 0xffff_ffff == Self.sectorBytes
        else { throw Trouble(description: "the drive's log is none") }
        var at = Self.sectorBytes
        for index in 0..<number(16) {
            guard at + Self.sectorBytes <= bytes.count else {
                throw Trouble(description: "the drive's log ends before entry \(index)")
            }
            let flags = number(at + 16)
            guard let sectors = Int(exactly: number(at + 8)), sectors < 1 << 32, flags & Self.discards == 0,
                let offset = Int(exactly: number(at)), offset < 1 << 40
            else { throw Trouble(description: "entry \(index) of the drive's log is no write and no flush") }
            let start = at + Self.sectorBytes
            let end = start + sectors * Self.sectorBytes
            guard end <= bytes.count else { throw Trouble(description: "the drive's log ends in entry \(index)") }
            if sectors > 0 {
                entries.append(
                    Entry(kind: .write, offset: offset * Self.sectorBytes, content: start..<end, place: at))
            }
            // A write that is itself durable is one with a flush behind it.
            if flags & (Self.flushes | Self.isDurable) != 0 {
                entries.append(Entry(kind: .flush, offset: 0, content: end..<end, place: at))
            }
            at = end
        }
    }

    private static let magic: UInt64 = 0x6a73_6677_7368_72
    private static let flushes: UInt64 = 1
    private static let isDurable: UInt64 = 2
    private static let discards: UInt64 = 4
}
