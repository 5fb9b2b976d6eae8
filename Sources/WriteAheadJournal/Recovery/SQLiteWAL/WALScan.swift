// A scan of an SQLite WAL before SQLite opens it. It tells how much of the WAL is committed, what lies after that, and
// whether a crash can have left it so.
//
// Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log. A frame counts if its salts are the header's and
// its checksum, seeded by its predecessor's, matches. Two kinds of frames are what a crash cut short: frames after the
// last commit, and a frame that begins with the right salts but does not check. SQLite drops them, and recovery reports
// how many bytes. Frames of the generation before a restart keep their old salts and are no part of the log.
//
// Two rules tell rot from a crash:
// 1. Two commits in one run of linked frames after a break prove rot.
//      A frame *links* if it has the header's salts, and its checksum, seeded by its predecessor's stored one,
//      matches. What became of that predecessor does not matter. Every commit is synced before the next begins. So
//      when the second commit was begun, everything before it was on the disk.
//      One commit proves nothing. A power cut may keep the end of the transaction that was being written and lose its
//      beginning. The part of it that later commits have not overwritten stays in the file.
//      With `psow=0` SQLite pads a transaction to whole sectors by repeating its last frame: that is the same commit.
// 2. A frame that checks after a change of one byte, and of no other byte, is that frame as it was written.
//      Chance would need 2⁴⁴ torn frames for it (WALRepair.swift). Nothing has to be proved then: the repair only
//      brings back what was written.
//
// No rule sees rot in the last transaction or two, nor in a header that no byte repairs. A power cut while the header
// is written anew looks the same. The sync mark is there for those.

