// Times the steps of one contestant in one row, over all its rounds.
//
// Steps are made ready block by block: keys, values and what a read must give are there before a step begins. Whether
// making them counts is the row's choice: where it does not, an engine's background threads get that time for nothing, so
// rows that ask what an engine keeps up count it, and rows that ask how long a call takes do not.
//
// Quick steps are timed one in sixteen, so that reading the clock does not outweigh them; the time between two of those is
// looked at too, so that no pause is missed. Which ones is left to chance: every sixteenth record of 128 bytes, say, begins
// a page, and pays for it. What reading the clock costs is taken off.

import CPeers
import Foundation
import Histogram

/// Nanoseconds that only go forward.
enum Clock {
    @inline(__always)
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// What one reading costs, in nanoseconds: the quickest of many tries.
    static let cost: Double = {
        var best = Double.infinity
        for _ in 0..<50 {
            let start = now()
            for _ in 0..<199 { _ = now() }
            best = min(best, Double(now() - start) / 200)
        }
        return best
    }()

    /// What putting and timing one step costs when the engine does nothing, in nanoseconds. It is part of every figure.
    static func harnessCost() throws -> Double {
        final class Nothing: Engine {
            func put(_ entry: Entry) throws {}
            func put(_ batch: [Entry]) throws {}
            func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool { false }
            func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {}
            func close() throws {}
        }
        let tally = Tally()
        let model = Model(keys: 1_000, values: Values(size: 100))
        let engine: any Engine = Nothing()
        for _ in 0..<9 {
            tally.beginTurn()
            try tally.run(20_000, on: engine, model.values) { .put(model.write($0 % 1_000)) }
            tally.endTurn()
        }
        return Spread(tally.rounds).low
    }
}

/// One step of a workload, ready to be done.
enum Step: Sendable {
    case put(Entry)
    case batch([Entry])
    /// Reads the key and compares the value with this version.
    case get(Key, UInt32)
    /// Reads, compares, writes.
    case readModifyWrite(UInt32, Entry)

    /// Entries written or read: what the figures count.
    var units: Int {
        if case .batch(let entries) = self { return entries.count }
        return 1
    }

    @inline(__always)
    func perform(_ engine: any Engine, _ values: Values) throws {
        switch self {
        case .put(let entry): try engine.put(entry)
        case .batch(let entries): try engine.put(entries)
        case .get(let key, let version): try Self.read(engine, values, key, version)
        case .readModifyWrite(let version, let entry):
            try Self.read(engine, values, entry.key, version)
            try engine.put(entry)
        }
    }

    private static func read(_ engine: any Engine, _ values: Values, _ key: Key, _ version: UInt32) throws {
        let found = try engine.get(key) { try values.check($0, key.number, version: version) }
        guard found else { throw Failure("key \(key.number) was written and is not there") }
    }
}

/// The middle of some numbers, and how far they spread.
struct Spread: Codable, Sendable, Equatable {
    let median: Double
    let low: Double
    let high: Double

    init(_ values: [Double]) {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        if sorted.isEmpty {
            median = .nan
        } else {
            median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        }
        low = sorted.first ?? .nan
        high = sorted.last ?? .nan
    }
}

/// What was measured of one contestant in one row.
final class Tally {
    /// Latencies of the timed steps in nanoseconds, three digits exact, up to an hour.
    private(set) var latencies = Tally.empty
    /// The median latency of each round; nil where fewer than 20 were timed.
    private(set) var medians: [Double?] = []
    /// The longest step, or, between two timed ones, the longest time in which a longer one could hide.
    private(set) var longest = 0.0
    /// Nanoseconds for one unit, round by round.
    private(set) var rounds: [Double] = []
    private(set) var units = 0
    /// Whether a turn ended because its time was over before its work.
    private(set) var endedEarly = false

    /// Syncs the process has asked for in all turns; nil where they cannot be counted.
    private(set) var syncs: Int?

    private static var empty: Histogram<UInt32> {
        Histogram(highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)
    }

