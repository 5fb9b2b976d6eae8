// Entries of the ordered tree, and the bytes of their keys.
//
// An entry is one block: a key with its value, or a separator of an inner node, which has no value. Its key and birth
// never change; the value of an entry that no view can see may be written over (OrderedTree.swift).
//
// Native byte order; it lives in memory only:
//   0 birth (8) · 8 value length (4) · 12 key length (2) · 14 kind (1) · 15 unused · 16 key, then value
//
// Unsafe pointers: the type is a view on a block that OrderedTree allocates and frees; it owns nothing. Every access
// lies below 16 + key length + value length, the size that the block was allocated for.

import SystemC

/// A key with its value, or a separator: one block.
struct OrderedTreeEntry {
    static let headerSize = 16

    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { self.base = base }

    /// The generation in which the entry was made.
    @inline(__always)
    var birth: UInt64 { base.load(as: UInt64.self) }

    @inline(__always)
    var valueLength: Int { Int(base.load(fromByteOffset: 8, as: UInt32.self)) }

    @inline(__always)
    var keyLength: Int { Int(base.load(fromByteOffset: 12, as: UInt16.self)) }

    @inline(__always)
    var kind: UInt8 { base.load(fromByteOffset: 14, as: UInt8.self) }

    @inline(__always)
    var keyBase: UnsafeRawPointer { UnsafeRawPointer(base) + Self.headerSize }

    @inline(__always)
    var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: keyBase, count: keyLength) }

    @inline(__always)
    var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: keyBase + keyLength, count: valueLength) }

    /// Whether this is the entry of `key`.
    @inline(__always)
    func hasKey(_ key: UnsafeRawBufferPointer) -> Bool {
        let count = key.count
        guard keyLength == count, let start = key.baseAddress else { return false }
        let own = keyBase
        if count < 8 { return memcmp(own, start, count) == 0 }
        // Words, the last of which overlaps the one before: quicker than a call for keys as they usually are.
        var offset = 0
        while offset < count &- 8 {
            if (own + offset).loadUnaligned(as: UInt64.self) != (start + offset).loadUnaligned(as: UInt64.self) {
                return false
            }
            offset &+= 8
        }
        return (own + (count &- 8)).loadUnaligned(as: UInt64.self)
            == (start + (count &- 8)).loadUnaligned(as: UInt64.self)
    }

    /// Bytes in use: header, key and value.
    @inline(__always)
    var size: Int { Self.headerSize + keyLength + valueLength }

    /// Fills a new block of at least `headerSize + key.count + value.count` bytes.
    @inline(__always)
    func initialize(birth: UInt64, key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer) {
        base.storeBytes(of: birth, as: UInt64.self)
        base.storeBytes(of: UInt16(truncatingIfNeeded: key.count), toByteOffset: 12, as: UInt16.self)
        if let source = key.baseAddress {
            (base + Self.headerSize).copyMemory(from: source, byteCount: key.count)
        }
        setValue(kind: kind, value)
    }

    /// Replaces the value; the block must have room for it. `value` may overlap the old value.
    @inline(__always)
    func setValue(kind: UInt8, _ value: UnsafeRawBufferPointer) {
        base.storeBytes(of: UInt32(truncatingIfNeeded: value.count), toByteOffset: 8, as: UInt32.self)
        base.storeBytes(of: UInt16(kind), toByteOffset: 14, as: UInt16.self)
        if let source = value.baseAddress {
            (base + Self.headerSize + keyLength).copyMemory(from: source, byteCount: value.count)
        }
    }
}

// MARK: - Bytes

/// The 8 bytes at `offset` as a big-endian number, zeros where the bytes end. Never reads outside of `bytes`.
@inline(__always)
func orderedTreeHead(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
    let rest = bytes.count &- offset
    guard rest > 0, let start = bytes.baseAddress else { return 0 }
    if rest >= 8 { return UInt64(bigEndian: (start + offset).loadUnaligned(as: UInt64.self)) }
    if bytes.count >= 8 {
        let last = UInt64(bigEndian: (start + (bytes.count &- 8)).loadUnaligned(as: UInt64.self))
        return last &<< UInt64(truncatingIfNeeded: (8 &- rest) &* 8)
    }
    return orderedTreeShortHead(start + offset, rest)
}

/// 1 to 7 bytes, read in pieces that overlap.
@inline(__always)
private func orderedTreeShortHead(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    let end = UInt64(truncatingIfNeeded: (8 &- count) &* 8)
    if count >= 4 {
        let first = UInt64(UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)))
        let last = UInt64(UInt32(bigEndian: (start + (count &- 4)).loadUnaligned(as: UInt32.self)))
        return first &<< 32 | last &<< end
    }
    let first = UInt64(start.load(as: UInt8.self))
    let middle = UInt64(start.load(fromByteOffset: count &>> 1, as: UInt8.self))
    let last = UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self))
    return first &<< 56 | middle &<< UInt64(truncatingIfNeeded: (7 &- count &>> 1) &* 8) | last &<< end
}

/// How many bytes two byte strings have in common at their beginning.
func orderedTreeCommonLength(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let end = min(a.count, b.count)
    var index = 0
    while index + 8 <= end {
        let difference = orderedTreeHead(a, at: index) ^ orderedTreeHead(b, at: index)
        if difference != 0 { return index + difference.leadingZeroBitCount / 8 }
        index += 8
    }
    while index < end, a[index] == b[index] { index += 1 }
    return index
}

/// Orders two keys as the tree does: by unsigned bytes, the shorter of two equal beginnings first.
func orderedTreeCompare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    if common > 0, let x = a.baseAddress, let y = b.baseAddress {
        let order = memcmp(x, y, common)
        if order != 0 { return Int(order) }
    }
    return a.count - b.count
}
