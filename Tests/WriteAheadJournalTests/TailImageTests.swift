import TestSupport
import Testing

@testable import WriteAheadJournal

/// Whatever is in the file, a start takes records that were published, in order, behind the journal's end, or none.
@Suite(.timeLimit(.minutes(5))) struct TailImageTests {
    /// A ring in its second lap, with a skip, records of all sizes, and one that went by itself, not all of it drained;
    /// and its file some records earlier.
    private func sample(seed: UInt64) throws -> (model: ModelTail, earlier: [UInt8], bytes: [UInt8]) {
        var random = SeededGenerator(seed: seed)
        let model = try ModelTail()
        var earlier: [UInt8] = []
        while model.head < 2 * model.tail.capacity {
            let content = [12, 100, 700, 3_000, 9_000][Int.random(in: 0..<5, using: &random)]
            if try !model.append(content: content, fill: UInt8(model.records.count & 0xff)) {
                model.drain()
                earlier = try model.bytes()
            }
        }
        model.drain()
        model.passAlone(content: 70_000, fill: 1)
        for number in 0..<30 { _ = try model.append(content: 10 + number * 37, fill: UInt8(number)) }
        return (model, earlier, try model.bytes())
    }

    /// What is taken behind the journal's end, wherever that is.
    private func expectPrefix(
        _ model: ModelTail, _ bytes: [UInt8], _ what: @autoclosure () -> String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for count in [model.released, model.released + 11, model.records.count] {
            let found = model.recovered(bytes, after: count)
            #expect(found != nil, "\(what()), behind record \(count)", sourceLocation: sourceLocation)
        }
    }

    @Test func flippedBitIsNeverTakenForARecord() throws {
        let (model, _, bytes) = try sample(seed: 1)
        #expect(model.recovered(bytes, after: model.released) == 30)
        var lost = 0
        // Every byte of the header's words; every 13th of the data.
        let places = Array(0..<640) + stride(from: 640, to: bytes.count, by: 13)
        for place in places {
            var bytes = bytes
            bytes[place] ^= 1 << UInt8(place % 8)
            expectPrefix(model, bytes, "byte \(place)")
            if model.recovered(bytes, after: model.released) != 30 { lost += 1 }
        }
        #expect(lost > 500, "the flips met the records: \(lost) of \(places.count)")
    }

    /// Records gone from the first byte of one of them on look as if they had never been published; the header's mark tells.
    /// A ring as it was at any moment, the one between a commit word and its mark among them, raises no alarm.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func newestRecordsThatAreGoneAreMissed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let model = try ModelTail()
        var before = try model.bytes()
        var gone = 0
        func why(_ bytes: [UInt8]) throws -> String? {
            try #require(TailImage(bytes, storeID: ModelTail.storeID)).continuation(of: model.position(model.released))
                .why
        }
        #expect(try why(before) == nil)
        while model.head < 2 * model.tail.capacity {
            let content = [2, 12, 100, 700, 3_000][Int.random(in: 0..<5, using: &random)]
            if Int.random(in: 0..<40, using: &random) == 0 { model.passAlone(content: 70_000, fill: 1) }
            guard try model.append(content: content, fill: UInt8(model.records.count & 0xff)) else {
                model.drain()
                continue
            }
            let bytes = try model.bytes()
            #expect(try why(bytes) == nil, "record \(model.records.count)")
            var unmarked = bytes
            let marks = TailFormat.highWaterOffset..<TailFormat.highWaterOffset + 32
            unmarked.replaceSubrange(marks, with: before[marks])
            #expect(try why(unmarked) == nil, "record \(model.records.count), its mark not yet stored")
            var cut = bytes
            let size = TailFormat.size(content: content)
            let place = TailFormat.headerBytes + (model.head - size) % model.tail.capacity
            cut.replaceSubrange(place..<place + size, with: repeatElement(0, count: size))
            if model.records.count > model.released {
                #expect(try why(cut) != nil, "record \(model.records.count) gone")
                gone += 1
            }
            before = bytes
        }
        #expect(gone > 50)
    }

    @Test(arguments: [512, 4_096])
    func lostSectorsAreNeverTakenForRecords(sector: Int) throws {
        let (model, earlier, bytes) = try sample(seed: 2)
        for place in stride(from: 0, to: bytes.count, by: sector) {
            for (what, other) in [
                ("zeros", [UInt8](repeating: 0, count: sector)), ("ones", [UInt8](repeating: 0xff, count: sector)),
                ("an older lap", Array(earlier[place..<(place + sector)])),
            ] {
                var bytes = bytes
                bytes.replaceSubrange(place..<(place + sector), with: other)
                expectPrefix(model, bytes, "\(what) at \(place)")
            }
        }
    }

    /// A file put together from the states of several moments, as a copy made while it was written to.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func sectorsOfSeveralMomentsAreNeverTakenForRecords(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (model, earlier, bytes) = try sample(seed: seed)
        for _ in 0..<150 {
            var mixed = bytes
            let share = Int.random(in: 2...40, using: &random)
            for place in stride(from: 0, to: bytes.count, by: 512) where Int.random(in: 0..<share, using: &random) == 0
            {
                mixed.replaceSubrange(place..<(place + 512), with: earlier[place..<(place + 512)])
            }
            expectPrefix(model, mixed, "seed \(seed)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomContentIsNoRecord(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (model, _, bytes) = try sample(seed: 3)
        for _ in 0..<60 {
            // The header stands, the anchors, too: everything they lead to is random.
            var noise = bytes
            noise.withUnsafeMutableBytes { raw in
                for place in stride(from: TailFormat.headerBytes, to: raw.count, by: 8) {
                    raw.storeBytes(of: random.next(), toByteOffset: place, as: UInt64.self)
                }
            }
            #expect(model.recovered(noise, after: model.released) == 0)
            // Lengths that might be meant, and the mark of a skip everywhere.
            noise.withUnsafeMutableBytes { raw in
                for place in stride(from: TailFormat.headerBytes, to: raw.count, by: 8) {
                    let length: UInt32 =
                        [0xffff_ffff, 0xffff_fff8, UInt32.random(in: 0...70_000, using: &random)]
                        .randomElement(using: &random) ?? 0
                    raw.storeBytes(of: length, toByteOffset: place, as: UInt32.self)
                }
            }
            #expect(model.recovered(noise, after: model.released) == 0)
        }
    }

    /// Anchors with a checksum that is right, and with words that are not.
    @Test func anchorsThatLeadNowhereAreHarmless() throws {
        let (model, _, bytes) = try sample(seed: 4)
        let next = model.position(model.released)
        for position in [0, 8, 65_528, 65_536, .max - 7, .max - 65_535, 1 << 63, 4_096] as [UInt64] {
            for lsn in [next.lsn.value + 1, next.lsn.value, 1] as [UInt64] {
                for chain in [next.chain, 0] {
                    var bytes = bytes
                    for stripe in 0..<TailFormat.stripes {
                        put(TailFormat.Anchor(position: position, lsn: lsn, chain: chain), stripe, &bytes)
                    }
                    expectPrefix(model, bytes, "position \(position), LSN \(lsn), chain \(chain)")
                }
            }
        }
    }

    private func put(_ anchor: TailFormat.Anchor, _ stripe: Int, _ bytes: inout [UInt8]) {
        let words = anchor.words(epoch: ModelTail.epoch)
        bytes.withUnsafeMutableBytes { raw in
            let place = TailFormat.anchorsOffset + stripe * TailFormat.anchorBytes
            for (index, word) in [words.0, words.1, words.2].enumerated() {
                raw.storeBytes(of: word.littleEndian, toByteOffset: place + index * 8, as: UInt64.self)
            }
        }
    }

    /// A journal whose end has another crc, LSN or epoch than the ring: of another history.
    @Test func ringThatDoesNotContinueTheJournalGivesNothing() throws {
        let (model, _, bytes) = try sample(seed: 5)
        let image = try #require(TailImage(bytes, storeID: ModelTail.storeID))
        for count in [model.released, model.released + 1, model.released + 17, model.records.count - 1] {
            let end = model.position(count)
            #expect(image.records(after: end).count == model.records.count - count)
            var other = end
            other.chain ^= 1
            #expect(image.records(after: other).isEmpty, "another chain behind record \(count)")
            other = end
            other.epoch ^= 1
            #expect(image.records(after: other).isEmpty, "another epoch behind record \(count)")
            for lsn in [end.lsn.value - 1, end.lsn.value + 1, 0, .max - 1, end.lsn.value + 1_000] as [UInt64] {
                other = end
                other.lsn = LSN(lsn)
                #expect(image.records(after: other).isEmpty, "LSN \(lsn) for \(end.lsn)")
            }
        }
    }

    @Test func otherStoresFilesAndOtherVersionsAreNoTail() throws {
        let (_, _, bytes) = try sample(seed: 6)
        #expect(TailImage(bytes, storeID: ModelTail.storeID) != nil)
        #expect(TailImage(bytes, storeID: "another store") == nil)
        for (what, capacity) in [("small", 32 << 10), ("odd", 96 << 10), ("huge", 128 << 20), ("longer", 128 << 10)] {
            var other = bytes
            let header = TailFormat.Header(epoch: ModelTail.epoch, storeID: ModelTail.storeID, capacity: capacity)
            other.replaceSubrange(0..<64, with: header.encoded)
            #expect(TailImage(other, storeID: ModelTail.storeID) == nil, "\(what)")
        }
        var other = bytes
        other[8] = 2
        #expect(TailImage(other, storeID: ModelTail.storeID) == nil, "another version")
        for length in [0, 1, 8, 64, 4_095, 4_096, bytes.count - 1] {
            #expect(TailImage(Array(bytes[..<length]), storeID: ModelTail.storeID) == nil, "\(length) bytes")
        }
        #expect(TailImage(bytes + [1, 2, 3], storeID: ModelTail.storeID) != nil, "longer than it says")
    }

    /// A run begins its ring in the file of the last one: nothing of that comes back, wherever the new one stands.
    @Test func earlierRunsRecordsAreGone() throws {
        let (old, _, stale) = try sample(seed: 7)
        let folder = try TemporaryFolder()
        try writeFile(folder("tail"), stale)
        let file = try TailFile.prepare(folder: folder.path, capacity: 64 << 10)
        let tail = try TailFile.begin(file, storeID: ModelTail.storeID, epoch: ModelTail.epoch ^ 1)
        // The same LSNs, sizes and fills as the run before: only the epoch tells them apart.
        var position = ModelTail.origin
        position.epoch ^= 1
        for record in old.records.prefix(60) where !record.isAlone {
            let content = record.bytes.count - 8
            #expect(try tail.makeRoom(content))
            let appended = tail.append(.bytes, lsn: position.lsn.next, after: position.chain, content: content) {
                $0.initializeMemory(as: UInt8.self, repeating: record.bytes[9])
            }
            position = ChainPosition(lsn: position.lsn.next, chain: appended.crc, epoch: position.epoch)
            let bytes = try #require(Files.contents(folder("tail"), limit: 1 << 20))
            let image = try #require(TailImage(bytes, storeID: ModelTail.storeID))
            var batch = RecordBatch()
            tail.release(through: tail.copy(to: &batch, after: position.lsn))
            #expect(image.records(after: position).isEmpty)
            for count in stride(from: 0, to: old.records.count, by: 9) {
                #expect(image.records(after: old.position(count)).isEmpty)
            }
        }
    }
}
