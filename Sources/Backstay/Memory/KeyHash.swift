// The hash of a key in memory: 64 bits, another function in every process.
//
// Two 64-bit words at a time are multiplied to 128 bits, and the halves are put together again. The construction is
// that of wyhash (https://github.com/wangyi-fudan/wyhash), public domain. The secret words are random, so nobody can
// choose keys that collide. The hash is never stored: what is on the disk has checksums of its own.

struct KeyHash {
    private let first: UInt64
    private let second: UInt64

    init() { self.init(secret: .random(in: .min ... .max), .random(in: .min ... .max)) }

    init(secret first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = key.baseAddress else { return 0 }
        let count = key.count
        var state = first
        let low: UInt64
        let high: UInt64
        if count >= 8 {
            // Blocks of 16, then the last 16 bytes, or the last and the first 8 of a short key.
            var offset = 0
            while count &- offset > 16 {
                state = Self.folded(
                    Self.word(start, offset) ^ second, Self.word(start, offset &+ 8) ^ state)
                offset &+= 16
            }
            low = Self.word(start, count >= 16 ? count &- 16 : 0)
            high = Self.word(start, count &- 8)
        } else if count >= 4 {
            low = UInt64(start.loadUnaligned(as: UInt32.self))
            high = UInt64((start + (count &- 4)).loadUnaligned(as: UInt32.self))
        } else {
            let bytes = start.assumingMemoryBound(to: UInt8.self)
            low =
                count == 0 ? 0 : UInt64(bytes[0]) &<< 16 | UInt64(bytes[count &>> 1]) &<< 8 | UInt64(bytes[count &- 1])
            high = 0
        }
        return Self.folded(
            second ^ UInt64(truncatingIfNeeded: count), Self.folded(low ^ second, high ^ state))
    }

    @inline(__always)
    private static func word(_ start: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        (start + offset).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    private static func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
