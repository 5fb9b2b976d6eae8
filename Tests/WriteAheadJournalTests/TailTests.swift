import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// The ring, against a model that knows every record ever published.
@Suite(.timeLimit(.minutes(5))) struct TailTests {
    /// At every step a reader finds behind any position that is not given up exactly what was published there, and behind
    /// one that is given up nothing that was not.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func fileHasExactlyWhatWasPublished(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let model = try ModelTail()
        var alone = 0
        for step in 0..<400 {
            try move(model, &random, &alone)
            let bytes = try model.bytes()
            for count in Set([
                model.released, model.records.count,
                Int.random(in: model.released...model.records.count, using: &random),
            ]) {
                #expect(
                    model.recovered(bytes, after: count) == model.records.count - count,
                    "behind record \(count), step \(step), seed \(seed)")
            }
            // Given up: there, or overwritten.
            let old = Int.random(in: 0...model.released, using: &random)
            let found = model.recovered(bytes, after: old)
            #expect(found != nil, "behind record \(old), step \(step), seed \(seed)")
        }
        #expect(model.laps >= 10 && alone >= 2, "\(model.laps) laps, \(alone) alone, seed \(seed)")
    }

    /// The same in private memory, where only the committer reads.
    @Test(arguments: [1_024, 4_096, 64 << 10])
    func privateMemoryGivesTheCommitterWhatWasPublished(capacity: Int) throws {
        var random = SeededGenerator(seed: UInt64(capacity))
        let model = try ModelTail(capacity: capacity, inMemory: true)
        var alone = 0
        for _ in 0..<3_000 { try move(model, &random, &alone) }
        #expect(model.laps >= 10 && alone >= 5)
    }

    /// One thing that may happen to a tail.
    private func move(_ model: ModelTail, _ random: inout SeededGenerator, _ alone: inout Int) throws {
        let most = model.tail.contentBytesMax
        let fill = UInt8.random(in: 0...255, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<12:
            let content =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: most
                case 1: most - Int.random(in: 0...16, using: &random)
                case 2: Int.random(in: 1...most, using: &random)
                default: Int.random(in: 1...max(2, most / 40), using: &random)
                }
            if try !model.append(content: content, fill: fill) {
                model.drain()
                // The largest fits into an empty ring wherever its head stands.
                #expect(try model.append(content: content, fill: fill), "\(content) bytes")
            }
        case 12..<14: model.beginCopy()
        case 14..<17: model.finishCopy()
        case 17: model.tail.cool()
        default:
            if Int.random(in: 0..<6, using: &random) == 0 {
                model.passAlone(content: Int.random(in: 1...(2 * model.tail.capacity), using: &random), fill: fill)
                alone += 1
            }
        }
    }

    /// Records that end exactly at the end of the ring, and a little before it, where no other one fits.
    @Test(arguments: [0, 8, 16, 24])
    func recordsThatMeetTheEndOfTheRing(gap: Int) throws {
        let model = try ModelTail()
        let capacity = model.tail.capacity
        for lap in 1...6 {
            var left = capacity - gap - model.head % capacity
            while left > 0 {
                let size = left > 2_000 ? 1_000 : left
                if try !model.append(content: size - 8, fill: UInt8(lap)) {
                    model.drain()
                    continue
                }
                left -= size
            }
            #expect(model.head == capacity * lap - gap)
            // The next one goes to the beginning; in between a reader meets the end, or the skip.
            for _ in 0..<2 {
                let bytes = try model.bytes()
                #expect(model.recovered(bytes, after: model.released) == model.records.count - model.released)
                model.beginCopy()
                if try !model.append(content: 100, fill: 9) {
                    model.drain()
                    #expect(try model.append(content: 100, fill: 9))
                }
            }
            let bytes = try model.bytes()
            #expect(model.recovered(bytes, after: model.released) == model.records.count - model.released)
            model.drain()
        }
    }

    /// The largest record fits where the ring is empty; a larger one is refused whatever there is.
    @Test func sizesThatFit() throws {
        let model = try ModelTail()
        let most = model.tail.contentBytesMax
        #expect(most >= model.tail.capacity / 3)
        #expect(try !model.tail.makeRoom(most + 1))
        #expect(!model.tail.hasRoom(most + 1))
        #expect(model.tail.mayHold(most + 1), "it need not wait for room: it goes straight through")
        for round in 0..<200 {
            #expect(try model.append(content: most, fill: 1), "round \(round)")
            model.drain()
        }
    }

    /// What may be given out never reaches the segment of the oldest record that is not drained.
    @Test func fullRingKeepsTheStripeOfItsOldestRecord() throws {
        let model = try ModelTail()
        for content in [40, 1_000, 4_096, 20_000] {
            while try model.append(content: content, fill: 3) {}
            #expect(!model.tail.mayHold(content))
            let bytes = try model.bytes()
            #expect(model.recovered(bytes, after: model.released) == model.records.count - model.released)
            // The same where the journal has some of it already.
            for count in stride(from: model.released, through: model.records.count, by: 7) {
                #expect(model.recovered(bytes, after: count) == model.records.count - count)
            }
            model.beginCopy()
            while try model.append(content: content, fill: 4) { Issue.record("there was no room") }
            model.finishCopy()
        }
    }

    /// After a pause, and after every second, pages are made sure of before the next store.
    @Test func coldRingHasNoRoomUntilItsPagesAreMadeSureOf() throws {
        let model = try ModelTail()
        #expect(!model.tail.hasRoom(10), "nothing was handed out yet")
        #expect(try model.append(content: 10, fill: 1))
        #expect(model.tail.hasRoom(10))
        model.tail.cool()
        #expect(!model.tail.hasRoom(10))
        #expect(try model.tail.makeRoom(10))
        #expect(model.tail.hasRoom(10))
    }
}
