// What is made of the measured times.

import Foundation
import Testing

@testable import Compare

@Suite struct StatisticsTests {
    @Test func aSpreadIsMedianLowestHighest() {
        #expect(Spread([3, 1, 2]) == Spread([1, 2, 3]))
        #expect(Spread([3, 1, 2]).median == 2)
        #expect(Spread([4, 1, 2, 3]).median == 2.5)
        #expect((Spread([4, 1, 2]).low, Spread([4, 1, 2]).high) == (1, 4))
        #expect(Spread([]).median.isNaN)
    }

    private func tally(_ rounds: [Double]) -> Tally {
        let tally = Tally()
        for nanoseconds in rounds {
            tally.beginTurn()
            tally.add(nanoseconds: nanoseconds * 10, units: 10)
            tally.endTurn()
        }
        return tally
    }

    private let ours = Contestant(
        name: "ours", setting: "", role: .ours, guarantee: .process, abilities: [], open: { _ in LockedDictionary() })
    private let theirs = Contestant(
        name: "theirs", setting: "", role: .peer, guarantee: .process, abilities: [], open: { _ in LockedDictionary() })

    @Test func aRatioIsOfTwoTurnsOfOneRound() throws {
        let title = Title(workload: "w", name: "w", guarantee: .process, how: "")
        let row = ReportRow(title, [Figure(ours, tally([10, 20, 40])), Figure(theirs, tally([20, 60, 160]))])
        #expect(row.figures[0].ratio == nil)
        let ratio = try #require(row.figures[1].ratio)
        // 2, 3 and 4; the ratio of the medians would be 3 by chance, that of the sums 3.43.
        #expect((ratio.median, ratio.low, ratio.high) == (3, 2, 4))
        #expect(row.figures[0].perSecond == 1e9 / 20)
    }

    @Test func percentilesAreThoseOfTheLatencies() throws {
        let tally = Tally()
        tally.beginTurn()
        for latency in 1...10_000 { tally.add(latency: Double(latency) * 100) }
        tally.endTurn()
        for (percent, expected) in [(50, 500_000.0), (99, 990_000), (99.9, 999_000), (99.99, 999_900)] {
            let found = try #require(tally.latency(percent))
            #expect(abs(found / expected - 1) < 0.002, "p\(percent): \(found)")
        }
        #expect(tally.longest == 1_000_000)
    }

    @Test func noPercentileIsGivenWithoutALatencyBeyondIt() {
        let tally = Tally()
        tally.beginTurn()
        for latency in 1...100 { tally.add(latency: Double(latency)) }
        tally.endTurn()
        #expect(tally.latency(99) != nil)
        #expect(tally.latency(99.5) == nil)
        #expect(tally.latency(99.9) == nil)
    }

    /// A step of 20 ms among quick ones is the longest, wherever it lies and whether or not it was timed by itself.
    @Test(arguments: 0..<40)
    func aPauseIsSeenWhereverItLies(_ place: Int) throws {
        let engine = Sleepy(place)
        let tally = Tally()
        let model = Model(keys: 40, values: Values(size: 100))
        tally.beginTurn()
        try tally.run(40, on: engine, model.values) { .put(model.write($0)) }
        tally.endTurn()
        #expect(tally.longest >= 20e6)
        #expect(tally.rounds[0] >= 20e6 / 40)
        #expect(tally.units == 40)
    }

    @Test func aTurnEndsWhenItsTimeIsOver() throws {
        let tally = Tally()
        let model = Model(keys: 1_000, values: Values(size: 100))
        var timing = Tally.Timing.slow
        timing.seconds = 0.02
        tally.beginTurn()
        try tally.run(1_000, timing, on: Sleepy(0, 2_000), model.values) { .put(model.write($0)) }
        tally.endTurn()
        #expect(tally.endedEarly)
        #expect(tally.units < 1_000)
    }

    @Test func figuresAreReadable() {
        #expect((62.4).asTime == "62 ns")
        #expect((1_310.0).asTime == "1.31 µs")
        #expect((145_400.0).asTime == "145 µs")
        #expect((2.9e9).asTime == "2.90 s")
        #expect((999_700.0).asTime == "1.00 ms")
        #expect(Double.nan.asTime == "–")
        #expect((16_240_000.0).asCount == "16.2 M")
        #expect((8_930.0).asCount == "8,930")
        #expect(1_234_567.grouped == "1,234,567")
        #expect((0.00621).asRatio == "0.0062×")
        #expect(Spread([2, 3, 4]).asRatio == "3× (2–4)")
    }
}

/// Sleeps at one put.
private final class Sleepy: Engine, @unchecked Sendable {
    // Used by one thread.
    private let place: Int
    private let microseconds: UInt32
    private var count = 0

    init(_ place: Int, _ microseconds: UInt32 = 20_000) { (self.place, self.microseconds) = (place, microseconds) }

    func put(_ entry: Entry) throws {
        if count == place || microseconds < 20_000 { usleep(microseconds) }
        count += 1
    }

    func put(_ batch: [Entry]) throws {}
    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool { false }
    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {}
    func close() throws {}
}
