import Testing
import WriteAheadJournal

/// Batches as they are stored, and the chain they were written on.
private struct Log {
    var position: ChainPosition
    var rows: [(first: LSN, bytes: [UInt8])] = []

    init(_ storeID: String = "store") { position = StoreFolder.origin(storeID: storeID) }

    mutating func append(_ records: [(RecordKind, [UInt8])], epoch: UInt64? = nil) {
        var batch = RecordBatch()
        for (kind, body) in records {
            let epoch = epoch ?? position.epoch
            let lsn = position.lsn.next
            let crc = batch.append(kind, lsn: lsn, after: position.chain, epoch: epoch) { $0.append(contentsOf: body) }
            position = ChainPosition(lsn: lsn, chain: crc, epoch: epoch)
        }
        batch.seal()
        rows.append((batch.first, batch.bytes))
    }

    mutating func begin(epoch: UInt64) { append([(.run, [UInt8](repeating: 1, count: 16))], epoch: epoch) }
}

private struct Seen: Equatable {
    var lsn: LSN
    var kind: RecordKind
    var epoch: UInt64
    var body: [UInt8]
}

private func read(_ rows: [(first: LSN, bytes: [UInt8])], from start: ChainPosition) throws -> (
    seen: [Seen], end: ChainPosition
) {
    var position = start
    var seen: [Seen] = []
    for row in rows {
        try row.bytes.withUnsafeBytes { bytes in
            try RecordReader.read(bytes, first: row.first, position: &position) {
                seen.append(Seen(lsn: $0.lsn, kind: $0.kind, epoch: $0.epoch, body: Array($0.body)))
            }
        }
    }
    return (seen, position)
}

private func broken(
    _ rows: [(first: LSN, bytes: [UInt8])], from start: ChainPosition = StoreFolder.origin(storeID: "store")
) -> RecordReader.Broken? {
    do { _ = try read(rows, from: start) } catch { return error as? RecordReader.Broken }
    return nil
}

@Suite struct RecordReaderTests {
    private let origin = StoreFolder.origin(storeID: "store")

    private func threeBatches() -> Log {
        var log = Log()
        log.begin(epoch: 77)
        log.append([(.bytes, [1, 2, 3]), (.changes, []), (.bytes, [UInt8](repeating: 9, count: 300))])
        log.append([(.bytes, Array("last".utf8))])
        return log
    }

    @Test func chainContinuesOverBatches() throws {
        let log = threeBatches()
        let (seen, end) = try read(log.rows, from: origin)
        #expect(end == log.position)
        #expect(seen.map(\.lsn.value) == [1, 2, 3, 4, 5])
        #expect(seen.map(\.kind) == [.run, .bytes, .changes, .bytes, .bytes])
        #expect(seen.allSatisfy { $0.epoch == 77 })
        #expect(seen[1].body == [1, 2, 3] && seen[2].body == [] && seen[3].body.count == 300)
    }

