// The hash index: one shard against a dictionary with hashes made to collide, growth, and the hash itself.

import TestSupport
import Testing

@testable import Backstay

@Suite struct KeyIndexTests {
    /// Entries as the tree would make them, freed with it.
    private final class Entries {
        private let tree = OrderedTree()

        func make(_ key: [UInt8]) -> OrderedTreeEntry {
            key.withUnsafeBytes { key in
                tree.makeEntry(key: key, kind: 1, value: UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }

        func free(_ entry: OrderedTreeEntry) { tree.free(entry) }
    }

    private static func find(_ shard: KeyIndex.Shard, _ hash: UInt64, _ key: [UInt8]) -> KeyIndex.Shard.Place? {
        key.withUnsafeBytes { shard.find(hash, $0) }
    }

    /// A hash that puts keys into few places: at the table's end, so that they run over it, and some in the middle.
    private static func crowded(_ number: Int) -> UInt64 {
        let homes: [UInt64] = [0xFFFF_F << 44, 0xFFFF_E << 44, 0x0000_0 << 44, 0x7FFF_F << 44, 0x0000_1 << 44]
        return homes[number % homes.count] | UInt64(number) << 6
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func shardWithCollidingHashesMatchesDictionary(seed: UInt64) {
        let index = KeyIndex(), shard = index.shard(0), entries = Entries()
        defer { index.deallocate() }
        var random = SplitMix64(seed: seed)
        var model: [Int: OrderedTreeEntry] = [:]
        var problems: [String] = []
        for step in 0..<6_000 {
            let number = random.below(200)
            let key = orderedTreeDigits(number, width: 3 + number % 18), hash = Self.crowded(number)
            let place = Self.find(shard, hash, key)
            if place?.entry.base != model[number]?.base { problems.append("seed \(seed) step \(step): wrong entry") }
            // Grows, shrinks, grows: runs become long and short again.
            if let place {
                if random.below(10) < (step % 2_000 < 1_000 ? 2 : 8) {
                    shard.remove(place)
                    entries.free(model.removeValue(forKey: number)!)
                } else {
                    let entry = entries.make(key)
                    place.replace(entry)
                    entries.free(model.updateValue(entry, forKey: number)!)
                }
            } else if random.below(10) < (step % 2_000 < 1_000 ? 8 : 2) {
                let entry = entries.make(key)
                shard.insert(hash, entry)
                model[number] = entry
            }
            if shard.count != model.count { problems.append("seed \(seed) step \(step): wrong count") }
        }
        for (number, entry) in model {
            let key = orderedTreeDigits(number, width: 3 + number % 18)
            if Self.find(shard, Self.crowded(number), key)?.entry.base != entry.base {
                problems.append("lost \(number)")
            }
        }
        // Only now: a search may look at any of them.
        for entry in model.values { entries.free(entry) }
        #expect(problems == [])
    }

    /// More slots than the bits of the hash in a slot can tell apart, which the store reaches at 50 million keys.
    @Test func shardBeyondAMillionSlotsFindsAndRemoves() {
        let index = KeyIndex(), shard = index.shard(0), entries = Entries()
        defer { index.deallocate() }
        let count = 800_000
        func key(_ number: Int) -> [UInt8] { orderedTreeDigits(number, width: 8) }
        func hash(_ key: [UInt8]) -> UInt64 { key.withUnsafeBytes { index.hash($0) } }
        for number in 0..<count { shard.insert(hash(key(number)), entries.make(key(number))) }
        #expect(shard.capacity == 1 << 21)
        var missing = 0
        for number in 0..<count {
            guard let place = Self.find(shard, hash(key(number)), key(number)) else {
                missing += 1
                continue
            }
            let entry = place.entry
            shard.remove(place)
            entries.free(entry)
        }
        #expect(missing == 0 && shard.count == 0 && shard.capacity == 8)
    }

    @Test func shardsGrowAndShrinkAndAgreeWithTheirKeys() {
        let index = KeyIndex(), entries = Entries()
        defer { index.deallocate() }
        let empty = index.memoryBytes
        #expect(empty <= 16 << 10, "an empty index stays small")
        var made: [OrderedTreeEntry] = []
        for number in 0..<20_000 {
            let entry = entries.make(orderedTreeDigits(number))
            let hash = index.hash(entry.key)
            index.shard(hash).insert(hash, entry)
            made.append(entry)
        }
        #expect(index.count == 20_000 && index.checkInvariants() == [])
        // Slots of 8 bytes, at least three eighths of them taken.
        #expect(index.memoryBytes <= empty + 20_000 * 8 * 8 / 3 * 5 / 4)
        index.reserve(100_000)
        #expect(index.count == 20_000 && index.checkInvariants() == [])
        for entry in made {
            let hash = index.hash(entry.key)
            if let place = index.shard(hash).find(hash, entry.key) { index.shard(hash).remove(place) }
            entries.free(entry)
        }
        #expect(index.count == 0 && index.memoryBytes <= 2 * empty && index.checkInvariants() == [])
    }

    @Test func hashTellsKeysApart() {
        let hash = KeyHash(secret: 0x1234_5678_9ABC_DEF0, 0x0FED_CBA9_8765_4321)
        func of(_ key: [UInt8]) -> UInt64 { key.withUnsafeBytes { hash.hash($0) } }
        var seen: Set<UInt64> = []
        var count = 0
        // Every length up to three blocks, with one byte changed in every place; and runs of equal bytes.
        for length in 1...50 {
            let plain = [UInt8](repeating: 7, count: length)
            for place in 0..<length {
                var key = plain
                key[place] = 8
                seen.insert(of(key))
                count += 1
            }
            for byte in [0, 7, 255] as [UInt8] {
                seen.insert(of([UInt8](repeating: byte, count: length)))
                count += 1
            }
        }
        for number in 0..<10_000 {
            seen.insert(of(orderedTreeDigits(number)))
            count += 1
        }
        #expect(seen.count == count)
        let shards = Set((0..<1_000).map { of(orderedTreeDigits($0)) & 63 })
        let homes = Set((0..<1_000).map { of(orderedTreeDigits($0)) >> 58 })
        #expect(shards.count == 64 && homes.count == 64, "low and high bits spread")
        #expect(of([1, 2, 3]) != [1, 2, 3].withUnsafeBytes { (key: UnsafeRawBufferPointer) in KeyHash().hash(key) })
    }

    @Test func hashStaysInsideTheKey() {
        let hash = KeyHash(secret: 1, 2)
        for length in 1...70 {
            // A block of exactly that length: reading past it is what the address sanitizer would see.
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
            defer { block.deallocate() }
            block.initializeMemory(as: UInt8.self, repeating: 3)
            let copy = [UInt8](repeating: 3, count: length)
            #expect(copy.withUnsafeBytes { hash.hash($0) } == hash.hash(UnsafeRawBufferPointer(block)))
        }
    }
}
