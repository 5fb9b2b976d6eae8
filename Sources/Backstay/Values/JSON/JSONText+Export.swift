// From stored values to JSON text.
//
// Each native value has one text:
//   - an integer in decimal;
//   - a double as Swift's shortest description, which always has a point or an exponent, so it never reads as an
//     integer;
//   - a string with only quote, backslash and control characters escaped;
//   - a date as its seconds since 2001;
//   - bytes as base64;
//   - a uuid as 36 characters, capitals.
// Text of kind json is itself.
//
// An export line names the type exactly if an import of the text alone would store something else. Those are dates,
// bytes and uuids, and kept text that would be a native value. So importing an exported line gives back the same stored
// value, bit for bit.

package import WriteAheadJournal

extension JSONText {
    /// The JSON text of a stored value.
    ///
    /// Throws `.malformed` if the bytes are not what their kind says.
    package static func jsonText(
        kind: ValueKind, bytes: UnsafeRawBufferPointer
    ) throws(ValueCodingError) -> [UInt8] {
        var out: [UInt8] = []
        try append(NativeValue(kind: kind, bytes: bytes), to: &out)
        return out
    }

    /// Whether an export line must name the type for the value to come back as it is stored.
    ///
    /// Throws `.malformed` for kind json if the bytes are not JSON.
    package static func needsType(kind: ValueKind, bytes: UnsafeRawBufferPointer) throws(ValueCodingError) -> Bool {
        switch kind {
        case .date, .bytes, .uuid: return true
        case .int, .uint, .double, .bool, .string: return false
        case .json:
            let scanner = JSONScanner(bytes)
            return !staysText(try wholeValue(in: scanner), in: scanner.text)
        }
    }

    /// A JSON string literal, quotes included, of UTF-8 bytes. Non-ASCII characters stay as they are.
    ///
    /// Throws `.malformed` if they are not UTF-8.
    package static func escape(_ string: UnsafeRawBufferPointer) throws(ValueCodingError) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(string.count + 2)
        try append(escaped: string, to: &out)
        return out
    }

    /// One export line, without a newline in it or at its end: `{"key":…,"value":…}`, with `"type"` if it is needed.
    ///
    /// Throws `.malformed` if the key is not UTF-8 or the bytes are not what their kind says.
    package static func exportLine(
        key: UnsafeRawBufferPointer, kind: ValueKind, bytes: UnsafeRawBufferPointer
    ) throws(ValueCodingError) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(key.count + bytes.count + 32)
        try appendExportLine(key: key, kind: kind, bytes: bytes, to: &out)
        return out
    }

    /// Appends what `exportLine` returns. After an error `out` may hold a part of the line.
    package static func appendExportLine(
        key: UnsafeRawBufferPointer, kind: ValueKind, bytes: UnsafeRawBufferPointer, to out: inout [UInt8]
    ) throws(ValueCodingError) {
        append("{\"key\":", to: &out)
        try append(escaped: key, to: &out)
        append(",\"value\":", to: &out)
        var typed = kind == .date || kind == .bytes || kind == .uuid
        if kind == .json {
            // Compacted again: a line break in it would end the line.
            let scanner = JSONScanner(bytes)
            let value = try wholeValue(in: scanner)
            appendCompact(value, in: scanner.text, to: &out)
            typed = !staysText(value, in: scanner.text)
        } else {
            try append(NativeValue(kind: kind, bytes: bytes), to: &out)
        }
        if typed {
            append(",\"type\":\"", to: &out)
            out.append(contentsOf: kind.name.utf8)
            append("\"}", to: &out)
        } else {
            append("}", to: &out)
        }
    }

    // MARK: - Values

    /// Appends the JSON text of a stored value. Kind json is appended as it is, not looked at.
    ///
    /// Throws `.malformed` for a string that is not UTF-8.
    static func append(_ stored: NativeValue, to out: inout [UInt8]) throws(ValueCodingError) {
        switch stored {
        case .int(let value):
            if value < 0 { out.append(UInt8(ascii: "-")) }
            append(decimal: value.magnitude, to: &out)
        case .uint(let value): append(decimal: value, to: &out)
        case .double(let value), .date(let value): out.append(contentsOf: value.description.utf8)
        case .bool(let value): append(value ? "true" : "false", to: &out)
        case .string(let text): try append(escaped: text, to: &out)
        case .bytes(let bytes):
            out.append(UInt8(ascii: "\""))
            appendBase64(bytes, to: &out)
            out.append(UInt8(ascii: "\""))
        case .uuid(let bytes):
            out.append(UInt8(ascii: "\""))
            UUIDText.append(bytes, to: &out)
            out.append(UInt8(ascii: "\""))
        case .json(let text): out.append(contentsOf: text)
        }
    }

    private static func append(_ literal: StaticString, to out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    private static func append(decimal value: UInt64, to out: inout [UInt8]) {
        var rest = value
        let start = out.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest > 0
        out[start...].reverse()
    }

    // MARK: - Strings

    /// Appends UTF-8 bytes as a JSON string literal.
    ///
    /// Throws `.malformed` if they are not UTF-8.
    static func append(escaped string: UnsafeRawBufferPointer, to out: inout [UInt8]) throws(ValueCodingError) {
        let text = string.bindMemory(to: UInt8.self)
        out.append(UInt8(ascii: "\""))
        var position = 0
        var runStart = 0
        while true {
            position = JSONScanner.endOfPlainText(in: text, from: position)
            guard position < text.count else { break }
            if text[position] >= 0x80 {
                let length = JSONScanner.lengthOfMultibyte(in: text, at: position)
                guard length > 0 else { throw ValueCodingError(.malformed, "invalid UTF-8", at: position) }
                position += length
                continue
            }
            append(text, runStart..<position, to: &out)
            appendEscape(of: text[position], to: &out)
            position += 1
            runStart = position
        }
        append(text, runStart..<text.count, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    /// Appends the escape of a quote, a backslash or a control character. On disk in kept text: stays.
    static func appendEscape(of byte: UInt8, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: out.append(UInt8(ascii: "b"))
        case 0x09: out.append(UInt8(ascii: "t"))
        case 0x0A: out.append(UInt8(ascii: "n"))
        case 0x0C: out.append(UInt8(ascii: "f"))
        case 0x0D: out.append(UInt8(ascii: "r"))
        case 0..<0x20:
            append("u00", to: &out)
            out.append(UInt8(ascii: "0") + byte >> 4)
            out.append(Self.digits[Int(byte & 15)])
        default: out.append(byte)
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// The offset of the first byte that is not part of well-formed UTF-8.
    static func firstInvalidUTF8(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let text = bytes.bindMemory(to: UInt8.self)
        var position = 0
        while position < text.count {
            let length = text[position] < 0x80 ? 1 : JSONScanner.lengthOfMultibyte(in: text, at: position)
            if length == 0 { return position }
            position += length
        }
        return nil
    }
}
