import Testing

@testable import WriteAheadJournal

@Suite struct WALScanTests {
    /// A database with a table, and its connection, which never checkpoints by itself.
    private func database(_ folder: TemporaryFolder) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(folder("a.db"), .create, vfs: nil)
        try connection.configureForWriting()
        try connection.execute("CREATE TABLE t(x)")
        return connection
    }

    private func scan(_ bytes: [UInt8]) throws -> WALScan? {
        let folder = try TemporaryFolder(inMemory: true)
        try writeFile(folder("w"), bytes)
        return WALScan.file(folder("w"))
    }

    private func wal(_ folder: TemporaryFolder) throws -> [UInt8] {
        try #require(Platform.contents(folder("a.db-wal"), limit: 1 << 30) as [UInt8]?)
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

    @Test func everyFlippedByteOfTheLastTransactionIsReported() throws {
        let folder = try TemporaryFolder(inMemory: true)
        let connection = try database(folder)
        try connection.execute("INSERT INTO t VALUES(1)")
        let bytes = try wal(folder)
        connection.close()
        let start = try #require(framesOf(bytes).dropLast().last?.end)
        for at in start..<bytes.count where !(start + 8..<start + 16).contains(at) && at % 5 == 0 {
            var altered = bytes
            altered[at] ^= 1
            let found = try #require(try scan(altered))
            #expect(found.committedBytes == start && found.discardedBytes == bytes.count - start, "byte \(at)")
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
            let found = try #require(try scan(altered))
            #expect(found.committedBytes == 0 && found.discardedBytes == bytes.count, "byte \(at)")
            #expect(found.reason.contains("header"))
        }
    }
}
