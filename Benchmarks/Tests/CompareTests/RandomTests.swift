// The numbers the workloads are made of.

import Foundation
import Testing

@testable import Compare

@Suite struct RandomTests {
    /// Reference output of https://prng.di.unimi.it/splitmix64.c for this seed.
    @Test func splitMixGivesItsReferenceNumbers() {
        var random = SplitMix64(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    /// The share of the i-th item must be 1/(i^0.99 zeta): Gray's method is exact for the first two, near for the rest.
    @Test(arguments: [100, 10_000])
    func zipfianHasItsFrequencies(_ items: Int) {
        let zipfian = Zipfian(items: items)
        let zeta = Zipfian.zeta(items)
        var random = SplitMix64(seed: 3)
        var counts = Array(repeating: 0, count: items)
        let draws = 400_000
        for _ in 0..<draws { counts[zipfian.next(&random)] += 1 }
        for (item, tolerance) in [(0, 0.02), (1, 0.03), (9, 0.2), (49, 0.3)] {
            let share = Double(counts[item]) / Double(draws)
            let expected = 1 / (pow(Double(item + 1), Zipfian.theta) * zeta)
            #expect(abs(share / expected - 1) < tolerance, "item \(item): \(share), expected \(expected)")
        }
        #expect(counts[(items / 2)...].reduce(0, +) > 0)
    }

    /// YCSB's `Utils.fnvhash64`, computed apart from this code.
    @Test(arguments: [
        (UInt64(0), UInt64(6_284_781_860_667_377_211)), (1, 8_517_097_267_634_966_620),
        (12_345, 1_792_800_413_050_876_852),
    ])
    func scramblingIsYCSBsHash(_ number: UInt64, _ hash: UInt64) {
        #expect(ScrambledZipfian.hash(number) == hash)
    }

    /// In YCSB's scrambled zipfian the hottest key has 1/26.47 of all.
    @Test func scrambledZipfianHasOneHotKeyAndStaysInside() {
        let choice = ScrambledZipfian(items: 1_000)
        var random = SplitMix64(seed: 5)
        var counts = Array(repeating: 0, count: 1_000)
        for _ in 0..<100_000 { counts[choice.next(&random)] += 1 }
        let hottest = Int(ScrambledZipfian.hash(0) % 1_000)
        #expect(counts.firstIndex(of: counts.max() ?? 0) == hottest)
        #expect(abs(Double(counts[hottest]) / 100_000 * 26.469 - 1) < 0.1)
    }

    @Test(arguments: [1, 2, 10, 97, 1_000, 65_536])
    func scatteredMeetsEveryNumberOnce(_ count: Int) {
        let scattered = Scattered(count)
        #expect(Set((0..<count).map { scattered[$0] }) == Set(0..<count))
    }

    @Test func keysAreDigitsInOrder() {
        #expect(Key(0).text == "0000000000000000")
        #expect(Key(9_876_543_210).text == "0000009876543210")
        for number in [0, 7, 99, 100, 123_456_789] {
            #expect(Key(number).withBytes { Array($0) } == Array(Key(number).text.utf8))
            #expect(Key(number).withBytes { Key.number($0) } == number)
        }
        #expect(Array("12".utf8).withUnsafeBytes { Key.number($0) } == nil)
        #expect(Array("000000000000000x".utf8).withUnsafeBytes { Key.number($0) } == nil)
    }

    @Test(arguments: [16, 100, 1_000])
    func everyByteOfAValueIsChecked(_ size: Int) {
        let values = Values(size: size)
        let value = values.make(42, version: 3)
        #expect(value.withUnsafeBytes { values.isRight($0, 42, version: 3) })
        #expect(!value.withUnsafeBytes { values.isRight($0, 42, version: 4) })
        #expect(!value.withUnsafeBytes { values.isRight($0, 43, version: 3) })
        for place in value.indices {
            var wrong = value
            wrong[place] ^= 0x10
            #expect(!wrong.withUnsafeBytes { values.isRight($0, 42, version: 3) }, "byte \(place)")
        }
    }
}