    /// No bit of a stored batch may change its meaning unseen.
    @Test func everyFlippedBitIsDetected() throws {
        let log = threeBatches()
        for (index, row) in log.rows.enumerated() {
            for bit in 0..<(row.bytes.count * 8) {
                var rows = log.rows
                rows[index].bytes[bit / 8] ^= 1 << (bit % 8)
                let found = broken(rows)
                #expect(found != nil, "row \(index), byte \(bit / 8), bit \(bit % 8)")
                if let found { #expect(found.lsn >= row.first && found.lsn <= LSN(row.first.value + 3)) }
            }
        }
    }

    @Test func truncatedBatchIsDetectedAtEveryLength() {
        let log = threeBatches()
        for length in 0..<log.rows[1].bytes.count {
            var rows = log.rows
            rows[1].bytes.removeLast(rows[1].bytes.count - length)
            #expect(broken(rows) != nil, "\(length) bytes left")
        }
    }

    @Test func trailingBytesAreDetected() {
        for extra in 1...24 {
            var rows = threeBatches().rows
            rows[1].bytes.append(contentsOf: [UInt8](repeating: 0, count: extra))
            #expect(broken(rows)?.why.contains("behind its last record") == true)
        }
    }

    @Test func emptyBatchIsDetected() {
        #expect(broken([(LSN(1), [UInt8](repeating: 0, count: 16))]) != nil)
        #expect(broken([(LSN(1), [1] + [UInt8](repeating: 0, count: 15))]) != nil)
    }

    @Test func gapInLSNIsReportedAtTheFirstMissingRecord() {
        var rows = threeBatches().rows
        rows.remove(at: 1)
        let found = broken(rows)
        #expect(found?.lsn == LSN(2))
        #expect(found?.why.contains("records are missing") == true)
    }

    @Test func swappedRowsAreDetected() {
        var log = Log()
        log.begin(epoch: 5)
        log.append([(.bytes, [1])])
        log.append([(.bytes, [2])])
        var rows = log.rows
        (rows[1].bytes, rows[2].bytes) = (rows[2].bytes, rows[1].bytes)
        #expect(broken(rows)?.lsn == LSN(2))
        rows = log.rows
        rows.swapAt(1, 2)
        #expect(broken(rows)?.lsn == LSN(2))
    }

    @Test func repeatedRowIsDetected() {
        let log = threeBatches()
        #expect(broken(log.rows + [log.rows[2]]) != nil)
        // The same bytes under the next number.
        #expect(broken(log.rows + [(LSN(6), log.rows[2].bytes)])?.lsn == LSN(6))
    }

    /// Two histories of one store, equal up to LSN 1: a row of one never passes in the other.
    @Test func rowOfAnotherEpochIsDetected() {
        var ours = Log()
        var theirs = Log()
        ours.begin(epoch: 100)
        theirs.begin(epoch: 200)
        ours.append([(.bytes, [1])])
        theirs.append([(.bytes, [1])])
        #expect(broken([ours.rows[0], theirs.rows[1]])?.lsn == LSN(2))
    }

    @Test func recordsOfAnotherStoreAreDetected() {
        #expect(broken(threeBatches().rows, from: StoreFolder.origin(storeID: "other"))?.lsn == LSN(1))
    }

    @Test func epochChangeWithoutARunRecordIsDetected() {
        var log = Log()
        log.begin(epoch: 5)
        log.append([(.bytes, [1])], epoch: 6)
        #expect(broken(log.rows)?.why.contains("without a run record") == true)
        var first = Log()
        first.append([(.bytes, [1])], epoch: 6)
        #expect(broken(first.rows)?.why.contains("without a run record") == true)
    }

    @Test func newRunBeginsANewEpoch() throws {
        var log = Log()
        log.begin(epoch: 5)
        log.begin(epoch: 6)
        log.append([(.bytes, [1])])
        #expect(try read(log.rows, from: origin).end.epoch == 6)
    }

    /// A crc over data that holds that very crc would be a constant: then any record could be swapped for another.
    @Test func maskedChainDependsOnEveryPredecessor() {
        var ends: Set<UInt32> = []
        for byte in UInt8(0)..<100 {
            var log = Log()
            log.begin(epoch: 5)
            log.append([(.bytes, [byte])])
            for _ in 0..<10 { log.append([(.bytes, [0])]) }
            ends.insert(log.position.chain)
        }
        #expect(ends.count == 100)
    }

    @Test func unknownKindAndVersionAreRefused() {
        var rows = threeBatches().rows
        rows[0].bytes[0] = 2
        #expect(broken(rows)?.why == "the batch has no valid header")
        // A record of kind 9 whose checksum is right: written by a later version.
        var batch = [UInt8](repeating: 0, count: 16) + [1, 0, 0, 0, 0, 0, 0, 0, 9]
        batch[0] = 1
        batch[4] = 1
        let crc = [UInt8(9)].withUnsafeBytes {
            RecordFormat.chain(after: origin.chain, epoch: 0, lsn: 1, content: $0)
        }
        withUnsafeBytes(of: crc.littleEndian) { batch.replaceSubrange(20..<24, with: $0) }
        #expect(broken([(LSN(1), batch)])?.why.contains("kind 9") == true)
    }

    @Test func theBodysErrorStopsTheReading() {
        struct Stop: Error {}
        var position = origin
        var count = 0
        #expect(throws: Stop.self) {
            try threeBatches().rows[0].bytes.withUnsafeBytes {
                try RecordReader.read($0, first: LSN(1), position: &position) { _ in
                    count += 1
                    throw Stop()
                }
            }
        }
        #expect(count == 1)
    }

    @Test func clearedBatchBeginsAnew() throws {
        var log = Log()
        log.begin(epoch: 4)
        var batch = RecordBatch()
        var position = log.position
        for _ in 0..<3 {
            let crc = batch.append(.bytes, lsn: position.lsn.next, after: position.chain, epoch: 4) { $0.append(7) }
            position = ChainPosition(lsn: position.lsn.next, chain: crc, epoch: 4)
            batch.seal()
            log.rows.append((batch.first, batch.bytes))
            #expect(batch.first == batch.last && batch.count == 1)
            batch.clear()
            #expect(batch.isEmpty && batch.bytes.isEmpty)
        }
        #expect(try read(log.rows, from: origin).end == position)
    }
}
