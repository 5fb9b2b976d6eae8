import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

@Suite struct WALScanTests {
    /// A database with a table, and its connection, which never checkpoints by itself.
    private func database(_ folder: TemporaryFolder) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        return connection
    }

    private func scan(_ bytes: [UInt8]) throws -> WALScan? {
        let folder = try TemporaryFolder()
        try writeFile(folder("w"), bytes)
        return WALScan.file(folder("w"))
    }

    private func wal(_ folder: TemporaryFolder) throws -> [UInt8] {
        try #require(Files.contents(folder("a.db-wal"), limit: 1 << 30) as [UInt8]?)
    }

    @Test func wholeWALHasNothingToDiscard() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for _ in 0..<5 { try connection.execute("INSERT INTO t VALUES(zeroblob(6000))") }
        let bytes = try wal(folder)
        #expect(WALScan.file(folder("a.db-wal")) == WALScan(committedBytes: bytes.count))
        connection.close()
    }

    @Test func nothingThereIsNothingToScan() throws {
        let folder = try TemporaryFolder()
        #expect(WALScan.file(folder("none")) == nil)
        #expect(try scan([]) == nil)
        #expect(try scan([UInt8](repeating: 0, count: 31)) == nil)
        #expect(try scan([UInt8](repeating: 0, count: 10_000)) == nil, "grown ahead, never used")
    }

    /// Frames of the generation before a restart keep their old salts: no part of the log, and nothing lost.
    @Test func framesOfTheGenerationBeforeAreNoLoss() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for _ in 0..<6 { try connection.execute("INSERT INTO t VALUES(zeroblob(6000))") }
        let before = try wal(folder).count
        try connection.checkpointSQLite()
        try connection.execute("INSERT INTO t VALUES(1)")
        let bytes = try wal(folder)
        #expect(bytes.count == before, "the file keeps its size")
        let scan = try #require(WALScan.file(folder("a.db-wal")))
        #expect(scan.committedBytes > 32 && scan.committedBytes < before)
        #expect(scan.discardedBytes == 0 && scan.reason == "")
        connection.close()
    }

    @Test func zerosBehindTheLastFrameAreNoLoss() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        let bytes = try wal(folder)
        connection.close()
        for zeros in [1, 7, 8, 9, 16, 24, 4_119, 4_120, 100_000] {
            let found = try scan(bytes + [UInt8](repeating: 0, count: zeros))
            #expect(found == WALScan(committedBytes: bytes.count), "\(zeros) zeros")
        }
    }

    @Test func everyTornFrameOfTheLastTransactionIsReported() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        try connection.execute("INSERT INTO t VALUES(1)")
        let bytes = try wal(folder)
        connection.close()
        let start = try #require(framesOf(bytes).dropLast().last?.end)
        for at in start..<bytes.count where !(start + 8..<start + 16).contains(at) && at % 5 == 0 {
            var altered = bytes
            altered[at] ^= 1
            // One byte is repaired; a second one in another word is not.
            altered[at < start + 2_000 ? at + 1_000 : at - 1_000] ^= 1
            let found = try #require(try scan(altered))
            #expect(found.committedBytes == start && found.discardedBytes == bytes.count - start, "byte \(at)")
            #expect(found.repairs.isEmpty && !found.isRotten && found.breakOffset == start, "byte \(at)")
        }
    }

    @Test func brokenHeaderIsReportedWithAllThatHangsOnIt() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        let bytes = try wal(folder)
        connection.close()
        for at in 0..<32 {
            var altered = bytes
            altered[at] ^= 0x10
            altered[(at + 9) % 32] ^= 0x40
            let found = try #require(try scan(altered))
            #expect(found.committedBytes == 0 && found.discardedBytes == bytes.count, "byte \(at)")
            #expect(found.reason.contains("header"))
        }
    }

    // MARK: Rot

    /// One altered byte, in header, salts, sums or page: what was written is found again, or nothing is done about it
    /// where the sums do not tell. Never is another byte changed.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func oneAlteredByteIsFoundAgain(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for _ in 0..<6 { try connection.execute("INSERT INTO t VALUES(randomblob(3000))") }
        let bytes = try wal(folder)
        connection.close()
        var missed = 0
        for round in 0..<400 {
            let at = round < 200 ? round : Int.random(in: 0..<bytes.count, using: &random)
            var altered = bytes
            altered[at] ^= UInt8.random(in: 1...255, using: &random)
            let found = try #require(try scan(altered))
            if found.repairs.isEmpty && (at >= 56 || (32..<40).contains(at)) && at % 4 >= 2 {
                // The high bytes of the words that are summed up.
                missed += 1
                continue
            }
            #expect(
                found.repairs == [.init(offset: at, found: altered[at], written: bytes[at])], "byte \(at), seed \(seed)"
            )
            #expect(found.committedBytes == bytes.count && found.discardedBytes == 0, "byte \(at), seed \(seed)")
        }
        #expect(missed < 150, "of 400, seed \(seed)")
    }

    /// A frame of which the last bytes, or the middle, are still what was there before may look as if one byte of it, or of
    /// its sums, had altered. What is repaired then is what was written, or nothing.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func tornFramesAreNotMadeWhole(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for _ in 0..<4 { try connection.execute("INSERT INTO t VALUES(randomblob(3000))") }
        let bytes = try wal(folder)
        connection.close()
        let start = bytes.count - 4_120
        func play(_ altered: [UInt8], _ what: String) throws {
            let found = try #require(try scan(altered))
            var mended = altered
            for repair in found.repairs { mended[repair.offset] = repair.written }
            #expect(mended[..<found.committedBytes] == bytes[..<found.committedBytes], "\(what), seed \(seed)")
        }
        for end in (bytes.count - 24..<bytes.count).reversed() + Array(start + 8..<start + 25) {
            for before: UInt8 in [0, 0xff, UInt8.random(in: 1...254, using: &random)] {
                var altered = bytes
                for at in end..<bytes.count { altered[at] = before }
                try play(altered, "torn at \(end - start)")
                // Only a few bytes differ: the rest was the same before.
                altered = bytes
                for at in end..<min(bytes.count, end + Int.random(in: 1...4, using: &random)) {
                    altered[at] = UInt8.random(in: 0...255, using: &random)
                }
                try play(altered, "other bytes from \(end - start) on")
            }
        }
        // Two bytes of one word whose difference carries from one to the next.
        for word in Array(stride(from: start + 24, to: bytes.count, by: 100)) + [bytes.count - 8, bytes.count - 4] {
            for shift in [0, 8, 16] {
                var altered = bytes
                let value = altered[word..<word + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                let other = value &+ 1 << UInt32(shift)
                for byte in 0..<4 { altered[word + byte] = UInt8(truncatingIfNeeded: other >> UInt32(8 * byte)) }
                try play(altered, "one more in byte \(shift / 8) of the word at \(word - start)")
            }
        }
    }

    @Test func bytesInSeveralFramesAreFoundAgain() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for _ in 0..<6 { try connection.execute("INSERT INTO t VALUES(randomblob(3000))") }
        let bytes = try wal(folder)
        connection.close()
        let ends = framesOf(bytes).map(\.end)
        var altered = bytes
        var places: [Int] = []
        for end in ends { places.append(end - 80) }
        for at in places { altered[at] ^= 0x20 }
        let found = try #require(try scan(altered))
        #expect(found.repairs.map(\.offset) == places && found.committedBytes == bytes.count)
    }

    /// Two transactions that link behind a break are proof; one is not, and neither is the generation before.
    @Test func linkedTransactionsBehindABreakAreProof() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for number in 0..<8 { try connection.execute("INSERT INTO t VALUES(\(number))") }
        let bytes = try wal(folder)
        let frames = framesOf(bytes)
        connection.close()
        for (index, frame) in frames.enumerated() {
            for (from, count) in [(24 + 512, 512), (0, 24), (8, 8), (0, 4_120)] {
                var altered = bytes
                let start = frame.end - 4_120
                for at in start + from..<start + from + count { altered[at] = UInt8(truncatingIfNeeded: at &* 37) }
                let found = try #require(try scan(altered))
                let behind = frames[(index + 1)...].filter(\.commits).count
                // The frame behind one that lost its sum has nothing to link to.
                let linked = from == 0 ? behind - 1 : behind
                #expect(found.isRotten == (linked >= 2), "frame \(index), bytes \(from) to \(from + count)")
                let committed = frames[..<index].last(where: \.commits)?.end ?? 32
                #expect(found.committedBytes == committed, "frame \(index)")
                #expect(!found.isRotten || found.breakOffset == start)
                #expect(!found.isRotten || found.discardedBytes == bytes.count - found.committedBytes)
            }
        }
    }

    /// With whole sectors a transaction ends with its last frame once more, marked as a commit again: one transaction, so
    /// no proof. The next one is.
    @Test func paddingIsNoTransactionOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil, paranoidSectors: true)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        let start = try wal(folder).count
        try connection.execute("INSERT INTO t VALUES(randomblob(9000))")
        let one = try wal(folder)
        try connection.execute("INSERT INTO t VALUES(1)")
        let two = try wal(folder)
        connection.close()
        let commits = framesOf(one).filter { $0.end > start && $0.commits }.count
        #expect(commits == 2, "a commit and its padding")
        func torn(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for at in start + 600..<start + 1_100 { bytes[at] = 0x5a }
            return bytes
        }
        let last = try #require(try scan(torn(one)))
        #expect(last.commitsLinked == 1 && !last.isRotten && last.committedBytes == start)
        let followed = try #require(try scan(torn(two)))
        #expect(followed.commitsLinked == 2 && followed.isRotten)
    }

    /// A power cut while SQLite writes the header anew may leave zeros in its place, over frames that are in the database.
    @Test func zeroedHeaderOverFramesIsReportedAndIsNoProof() throws {
        let folder = try TemporaryFolder()
        let connection = try database(folder)
        for number in 0..<4 { try connection.execute("INSERT INTO t VALUES(\(number))") }
        var bytes = try wal(folder)
        connection.close()
        for at in 0..<32 { bytes[at] = 0 }
        let found = try #require(try scan(bytes))
        #expect(!found.isRotten && found.committedBytes == 0)
        #expect(found.discardedBytes == bytes.count && found.reason.contains("header"))
    }

    /// What crashes leave, one upon the other: each loses some sectors of the transaction that was being written, and the
    /// next start goes on before what is left of it. Never is that taken for rot, and nothing that was synced is touched.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func crashesAreNoProof(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        var synced = try database(folder)
        for _ in 0..<60 {
            // The next commit begins the WAL anew, now and then.
            if Int.random(in: 0..<8, using: &random) == 0 { try synced.checkpointSQLite() }
            // One transaction of some frames; before it everything is on the disk.
            let rows = Int.random(in: 1...3, using: &random)
            for _ in 0..<Int.random(in: 1...3, using: &random) where Bool.random(using: &random) {
                try synced.execute("INSERT INTO t VALUES(1)")
            }
            let acknowledged = try wal(folder)
            try synced.execute("INSERT INTO t VALUES(randomblob(\(rows * 3_000)))")
            let after = try wal(folder)
            synced.close()
            // Sectors of the last transaction reach the disk or not. A new header is synced before the frames.
            var torn = after
            for sector in stride(from: 0, to: after.count, by: 512) where Bool.random(using: &random) {
                for at in max(32, sector)..<min(sector + 512, after.count) {
                    torn[at] = at < acknowledged.count ? acknowledged[at] : 0
                }
            }
            try writeFile(folder("a.db-wal"), torn)
            unlink(folder("a.db-shm"))
            let found = WALScan.file(folder("a.db-wal"))
            #expect(found?.isRotten != true, "seed \(seed)")
            if let found, !found.repairs.isEmpty {
                // The rare frame of which only one byte had not arrived: it is as it was written.
                for repair in found.repairs { #expect(after[repair.offset] == repair.written, "seed \(seed)") }
            }
            synced = try SQLiteConnection(folder("a.db"), .readWrite, vfs: nil)
            try synced.configureForWriting()
        }
        synced.close()
    }
}