/// What a scan found in one WAL.
package struct WALScan: Sendable, Equatable {
    /// One byte that is not what was written.
    package struct Repair: Sendable, Equatable {
        package var offset: Int
        package var found: UInt8
        package var written: UInt8
    }

    /// Bytes up to and including the last commit frame, with the repairs made.
    package var committedBytes = 0
    /// Bytes of this generation after `committedBytes`.
    package var discardedBytes = 0
    /// Why they are dropped; empty if there are none.
    package var reason = ""
    /// Bytes that have to be repaired for `committedBytes` to count, in order.
    package var repairs: [Repair] = []
    /// The header does not check, and is not all zeros. SQLite takes no frame then, but begins anew with the salts it
    /// finds there. Frames from before would then pass for frames of the new generation.
    package var hasBrokenHeader = false
    /// Where the first frame begins that does not check and cannot be repaired; nil if there is none.
    package var breakOffset: Int?
    /// The most commits in one run of linked frames after `breakOffset`.
    package var commitsLinked = 0

    package init(committedBytes: Int = 0, discardedBytes: Int = 0, reason: String = "") {
        self.committedBytes = committedBytes
        self.discardedBytes = discardedBytes
        self.reason = reason
    }

    /// Whether no crash can have left the file so.
    package var isRotten: Bool { commitsLinked >= 2 }

    /// The number of frames after a break whose salts are looked at before the break is taken for the log's end. A
    /// break that is rot has frames of the same generation right after it, and a clean file is not read any further.
    private static let framesAhead = 8
    /// More altered bytes than these are no longer rot of single bits.
    private static let repairsMax = 32

    /// Scans the file. Nil if it is missing, if it is empty, or if it begins with zeros and has nothing after them.
    package static func file(_ path: String) -> WALScan? {
        guard let size = Files.size(path), size > 0 else { return nil }
        guard let reader = FileReader(path) else { return nil }
        guard var bytes = reader.read(at: 0, count: min(size, WALFormat.headerBytes)) else { return nil }
        guard bytes.contains(where: { $0 != 0 }) else { return withoutHeader(reader, size) }
        guard size >= WALFormat.headerBytes else {
            return WALScan(discardedBytes: size, reason: "the SQLite WAL ends inside its header")
        }
        var scan = WALScan()
        var header = WALFormat.Header(bytes)
        if header == nil, let repair = WALRepair.header(bytes, reader, size) {
            bytes[repair.offset] = repair.written
            scan.repairs.append(repair)
            header = WALFormat.Header(bytes)
        }
        guard let header else {
            var scan = WALScan(discardedBytes: size, reason: "the header of the SQLite WAL does not check")
            scan.hasBrokenHeader = true
            return scan
        }
        scan.read(reader, size, header)
        return scan
    }

    /// Scans a file with zeros in the header's place. Whole transactions after them prove nothing: a power cut while
    /// the header is written anew may leave that. SQLite writes it anew when everything after it is in the database.
    private static func withoutHeader(_ reader: FileReader, _ size: Int) -> WALScan? {
        guard let first = reader.read(at: WALFormat.headerBytes, count: WALFormat.frameHeaderBytes),
            let header = WALFormat.Header(saltsOf: first)
        else { return nil }
        var scan = WALScan()
        scan.breakOffset = WALFormat.headerBytes
        scan.lookBehind(reader, size, header)
        guard scan.isRotten else { return nil }
        return WALScan(discardedBytes: size, reason: "the header of the SQLite WAL does not check")
    }

    private mutating func read(_ reader: FileReader, _ size: Int, _ header: WALFormat.Header) {
        let frameBytes = header.frameBytes
        committedBytes = WALFormat.headerBytes
        var sum = header.sum
        var offset = WALFormat.headerBytes
        var repairsCommitted = repairs.count
        while offset < size {
            guard var frame = reader.read(at: offset, count: min(frameBytes, size - offset)) else { break }
            if frame.count == frameBytes {
                if repairs.count < Self.repairsMax, !header.continues(frame, sum),
                    let repair = WALRepair.frame(
                        frame, next: reader.read(at: offset + frameBytes, count: frameBytes), after: sum, header)
                {
                    frame[repair.offset] = repair.written
                    repairs.append(
                        Repair(offset: offset + repair.offset, found: repair.found, written: repair.written))
                }
                if header.continues(frame, sum) {
                    sum = WALFormat.storedSum(frame)
                    offset += frameBytes
                    if WALFormat.isCommit(frame) {
                        committedBytes = offset
                        repairsCommitted = repairs.count
                    }
                    continue
                }
            }
            noteBreak(frame, offset, size, header)
            break
        }
        // What lies after the last commit is dropped anyway, repaired or not.
        repairs.removeSubrange(repairsCommitted...)
        if breakOffset != nil { lookBehind(reader, size, header) }
        // Without a reason, and without linked commits, the break is just the log's end: every log has something after
        // it.
        if reason.isEmpty && commitsLinked == 0 { breakOffset = nil }
        if discardedBytes == 0 && offset > committedBytes {
            discardedBytes = offset - committedBytes
            reason = "the SQLite WAL ends inside a transaction that was never committed"
        }
    }

    private mutating func noteBreak(_ frame: [UInt8], _ offset: Int, _ size: Int, _ header: WALFormat.Header) {
        breakOffset = offset
        // Compares as much of the salts as there is.
        guard frame.dropFirst(8).prefix(8).elementsEqual(header.salts.prefix(max(0, frame.count - 8))),
            frame.contains(where: { $0 != 0 })
        else { return }
        if frame.count < header.frameBytes {
            discardedBytes = size - committedBytes
            reason = "the SQLite WAL ends inside a frame"
        } else {
            discardedBytes = offset + frame.count - committedBytes
            reason = "a frame of the SQLite WAL at byte \(offset) is torn"
        }
    }

    /// Counts the commits that link after the break.
    private mutating func lookBehind(_ reader: FileReader, _ size: Int, _ header: WALFormat.Header) {
        guard let breakOffset else { return }
        let frameBytes = header.frameBytes
        func headOf(_ offset: Int) -> [UInt8]? {
            offset + frameBytes <= size ? reader.read(at: offset, count: WALFormat.frameHeaderBytes) : nil
        }
        var isWorthwhile = false
        for frame in 1...Self.framesAhead {
            guard let head = headOf(breakOffset + frame * frameBytes) else { break }
            isWorthwhile = isWorthwhile || header.hasSalts(head)
        }
        guard isWorthwhile else { return }
        var run = 0
        var linked: [UInt8]?
        var end = committedBytes
        guard var before = headOf(breakOffset) else { return }
        var offset = breakOffset + frameBytes
        while let head = headOf(offset) {
            if header.hasSalts(head), let frame = reader.read(at: offset, count: frameBytes),
                header.continues(frame, WALFormat.storedSum(before))
            {
                if WALFormat.isCommit(frame), !WALFormat.repeats(frame, linked) { run += 1 }
                linked = frame
                end = offset + frameBytes
            } else {
                run = 0
                linked = nil
            }
            commitsLinked = max(commitsLinked, run)
            before = head
            offset += frameBytes
        }
        guard isRotten else { return }
        discardedBytes = end - committedBytes
        reason =
            "the SQLite WAL was altered at byte \(breakOffset): transactions behind it are whole, which no crash leaves so"
    }
}