    private var turnLatencies = Tally.empty
    private var chance = SplitMix64(seed: 0)
    private var turnNanoseconds = 0.0
    private var turnUnits = 0
    private var syncsBefore = 0

    func beginTurn() { (turnNanoseconds, turnUnits, syncsBefore) = (0, 0, peers_syncs()) }

    func endTurn() {
        rounds.append(turnNanoseconds / Double(max(1, turnUnits)))
        units += turnUnits
        medians.append(turnLatencies.totalCount < 20 ? nil : Double(turnLatencies.valueAtPercentile(50)))
        latencies.add(turnLatencies)
        turnLatencies.reset()
        if syncsBefore >= 0 { syncs = (syncs ?? 0) + peers_syncs() - syncsBefore }
    }

    /// How a turn's steps are timed.
    struct Timing {
        /// How many steps, on average, for one that is timed by itself.
        var stride = 16
        /// Steps made ready at a time.
        var blockSize = 256
        /// Whether making keys and values counts.
        var countsMaking = false
        /// The turn ends after so many seconds, finished or not.
        var seconds = Double.infinity
        /// Whether the turn is meant to end by time.
        var endsByTime = false

        /// Steps that are slow enough to time each of them.
        static let slow = Timing(stride: 1, blockSize: 16)
    }

    /// Does `count` steps, or as many as there is time for.
    func run(_ count: Int, _ timing: Timing = .init(), on engine: any Engine, _ values: Values, _ step: (Int) -> Step)
        throws
    {
        var done = 0
        var block: [Step] = []
        block.reserveCapacity(timing.blockSize)
        while done < count {
            let start = Clock.now()
            block.removeAll(keepingCapacity: true)
            for index in done..<min(count, done + timing.blockSize) { block.append(step(index)) }
            let making = Double(Clock.now() - start)
            turnNanoseconds += try time(block, timing.stride, engine, values) + (timing.countsMaking ? making : 0)
            for step in block { turnUnits += step.units }
            done += block.count
            if turnNanoseconds > timing.seconds * 1e9, done < count {
                endedEarly = endedEarly || !timing.endsByTime
                return
            }
        }
    }

    private func time(_ block: [Step], _ stride: Int, _ engine: any Engine, _ values: Values) throws -> Double {
        let start = Clock.now()
        var readings = 1
        var gap = start
        var index = 0
        while index < block.count {
            let timed = Clock.now()
            record(gap: Double(timed - gap) - Clock.cost)
            try block[index].perform(engine, values)
            gap = Clock.now()
            record(Double(gap - timed) - Clock.cost)
            readings += 2
            // From 1 to 2 stride - 1: stride on average.
            let end = min(block.count, index + (stride == 1 ? 1 : 1 + chance.below(2 * stride - 1)))
            index += 1
            while index < end {
                try block[index].perform(engine, values)
                index += 1
            }
        }
        let end = Clock.now()
        record(gap: Double(end - gap) - Clock.cost)
        return max(0, Double(end - start) - Double(readings) * Clock.cost)
    }

    private func record(_ nanoseconds: Double) {
        turnLatencies.record(UInt64(max(0, nanoseconds)))
        longest = max(longest, nanoseconds)
    }

    private func record(gap nanoseconds: Double) { longest = max(longest, nanoseconds) }

    /// Nanoseconds of this turn so far.
    var soFar: Double { turnNanoseconds }

    /// Something else that was timed as a whole: an opening, a scan, many callers at once.
    func add(nanoseconds: Double, units: Int) {
        turnNanoseconds += nanoseconds
        turnUnits += units
    }

    /// One whole step, timed by the caller.
    func add(latency nanoseconds: Double) { record(nanoseconds) }

    /// Nil where so few were timed that nothing lies beyond the percentile.
    func latency(_ percentile: Double) -> Double? {
        guard Double(latencies.totalCount) * (100 - percentile) >= 99.99 else { return nil }
        return Double(latencies.valueAtPercentile(percentile))
    }
}
