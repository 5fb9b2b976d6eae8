// The changes of a drill: which there are, and the value each must have.
//
// A writer makes its changes one after the other, number 1, 2, 3, …, and begins none before the last is answered. The
// value follows from seed, writer and number alone, so that whoever knows the seed knows what must be in the store.
// Odd numbers ask for `.power`, even ones for `.process`: half and half.

import Backstay

/// One change of one writer.
struct Change: Hashable, Sendable, CustomStringConvertible {
    var writer: Int
    var number: Int

    init(writer: Int, number: Int) {
        self.writer = writer
        self.number = number
    }

    /// The change whose key it is; nil for a key no writer makes.
    init?(key: String) {
        guard key.utf8.first == UInt8(ascii: "w"), let slash = key.utf8.firstIndex(of: UInt8(ascii: "/")),
            let writer = Int(key[..<slash].dropFirst()), let number = Int(key[slash...].dropFirst()),
            writer >= 0, number > 0, key == "w\(writer)/\(number)"
        else { return nil }
        self.init(writer: writer, number: number)
    }

    var key: String { "w\(writer)/\(number)" }
    var durability: Durability { number % 2 == 1 ? .power : .process }
    var description: String { key }

    /// What the key is set to.
    func value(seed: UInt64) -> ChangeValue {
        var random = SeededRandom(seed: seed, stream: UInt64(writer) << 32 | UInt64(number))
        let bits = random.next()
        guard number % 4 != 0 else { return .int(Int(truncatingIfNeeded: bits)) }
        // Mostly small; now and then more than a page.
        let length = number % 64 == 1 ? 5_000 : Int(bits % 200)
        var text = Array("\(key):".utf8)
        while text.count < length {
            var bits = random.next()
            for _ in 0..<8 {
                // Printable, and no space: one word of a line.
                text.append(UInt8(ascii: "0") + UInt8(bits & 63))
                bits >>= 8
            }
        }
        return .text(String(decoding: text, as: UTF8.self))
    }
}

enum ChangeValue: Hashable, Sendable {
    case int(Int)
    case text(String)

    /// One word, the same for equal values only.
    var word: String {
        switch self {
        case .int(let number): "int:\(number)"
        case .text(let text): "text:\(text)"
        }
    }
}

/// Random numbers that come again with the same seed.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64, stream: UInt64 = 0) {
        state = seed
        state = next() ^ stream
        state = next()
    }

    /// A stream for a name, so that each scenario draws the same numbers whether or not others run before it.
    init(seed: UInt64, name: String) {
        // FNV-1a; Swift's own hashes differ from run to run.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.init(seed: seed, stream: hash)
    }

    /// SplitMix64: https://prng.di.unimi.it/splitmix64.c
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }
}
