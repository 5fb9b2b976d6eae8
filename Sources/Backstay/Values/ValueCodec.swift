// The value codec: any Encodable to a stored value, a stored value to any Decodable.
//
// Encoding. These are stored natively: integers of up to 64 bits, Float, Double, Bool, String, [UInt8], Data, Date,
// UUID, and a RawRepresentable of one of these. An Optional is stored as what it wraps. Everything else, Int128 and
// UInt128 included, is JSON text with sorted keys and unescaped slashes. NaN and the infinities are rejected in every
// path.
//
// Decoding. T decodes from a stored value exactly if one of these holds:
//   1. T is a native type and the stored value converts to it (NativelyStored.swift),
//   2. T is an Optional: nil from the JSON text `null`, else as what it wraps,
//   3. T is a RawRepresentable of such a type, and its initializer takes the raw value,
//   4. JSONDecoder, as it is by default, decodes T from the value's JSON form (JSONText+Export.swift).
// [UInt8] and Data are one type in this rule.
//
// This is the only file of the module that imports Foundation, for JSONEncoder, JSONDecoder, base64, Data, Date and UUID.
//
// unsafeBitCast: used from a type to itself, under a comparison of the two metatypes. It spares the dynamic cast. That
// costs more than the rest of encoding or decoding an Int.

package import WriteAheadJournal

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

