// Values that say what they are, so that a read can be checked byte by byte without keeping a copy.
//
// Layout: the key's number (8 bytes, little endian), its version (4 bytes), then bytes out of one fixed block, from a place
// that both decide. The block is half random, half repeated, as db_bench makes its values (compression ratio 0.5).

import Foundation

/// Makes and checks the values of one workload.
struct Values: Sendable {
    let size: Int
    private static let headerBytes = 12
    /// Small enough to stay in the nearest cache: checking must not cost what reading costs.
    private static let block: [UInt8] = {
        var random = SplitMix64(seed: 0x0062_6C6F_636B)
        var block: [UInt8] = []
        while block.count < 8_192 {
            // 100 bytes at a time: 50 random ones, then the same again.
            let half = (0..<50).map { _ in UInt8(32 + random.next() % 95) }
            block += half + half
        }
        return block
    }()

    /// - Parameter size: at least 16, at most 4,096.
    init(size: Int) {
        precondition((16...4_096).contains(size))
        self.size = size
    }

    private func place(_ number: Int, _ version: UInt32) -> Int {
        let mixed = (UInt64(bitPattern: Int64(number)) &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(version) &* 0xC2B2_AE3D)
        return Int((mixed >> 20) % UInt64(Self.block.count - size))
    }

    func make(_ number: Int, version: UInt32) -> [UInt8] {
        Self.block.withUnsafeBytes { block in
            [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
                let raw = UnsafeMutableRawBufferPointer(bytes)
                raw.storeBytes(of: UInt64(number).littleEndian, toByteOffset: 0, as: UInt64.self)
                raw.storeBytes(of: version.littleEndian, toByteOffset: 8, as: UInt32.self)
                let rest = UnsafeRawBufferPointer(
                    rebasing: block[place(number, version)...].prefix(size - Self.headerBytes))
                UnsafeMutableRawBufferPointer(rebasing: raw[Self.headerBytes...]).copyMemory(from: rest)
                count = size
            }
        }
    }

    /// Whether the bytes are exactly the value of this key in this version.
    func isRight(_ bytes: UnsafeRawBufferPointer, _ number: Int, version: UInt32) -> Bool {
        guard bytes.count == size,
            bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == UInt64(number).littleEndian,
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == version.littleEndian
        else { return false }
        return Self.block.withUnsafeBytes { block in
            memcmp(
                bytes.baseAddress! + Self.headerBytes, block.baseAddress! + place(number, version),
                size - Self.headerBytes) == 0
        }
    }

    func check(_ bytes: UnsafeRawBufferPointer, _ number: Int, version: UInt32) throws {
        guard isRight(bytes, number, version: version) else {
            let found =
                bytes.count >= Self.headerBytes
                ? "that of key \(bytes.loadUnaligned(as: UInt64.self)), version "
                    + "\(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))"
                : "too short"
            throw Failure(
                "key \(number): read \(bytes.count) bytes that are not its value of version \(version) (\(found))")
        }
    }
}

/// What a store must contain: the version of each key, 0 where it has none.
final class Model {
    private(set) var versions: [UInt32]
    private(set) var count = 0
    let values: Values

    init(keys: Int, values: Values) {
        versions = Array(repeating: 0, count: keys)
        self.values = values
    }

    /// The next version of this key, counted as written.
    func write(_ number: Int) -> Entry {
        if versions[number] == 0 { count += 1 }
        versions[number] += 1
        return Entry(key: Key(number), value: values.make(number, version: versions[number]))
    }

    /// Reads every entry of the store and compares all of them with what was written.
    func verify(_ engine: any Engine, _ name: String) throws {
        var seen = 0
        var previous = -1
        try engine.scan { key, value in
            guard let number = Key.number(key), number < versions.count, versions[number] > 0 else {
                throw Failure("\(name): a key that was never written came back")
            }
            guard number > previous else { throw Failure("\(name): key \(number) came after key \(previous)") }
            try values.check(value, number, version: versions[number])
            previous = number
            seen += 1
        }
        guard seen == count else { throw Failure("\(name): \(seen) entries came back of \(count) that were written") }
    }
}
