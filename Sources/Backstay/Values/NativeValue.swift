// A stored value taken apart, and the rule for its bytes.
//
// Bytes are valid for their kind only if
//   int, uint, double, date  they are 8; a uint is above Int64.max; a double or date is finite,
//   bool                     it is 1 byte, 0 or 1,
//   uuid                     they are 16,
//   string                   they are UTF-8 (checked where the text is used, to look at it once).
// So each value has one form on disk only. What a kind means: ValueKind.swift.
//
// The cases of variable length hold pointers into the caller's bytes. They are valid during the call that was given
// those bytes. Nothing here keeps them for longer.

package import WriteAheadJournal

package enum NativeValue {
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case bool(Bool)
    case string(UnsafeRawBufferPointer)
    case bytes(UnsafeRawBufferPointer)
    /// Seconds since 2001-01-01 00:00:00 UTC.
    case date(Double)
    case uuid(UnsafeRawBufferPointer)
    case json(UnsafeRawBufferPointer)

    /// Takes a stored value apart.
    ///
    /// Throws `.malformed` for bytes that their kind does not allow.
    package init(kind: ValueKind, bytes: UnsafeRawBufferPointer) throws(ValueCodingError) {
        switch kind {
        case .int:
            self = .int(Int64(bitPattern: try Self.word(bytes, kind)))
        case .uint:
            let value = try Self.word(bytes, kind)
            guard value > UInt64(Int64.max) else {
                throw ValueCodingError(.malformed, "a stored uint must be above \(Int64.max)", at: 0)
            }
            self = .uint(value)
        case .double:
            self = .double(try Self.finite(bytes, kind))
        case .date:
            self = .date(try Self.finite(bytes, kind))
        case .bool:
            guard bytes.count == 1, bytes[0] <= 1 else {
                throw ValueCodingError(.malformed, "a stored bool must be one byte, 0 or 1", at: 0)
            }
            self = .bool(bytes[0] == 1)
        case .uuid:
            guard bytes.count == 16 else { throw Self.wrongLength(kind, bytes.count, expected: 16) }
            self = .uuid(bytes)
        case .string: self = .string(bytes)
        case .bytes: self = .bytes(bytes)
        case .json: self = .json(bytes)
        }
    }

    package var kind: ValueKind {
        switch self {
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .bool: .bool
        case .string: .string
        case .bytes: .bytes
        case .date: .date
        case .uuid: .uuid
        case .json: .json
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ kind: ValueKind) throws(ValueCodingError) -> UInt64 {
        guard bytes.count == 8 else { throw wrongLength(kind, bytes.count, expected: 8) }
        return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    private static func finite(_ bytes: UnsafeRawBufferPointer, _ kind: ValueKind) throws(ValueCodingError) -> Double {
        let value = Double(bitPattern: try word(bytes, kind))
        guard value.isFinite else { throw ValueCodingError(.malformed, "a stored \(kind.name) must be finite", at: 0) }
        return value
    }

    private static func wrongLength(_ kind: ValueKind, _ count: Int, expected: Int) -> ValueCodingError {
        ValueCodingError(.malformed, "a stored \(kind.name) must be \(expected) bytes long, not \(count)", at: 0)
    }
}

// MARK: - Writing

extension NativeValue {
    /// The longest value that can be stored: 512 MiB.
    package static let bytesMax = OperationCodec.valueBytesMax

    /// Appends the 8 bytes of an int, uint or the bit pattern of a double or date.
    @inline(__always)
    static func append(word: UInt64, to out: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { out.append(contentsOf: $0) }
    }

    /// Appends an integer as the one kind that its value has.
    static func append(integer value: some FixedWidthInteger, to out: inout [UInt8]) -> ValueKind? {
        if let signed = Int64(exactly: value) {
            append(word: UInt64(bitPattern: signed), to: &out)
            return .int
        }
        guard let unsigned = UInt64(exactly: value) else { return nil }
        append(word: unsigned, to: &out)
        return .uint
    }

    /// Appends a double, or a date as its seconds since 2001.
    ///
    /// Throws `.valueOutOfBounds` for NaN and the infinities, which no JSON text and no comparison could carry.
    static func append(
        double value: Double, as kind: ValueKind, to out: inout [UInt8]
    ) throws(ValueCodingError) -> ValueKind {
        guard value.isFinite else {
            throw ValueCodingError(.valueOutOfBounds, "NaN and infinities can't be stored as a \(kind.name)")
        }
        append(word: value.bitPattern, to: &out)
        return kind
    }

    static func checkLength(_ count: Int, bytesMax: Int) throws(ValueCodingError) {
        guard count <= bytesMax else {
            throw ValueCodingError(.valueOutOfBounds, "\(count) bytes are more than the \(bytesMax) a value may have")
        }
    }
}