package enum ValueCodec {
    // Shared by all threads: both types are Sendable, and nothing changes these two after their set-up.
    private static let jsonEncoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()
    private static let jsonDecoder = JSONDecoder()

    /// A raw value may be a RawRepresentable itself; deeper than this it is taken for a type that is its own raw value.
    private static let rawValueDepthMax = 8

    // MARK: - Encoding

    /// Appends the bytes of `value` to `out` and returns their kind. For a nil Optional it appends nothing and returns
    /// nil.
    ///
    /// Throws `.valueOutOfBounds`, with `out` as it was, for
    ///   - NaN and infinities wherever they are,
    ///   - a value of more than `bytesMax` bytes,
    ///   - a value whose own coding fails.
    package static func encode<Value: Encodable>(
        _ value: Value, into out: inout [UInt8], bytesMax: Int = NativeValue.bytesMax
    ) throws(ValueCodingError) -> ValueKind? {
        if Value.self == Int.self {
            NativeValue.append(word: UInt64(bitPattern: Int64(unsafeBitCast(value, to: Int.self))), to: &out)
            return .int
        }
        if Value.self == String.self {
            return try unsafeBitCast(value, to: String.self).appendNative(to: &out, bytesMax: bytesMax)
        }
        if Value.self == [UInt8].self {
            return try unsafeBitCast(value, to: [UInt8].self).appendNative(to: &out, bytesMax: bytesMax)
        }
        if Value.self == Double.self {
            return try NativeValue.append(double: unsafeBitCast(value, to: Double.self), as: .double, to: &out)
        }
        if Value.self == Bool.self {
            out.append(unsafeBitCast(value, to: Bool.self) ? 1 : 0)
            return .bool
        }
        // The Optional comes first: a dynamic cast of one to anything else looks at what it wraps.
        if Value.self is any EncodableOptional.Type, let optional = value as? any EncodableOptional {
            return try optional.encodeWrapped(into: &out, bytesMax: bytesMax)
        }
        if let kind = try encodeNative(value, into: &out, bytesMax: bytesMax, depth: 0) { return kind }
        return try encodeJSON(value, into: &out, bytesMax: bytesMax)
    }

    /// Nil if the value is not of a type that is stored natively.
    private static func encodeNative(
        _ value: Any, into out: inout [UInt8], bytesMax: Int, depth: Int
    ) throws(ValueCodingError) -> ValueKind? {
        if let native = value as? any NativelyStored {
            return try native.appendNative(to: &out, bytesMax: bytesMax)
        }
        guard depth < rawValueDepthMax, let representable = value as? any RawRepresentable else { return nil }
        func encodeRawValue<R: RawRepresentable>(_ value: R) throws(ValueCodingError) -> ValueKind? {
            // An Optional raw value is left to JSON: as a native value its nil would mean "remove".
            if R.RawValue.self is any EncodableOptional.Type { return nil }
            return try encodeNative(value.rawValue, into: &out, bytesMax: bytesMax, depth: depth + 1)
        }
        return try encodeRawValue(representable)
    }

    private static func encodeJSON<Value: Encodable>(
        _ value: Value, into out: inout [UInt8], bytesMax: Int
    ) throws(ValueCodingError) -> ValueKind {
        let text: Data
        do {
            text = try jsonEncoder.encode(value)
        } catch {
            throw ValueCodingError(.valueOutOfBounds, "\(Value.self) can't be stored: \(Self.reason(error))")
        }
        try NativeValue.checkLength(text.count, bytesMax: bytesMax)
        // JSONEncoder writes a Decimal that is not a number as NaN, which is no JSON: it would be stored and never read.
        guard text.withUnsafeBytes({ (try? JSONText.validate($0)) != nil }) else {
            throw ValueCodingError(
                .valueOutOfBounds, "\(Value.self) can't be stored: JSON has no form for a part of it")
        }
        out.append(contentsOf: text)
        return .json
    }

    // MARK: - Decoding

    /// The stored value as `type`.
    ///
    /// Throws `.typeMismatch`, naming the stored kind and the type asked for, if it does not decode as that type.
    /// Throws `.malformed` if the bytes are not what their kind says.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, kind: ValueKind, bytes: UnsafeRawBufferPointer
    ) throws(ValueCodingError) -> Value {
        let stored = try NativeValue(kind: kind, bytes: bytes)
        switch stored {
        case .int(let value) where Value.self == Int.self:
            if let exact = Int(exactly: value) { return unsafeBitCast(exact, to: Value.self) }
        case .string where Value.self == String.self:
            if let text = try String.converted(from: stored) { return unsafeBitCast(text, to: Value.self) }
        case .bytes(let content) where Value.self == [UInt8].self:
            return unsafeBitCast([UInt8](content), to: Value.self)
        case .double(let value) where Value.self == Double.self:
            return unsafeBitCast(value, to: Value.self)
        case .bool(let value) where Value.self == Bool.self:
            return unsafeBitCast(value, to: Value.self)
        default: break
        }
        return try decode(type, from: stored)
    }

    fileprivate static func decode<Value: Decodable>(
        _ type: Value.Type, from stored: NativeValue
    ) throws(ValueCodingError) -> Value {
        if let optional = type as? any DecodableOptional.Type,
            let value = try optional.decodeWrapped(from: stored) as? Value
        {
            return value
        }
        if let native = type as? any NativelyStored.Type {
            guard let value = try decodeNative(native, from: stored) as? Value else {
                throw mismatch(stored, type, "it does not convert")
            }
            return value
        }
        if let representable = type as? any RawRepresentable.Type,
            let value = try decodeRepresentable(representable, from: stored, depth: 0) as? Value
        {
            return value
        }
        return try decodeJSON(type, from: stored)
    }

    private static func decodeNative<Native: NativelyStored>(
        _ type: Native.Type, from stored: NativeValue
    ) throws(ValueCodingError) -> Native? {
        guard case .json = stored else { return try type.converted(from: stored) }
        do {
            return try decodeJSON(type, from: stored)
        } catch let error where error.kind == .typeMismatch {
            // What one of the two byte types reads, the other reads: base64 text, or an array of numbers.
            let twin: Any? =
                switch type {
                case is [UInt8].Type: (try? decodeJSON(Data.self, from: stored)).map { [UInt8]($0) }
                case is Data.Type: (try? decodeJSON([UInt8].self, from: stored)).map { Data($0) }
                default: nil
                }
            guard let value = twin as? Native else { throw error }
            return value
        }
    }

    /// Nil if there is no such raw value, or if the raw value's type is not stored natively.
    private static func decodeRepresentable<Representable: RawRepresentable>(
        _ type: Representable.Type, from stored: NativeValue, depth: Int
    ) throws(ValueCodingError) -> Representable? {
        let raw: Any?
        do {
            if let native = Representable.RawValue.self as? any NativelyStored.Type {
                raw = try decodeNative(native, from: stored)
            } else if depth < rawValueDepthMax, let inner = Representable.RawValue.self as? any RawRepresentable.Type {
                raw = try decodeRepresentable(inner, from: stored, depth: depth + 1)
            } else {
                raw = nil
            }
        } catch let error where error.kind == .typeMismatch {
            // The type may still decode itself from the JSON form.
            raw = nil
        }
        return (raw as? Representable.RawValue).flatMap(Representable.init(rawValue:))
    }

    private static func decodeJSON<Value: Decodable>(
        _ type: Value.Type, from stored: NativeValue
    ) throws(ValueCodingError) -> Value {
        let text = try jsonForm(of: stored)
        do {
            return try jsonDecoder.decode(type, from: text)
        } catch {
            if case .json(let bytes) = stored { try JSONText.validate(bytes) }
            throw mismatch(stored, type, reason(error))
        }
    }

    private static func jsonForm(of stored: NativeValue) throws(ValueCodingError) -> Data {
        switch stored {
        case .json(let text):
            // A copy: a type's own init(from:) could keep the decoder for longer than the bytes live.
            return Data(text)
        case .double(let value), .date(let value):
            // From 2^53 on with all digits, which the shortest text leaves out. JSONDecoder reads an integer from the
            // digits. It must be the one that the double stands for, as it is for a native type.
            if value.magnitude >= 0x1p53, let digits = UInt128(exactly: value.magnitude) {
                return Data("\(value < 0 ? "-" : "")\(digits)".utf8)
            }
        default: break
        }
        var text: [UInt8] = []
        try JSONText.append(stored, to: &text)
        return Data(text)
    }

    private static func mismatch(_ stored: NativeValue, _ type: Any.Type, _ reason: String) -> ValueCodingError {
        ValueCodingError(.typeMismatch, "the stored \(stored.kind.name) does not decode as \(type): \(reason)")
    }

    /// What went wrong and where. Never what was read: the value may be a secret. The standard library quotes what a
    /// type does not take ("invalid String value …").
    private static func reason(_ error: any Error) -> String {
        let description: String
        let path: [any CodingKey]
        switch error {
        case EncodingError.invalidValue(_, let context):
            (description, path) = (context.debugDescription, context.codingPath)
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context):
            (description, path) = (context.debugDescription, context.codingPath)
        case DecodingError.dataCorrupted(let context):
            (description, path) = ("it holds what its type does not take", context.codingPath)
        default: return "its own coding threw \(type(of: error))"
        }
        let place = path.prefix(8).map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return cut(description) + (place.isEmpty ? "" : " (at \(cut(place)))")
    }

    private static func cut(_ text: String) -> String {
        text.count <= 200 ? text : text.prefix(200) + "…"
    }
}

