// What the tests of the ordered tree share: calls with byte arrays, random numbers with a seed, keys of many shapes.

import TestSupport
@testable import Backstay

import SystemC

typealias OrderedTreeBytes = [UInt8]

struct OrderedTreeValue: Equatable {
    var kind: UInt8
    var bytes: [UInt8]
}

extension OrderedTree {
    func set(_ key: [UInt8], _ value: [UInt8], kind: UInt8 = 0) {
        key.withUnsafeBytes { key in value.withUnsafeBytes { _ = set(key: key, kind: kind, value: $0) } }
    }

    @discardableResult
    func remove(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { remove(key: $0) } }

    func value(of key: [UInt8]) -> OrderedTreeValue? {
        key.withUnsafeBytes { withValue(of: $0) { OrderedTreeValue(kind: $0, bytes: [UInt8]($1)) } }
    }
}

extension OrderedTree.View {
    func value(of key: [UInt8]) -> OrderedTreeValue? {
        key.withUnsafeBytes { withValue(of: $0) { OrderedTreeValue(kind: $0, bytes: [UInt8]($1)) } }
    }

    func cursor(from key: [UInt8] = []) -> OrderedTree.Cursor { key.withUnsafeBytes { makeCursor(from: $0) } }

    /// All keys from `key` on, at most `limit`.
    func keys(from key: [UInt8] = [], limit: Int = .max) -> [[UInt8]] {
        var cursor = cursor(from: key)
        var keys: [[UInt8]] = []
        while keys.count < limit, let entry = cursor.next() { keys.append([UInt8](entry.key)) }
        return keys
    }
}

/// The order that the tree promises, without the tree.
func orderedTreeIsBelow(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    let order = memcmp(a, b, min(a.count, b.count))
    return order == 0 ? a.count < b.count : order < 0
}

extension SeededGenerator {
    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var index = 0
        while index < count {
            var word = next()
            for _ in 0..<min(8, count - index) {
                bytes[index] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                index += 1
            }
        }
        return bytes
    }
}

/// `number` in decimal, with zeros in front up to `width` digits.
func orderedTreeDigits(_ number: Int, width: Int = 16) -> [UInt8] {
    var digits = [UInt8](repeating: UInt8(ascii: "0"), count: width)
    var rest = number
    var index = width - 1
    while rest > 0, index >= 0 {
        digits[index] += UInt8(rest % 10)
        rest /= 10
        index -= 1
    }
    return digits
}

/// Shapes of keys, each of which some part of a node's search could get wrong.
enum OrderedTreeKeyShape: CaseIterable {
    case random, digits, longPrefix, prefixesOfEachOther, zeroBytes, allOnes, oneByte, longest, mixed

    /// One of about `size` keys.
    func key(_ size: Int, _ random: inout SeededGenerator) -> [UInt8] {
        let number = random.below(size)
        switch self {
        case .random:
            var bytes = SeededGenerator(seed: UInt64(number))
            return bytes.bytes(1 + number % 20)
        case .digits: return orderedTreeDigits(number)
        case .longPrefix:
            // Prefixes on both sides of what a node holds itself, with keys that end inside of them.
            let prefix = [UInt8](repeating: UInt8(ascii: "p"), count: [3, 30, 47, 48, 49, 60, 200][number % 7])
            return prefix + orderedTreeDigits(number / 7, width: 12)
        case .prefixesOfEachOther:
            return [UInt8](repeating: 7, count: 1 + number % 400) + [UInt8](0..<UInt8(number % 3))
        case .zeroBytes:
            return [UInt8](repeating: 0, count: 1 + number % 150) + (number % 4 == 0 ? [] : [UInt8(number % 5)])
        case .allOnes:
            return [UInt8](repeating: 255, count: 1 + number % 150) + (number % 4 == 0 ? [] : [254, UInt8(number % 7)])
        case .oneByte: return [UInt8(number % 256)]
        case .longest:
            var key = [UInt8](repeating: UInt8(number % 2), count: 4_096)
            key[number % 4_096] = UInt8(truncatingIfNeeded: number)
            key[4_095] = UInt8(number % 251)
            return key
        case .mixed:
            let shapes: [OrderedTreeKeyShape] = [
                .random, .digits, .longPrefix, .prefixesOfEachOther, .zeroBytes, .allOnes, .oneByte,
            ]
            return shapes[random.below(shapes.count)].key(size, &random)
        }
    }
}
