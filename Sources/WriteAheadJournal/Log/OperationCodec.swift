// Operations on named states: writer and reader. Layout: Operation.swift.

/// Encodes operations as the body of a `changes` record, and reads them back.
package enum OperationCodec {
    @inline(__always)
    package static func appendVarint(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt64(number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    package static func appendSet(
        name: UnsafeRawBufferPointer = .init(start: nil, count: 0), key: UnsafeRawBufferPointer, kind: UInt8,
        value: UnsafeRawBufferPointer, to bytes: inout [UInt8]
    ) {
        bytes.append(OperationCode.set.rawValue)
        appendVarint(name.count, to: &bytes)
        bytes.append(contentsOf: name)
        appendVarint(key.count, to: &bytes)
        bytes.append(contentsOf: key)
        bytes.append(kind)
        appendVarint(value.count, to: &bytes)
        bytes.append(contentsOf: value)
    }

    package static func appendRemove(
        name: UnsafeRawBufferPointer = .init(start: nil, count: 0), key: UnsafeRawBufferPointer, to bytes: inout [UInt8]
    ) {
        bytes.append(OperationCode.remove.rawValue)
        appendVarint(name.count, to: &bytes)
        bytes.append(contentsOf: name)
        appendVarint(key.count, to: &bytes)
        bytes.append(contentsOf: key)
    }

    // MARK: Writing one operation of the key–value state in place

    @inline(__always)
    private static func varintBytes(_ number: Int) -> Int { max(1, (70 - number.leadingZeroBitCount) / 7) }

    /// How many bytes a set takes.
    @inline(__always)
    package static func setBytes(key: Int, value: Int) -> Int {
        3 + varintBytes(key) + key + varintBytes(value) + value
    }

    /// How many bytes a remove takes.
    @inline(__always)
    package static func removeBytes(key: Int) -> Int { 2 + varintBytes(key) + key }

    /// Writes a set into `place`, which has exactly its bytes.
    @inline(__always)
    package static func writeSet(
        key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer, to place: UnsafeMutableRawBufferPointer
    ) {
        var at = writeHead(.set, key, to: place)
        place[at] = kind
        at = writeVarint(value.count, to: place, at: at + 1)
        UnsafeMutableRawBufferPointer(rebasing: place[at...]).copyMemory(from: value)
    }

    /// Writes a remove into `place`, which has exactly its bytes.
    @inline(__always)
    package static func writeRemove(key: UnsafeRawBufferPointer, to place: UnsafeMutableRawBufferPointer) {
        _ = writeHead(.remove, key, to: place)
    }

    @inline(__always)
    private static func writeHead(
        _ code: OperationCode, _ key: UnsafeRawBufferPointer, to place: UnsafeMutableRawBufferPointer
    ) -> Int {
        place[0] = code.rawValue
        place[1] = 0
        let at = writeVarint(key.count, to: place, at: 2)
        UnsafeMutableRawBufferPointer(rebasing: place[at...]).copyMemory(from: key)
        return at + key.count
    }

    @inline(__always)
    private static func writeVarint(_ number: Int, to place: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
        var rest = UInt64(number)
        var at = start
        while rest >= 0x80 {
            place[at] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            at += 1
        }
        place[at] = UInt8(rest)
        return at + 1
    }

    /// The most bytes that a set takes beyond key and value.
    package static let overheadMax = 16

    // MARK: Reading

    /// The most bytes that a key of the key–value state has. The least is one.
    package static let keyBytesMax = 4_096
    /// The most bytes that a value has: 512 MiB.
    package static let valueBytesMax = 512 << 20

    /// Whether a state can hold this. No call accepts anything else. Memory is not prepared for more, so whoever reads
    /// has to check.
    @inline(__always)
    static func isInBounds(
        name: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool {
        !name.isEmpty || key.count >= 1 && key.count <= keyBytesMax && value.count <= valueBytesMax
    }

    /// The bytes were checked by the chain. So this is a bug or a newer writer, never rot.
    package struct Malformed: Error, Sendable {
        package let offset: Int
    }

    /// Passes on every operation of a record's body, in order.
    package static func read(_ body: UnsafeRawBufferPointer, _ each: (Operation) throws -> Void) throws {
        var offset = 0
        func varint() throws(Malformed) -> Int {
            var result: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard offset < body.count, shift < 63 else { throw Malformed(offset: offset) }
                let byte = body[offset]
                offset += 1
                result |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return Int(result) }
                shift += 7
            }
        }
        func piece() throws(Malformed) -> UnsafeRawBufferPointer {
            let length = try varint()
            guard length <= body.count - offset else { throw Malformed(offset: offset) }
            defer { offset += length }
            return UnsafeRawBufferPointer(rebasing: body[offset..<(offset + length)])
        }
        while offset < body.count {
            guard let code = OperationCode(rawValue: body[offset]) else { throw Malformed(offset: offset) }
            offset += 1
            let name = try piece()
            let key = try piece()
            var kind: UInt8 = 0
            var value = UnsafeRawBufferPointer(start: nil, count: 0)
            if code == .set {
                guard offset < body.count else { throw Malformed(offset: offset) }
                kind = body[offset]
                offset += 1
                value = try piece()
            }
            guard isInBounds(name: name, key: key, value: value) else { throw Malformed(offset: offset) }
            try each(Operation(code: code, name: name, key: key, kind: kind, value: value))
        }
    }
}
