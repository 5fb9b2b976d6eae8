// Random numbers that a seed repeats, and YCSB's choice of keys.

import Foundation

/// SplitMix64: https://prng.di.unimi.it/splitmix64.c
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `limit`.
    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    /// From 0 up to, not including, 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// Zipf's distribution by the method of Gray et al., "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994),
/// as YCSB's ZipfianGenerator does it.
struct Zipfian: Sendable {
    /// YCSB's constant.
    static let theta = 0.99
    private let items: Double
    private let zeta: Double
    private let eta: Double

    /// - Parameter zeta: the sum of 1/i^theta over all items, where it is known.
    init(items: Int, zeta known: Double? = nil) {
        self.items = Double(items)
        zeta = known ?? Self.zeta(items)
        eta = (1 - pow(2 / Double(items), 1 - Self.theta)) / (1 - Self.zeta(2) / zeta)
    }

    static func zeta(_ items: Int) -> Double {
        var sum = 0.0
        for item in 1...items { sum += 1 / pow(Double(item), theta) }
        return sum
    }

    /// 0 is the most frequent.
    func next(_ random: inout SplitMix64) -> Int {
        let unit = random.unit()
        let scaled = unit * zeta
        if scaled < 1 { return 0 }
        if scaled < 1 + pow(0.5, Self.theta) { return 1 }
        return Int(items * pow(eta * unit - eta + 1, 1 / (1 - Self.theta)))
    }
}

/// YCSB's ScrambledZipfianGenerator: a zipfian over 10^10 items, hashed, so that the frequent keys lie apart.
struct ScrambledZipfian: Sendable {
    /// YCSB's own numbers.
    private static let zipfian = Zipfian(items: 10_000_000_000, zeta: 26.46902820178302)
    let items: Int

    func next(_ random: inout SplitMix64) -> Int {
        Int(Self.hash(UInt64(Self.zipfian.next(&random))) % UInt64(items))
    }

    /// 64-bit FNV-1a over the number's bytes, and its absolute value, as YCSB's `Utils.fnvhash64` has it.
    static func hash(_ number: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            hash = (hash ^ ((number >> shift) & 0xFF)) &* 1_099_511_628_211
        }
        return Int64(bitPattern: hash).magnitude
    }
}

/// Every number below `count` once, in a scattered order, without a table.
struct Scattered: Sendable {
    let count: Int
    private let step: Int

    init(_ count: Int) {
        self.count = count
        // Near the golden ratio, so that neighbours lie far apart; no common divisor, so that all are met.
        var step = max(1, Int(Double(count) * 0.618_033_988_749_895))
        while Self.divisor(step, count) != 1 { step += 1 }
        self.step = step
    }

    subscript(_ index: Int) -> Int { Int((UInt64(index) * UInt64(step)) % UInt64(count)) }

    private static func divisor(_ first: Int, _ second: Int) -> Int {
        second == 0 ? first : divisor(second, first % second)
    }
}
