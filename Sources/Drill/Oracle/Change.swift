// The changes of a drill: which there are, and the value each must have.
//
// A writer makes its changes one after the other, number 1, 2, 3, …, and begins none before the last is answered. The
// value follows from seed, writer and number alone, so that whoever knows the seed knows what must be in the store.
// Odd numbers ask for `.power`, even ones for `.process`: half and half.

package import Backstay

/// One change of one writer.
package struct Change: Hashable, Sendable, CustomStringConvertible {
    package var writer: Int
    package var number: Int

    package init(writer: Int, number: Int) {
        self.writer = writer
        self.number = number
    }

    /// The change whose key it is; nil for a key no writer makes.
    package init?(key: String) {
        guard key.utf8.first == UInt8(ascii: "w"), let slash = key.utf8.firstIndex(of: UInt8(ascii: "/")),
            let writer = Int(key[..<slash].dropFirst()), let number = Int(key[slash...].dropFirst()),
            writer >= 0, number > 0, key == "w\(writer)/\(number)"
        else { return nil }
        self.init(writer: writer, number: number)
    }

    package var key: String { "w\(writer)/\(number)" }
    package var durability: Durability { number % 2 == 1 ? .power : .process }
    package var description: String { key }

    /// What the key is set to.
    package func value(seed: UInt64) -> ChangeValue {
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
