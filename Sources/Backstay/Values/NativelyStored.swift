// The types that are stored natively, and how a stored value converts to each.
//
// A stored value converts to T if one of these holds:
//   - JSONDecoder would decode T from the value's JSON form (JSONText+Export.swift): numbers as numbers, a date as its
//     seconds, bytes as base64, a uuid as its text;
//   - the conversion is exact.
// The conversions here answer for every kind but json without writing that form. Text of kind json goes to JSONDecoder.
// A test compares each of them with JSONDecoder over the whole matrix of stored kinds and asked types.
//
// Floating-point types round, as JSONDecoder does, but never to an infinity or from something to zero. Integers convert
// only exactly. A bool is no number, and a number is no bool. Data, Date and UUID are in ValueCodec.swift, the file
// that may import Foundation.

internal import WriteAheadJournal

protocol NativelyStored: Codable {
    /// Appends the value's bytes and names their kind.
    ///
    /// Throws `.valueOutOfBounds`, and leaves `out` as it was.
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind

    /// The stored value as this type. Nil if it does not convert, or if it is JSON text.
    ///
    /// Throws `.malformed` for bytes that are not what their kind says.
    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Self?
}

extension NativelyStored where Self: FixedWidthInteger {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        // Every conforming type is at most 64 bits wide, so one of the two kinds holds it.
        guard let kind = NativeValue.append(integer: self, to: &out) else {
            throw ValueCodingError(.valueOutOfBounds, "an integer of more than 64 bits can't be stored natively")
        }
        return kind
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Self? {
        switch stored {
        case .int(let value): Self(exactly: value)
        case .uint(let value): Self(exactly: value)
        case .double(let value), .date(let value): Self(exactly: value)
        case .bool, .string, .bytes, .uuid, .json: nil
        }
    }
}

extension NativelyStored where Self: BinaryFloatingPoint {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        try NativeValue.append(double: Double(self), as: .double, to: &out)
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Self? {
        switch stored {
        case .int(let value): return Self(value)
        case .uint(let value): return Self(value)
        case .double(let value), .date(let value):
            let narrowed = Self(value)
            return narrowed.isFinite && (narrowed != 0 || value == 0) ? narrowed : nil
        case .bool, .string, .bytes, .uuid, .json: return nil
        }
    }
}

extension Int: NativelyStored {}
extension Int8: NativelyStored {}
extension Int16: NativelyStored {}
extension Int32: NativelyStored {}
extension Int64: NativelyStored {}
extension UInt: NativelyStored {}
extension UInt8: NativelyStored {}
extension UInt16: NativelyStored {}
extension UInt32: NativelyStored {}
extension UInt64: NativelyStored {}
extension Float: NativelyStored {}
extension Double: NativelyStored {}

extension Bool: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        out.append(self ? 1 : 0)
        return .bool
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> Bool? {
        if case .bool(let value) = stored { value } else { nil }
    }
}

extension String: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        let stored: Int? = utf8.withContiguousStorageIfAvailable { text in
            if text.count <= bytesMax { out.append(contentsOf: text) }
            return text.count
        }
        // Only a string bridged from Objective-C has no contiguous UTF-8.
        guard let count = stored else {
            var native = self
            native.makeContiguousUTF8()
            return try native.appendNative(to: &out, bytesMax: bytesMax)
        }
        try NativeValue.checkLength(count, bytesMax: bytesMax)
        return .string
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> String? {
        switch stored {
        case .string(let text):
            guard let string = String(validating: text, as: UTF8.self) else {
                throw ValueCodingError(.malformed, "a stored string is not UTF-8", at: JSONText.firstInvalidUTF8(text))
            }
            return string
        case .bytes(let bytes):
            var text: [UInt8] = []
            JSONText.appendBase64(bytes, to: &text)
            return String(decoding: text, as: UTF8.self)
        case .uuid(let bytes):
            var text: [UInt8] = []
            UUIDText.append(bytes, to: &text)
            return String(decoding: text, as: UTF8.self)
        case .int, .uint, .double, .date, .bool, .json: return nil
        }
    }
}

extension [UInt8]: NativelyStored {
    func appendNative(to out: inout [UInt8], bytesMax: Int) throws(ValueCodingError) -> ValueKind {
        try NativeValue.checkLength(count, bytesMax: bytesMax)
        out.append(contentsOf: self)
        return .bytes
    }

    static func converted(from stored: NativeValue) throws(ValueCodingError) -> [UInt8]? {
        switch stored {
        case .bytes(let bytes): return [UInt8](bytes)
        case .string(let text):
            var bytes: [UInt8] = []
            return JSONText.appendDecodedBase64(text, to: &bytes) ? bytes : nil
        case .int, .uint, .double, .date, .bool, .uuid, .json: return nil
        }
    }
}