// MARK: - Optional

private protocol EncodableOptional {
    func encodeWrapped(into out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind?
}

extension Optional: EncodableOptional where Wrapped: Encodable {
    func encodeWrapped(into out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind? {
        guard let wrapped = self else { return nil }
        return try ValueCodec.encode(wrapped, into: &out, bytesMax: bytesMax)
    }
}

private protocol DecodableOptional {
    static func decodeWrapped(from stored: NativeValue) throws(ValueCodingError) -> Self
}

extension Optional: DecodableOptional where Wrapped: Decodable {
    static func decodeWrapped(from stored: NativeValue) throws(ValueCodingError) -> Wrapped? {
        if case .json(let text) = stored, JSONText.isNull(text) { return nil }
        return try ValueCodec.decode(Wrapped.self, from: stored)
    }
}

// MARK: - Foundation's native types

extension Data: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        try NativeValue.checkLength(count, bytesMax: bytesMax)
        out.append(contentsOf: self)
        return .bytes
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Data? {
        if case .bytes(let bytes) = stored { return Data(bytes) }
        return try [UInt8].converted(from: stored).map { Data($0) }
    }
}

extension Date: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        try NativeValue.append(double: timeIntervalSinceReferenceDate, as: .date, to: &out)
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Date? {
        try Double.converted(from: stored).map { Date(timeIntervalSinceReferenceDate: $0) }
    }
}

extension UUID: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        withUnsafeBytes(of: uuid) { out.append(contentsOf: $0) }
        return .uuid
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> UUID? {
        switch stored {
        case .uuid(let bytes):
            return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
        case .string:
            return try String.converted(from: stored).flatMap { UUID(uuidString: $0) }
        case .int, .uint, .double, .date, .bool, .bytes, .json:
            return nil
        }
    }
}

/// Bytes in JSON strings: base64, padded, nothing but its alphabet in it (RFC 4648, section 4).
extension JSONText {
    static func appendBase64(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        out.append(contentsOf: Data(bytes).base64EncodedData())
    }

    /// Appends the bytes that `text` is the base64 of. Returns false, with nothing appended, if it is not base64.
    static func appendDecodedBase64(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        // Foundation of Swift 6.3 reads "AQ=I" as two bytes: padding is looked at here.
        let padding = text.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count
        let digits = text[..<(text.count - padding)]
        guard !digits.contains(UInt8(ascii: "=")), let bytes = Data(base64Encoded: Data(text)) else { return false }
        out.append(contentsOf: bytes)
        return true
    }
}
