// From JSON text to stored values.
//
// Without a type named beside it, a scalar is stored natively exactly if its native form prints back to the very same
// text. Everything else is kept as text, kind json. So an import loses nothing of what was written. 42 is an int and
// 1.5 a double; 1e5, 1.10, -0, "\u00e9" and null stay what they are.
// With a type named, the value is that kind, and JSON of another shape is an error.
//
// The inverse, and the one form in which each native value prints: JSONText+Export.swift.

internal import WriteAheadJournal

extension JSONText {
    // MARK: - By the text alone

    /// Appends the stored form of a scanned value and returns its kind.
    @inline(__always)
    static func appendStored(
        _ value: JSONScanner.Value, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) -> ValueKind {
        switch value.shape {
        case .string(escaped: false):
            append(text, value.range.lowerBound + 1..<value.range.upperBound - 1, to: &out)
            return .string
        case .string(escaped: true):
            let start = out.count
            if case .printsBack = unescape(value.range, in: text, to: &out) { return .string }
            out.removeLast(out.count - start)
        case .number(integer: true):
            if let kind = appendInteger(value.range, in: text, to: &out) { return kind }
        case .number(integer: false):
            if let double = doublePrintingBack(value.range, in: text) {
                NativeValue.append(word: double.bitPattern, to: &out)
                return .double
            }
        case .true, .false:
            out.append(value.shape == .true ? 1 : 0)
            return .bool
        case .null, .container: break
        }
        appendCompact(value, in: text, to: &out)
        return .json
    }

    /// Whether the value, taken by its text alone, is stored as kind json.
    static func staysText(_ value: JSONScanner.Value, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        var stored: [UInt8] = []
        switch value.shape {
        case .container, .null: return true
        case .true, .false, .string(escaped: false): return false
        case .string(escaped: true), .number: return appendStored(value, in: text, to: &stored) == .json
        }
    }

    @inline(__always)
    static func append(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, to out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(rebasing: text[range]))
    }

    // MARK: - By a named type

    /// Appends the stored form of a scanned value as `type` and returns its kind. The kind is `type`, but int for a
    /// uint that an int holds, so that each value has one stored form.
    ///
    /// Throws `.typeMismatch` if the JSON is of another shape, `.valueOutOfBounds` if the number does not fit.
    static func appendStored(
        _ value: JSONScanner.Value, as type: ValueKind, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) throws(ValueCodingError) -> ValueKind {
        let start = value.range.lowerBound
        func mismatch(_ expected: String) -> ValueCodingError {
            ValueCodingError(.typeMismatch, "a value of type \(type.name) must be \(expected)", at: start)
        }
        switch (type, value.shape) {
        case (.json, _):
            appendCompact(value, in: text, to: &out)
            return .json
        case (.bool, .true), (.bool, .false):
            return appendStored(value, in: text, to: &out)
        case (.bool, _):
            throw mismatch("true or false")
        case (.int, .number(integer: true)), (.uint, .number(integer: true)):
            let length = out.count
            guard let kind = appendInteger(value.range, in: text, to: &out),
                type == .int ? kind == .int : kind == .uint || text[start] != UInt8(ascii: "-")
            else {
                out.removeLast(out.count - length)
                throw ValueCodingError(
                    .valueOutOfBounds, "the number does not fit a value of type \(type.name)", at: start)
            }
            return kind
        case (.int, _), (.uint, _):
            throw mismatch("an integer without fraction and exponent")
        case (.double, .number), (.date, .number):
            guard let number = Double(String(decoding: text[value.range], as: UTF8.self)), number.isFinite else {
                throw ValueCodingError(
                    .valueOutOfBounds, "the number does not fit a value of type \(type.name)", at: start)
            }
            NativeValue.append(word: number.bitPattern, to: &out)
            return type
        case (.double, _): throw mismatch("a number")
        case (.date, _): throw mismatch("the number of seconds since 2001-01-01 00:00:00 UTC")
        case (.string, .string):
            try unescape(stringOf: value.range, in: text, to: &out)
            return .string
        case (.string, _): throw mismatch("a string")
        case (.bytes, .string), (.uuid, .string):
            var content: [UInt8] = []
            try unescape(stringOf: value.range, in: text, to: &content)
            let taken = content.withUnsafeBytes {
                type == .bytes ? appendDecodedBase64($0, to: &out) : UUIDText.appendDecoded($0, to: &out)
            }
            guard taken else { throw mismatch(type == .bytes ? "base64" : "a UUID of 36 characters") }
            return type
        case (.bytes, _): throw mismatch("a string of base64")
        case (.uuid, _): throw mismatch("a UUID in a string")
        }
    }

    // MARK: - Numbers

    /// Appends a scanned integer if it is an int or a uint. -0 is none: it prints back as 0.
    @inline(__always)
    private static func appendInteger(
        _ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) -> ValueKind? {
        let negative = text[range.lowerBound] == UInt8(ascii: "-")
        let digits = negative ? range.lowerBound + 1..<range.upperBound : range
        guard digits.count <= 20 else { return nil }
        var magnitude: UInt64 = 0
        for index in digits {
            let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(text[index] - UInt8(ascii: "0")))
            if tooLarge || overflow { return nil }
            magnitude = sum
        }
        if negative {
            guard magnitude > 0, magnitude <= Int64.min.magnitude else { return nil }
            NativeValue.append(word: 0 &- magnitude, to: &out)
            return .int
        }
        NativeValue.append(word: magnitude, to: &out)
        return magnitude > UInt64(Int64.max) ? .uint : .int
    }

    /// A scanned number with fraction or exponent as a double, if the double's description is the very same text.
    static func doublePrintingBack(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Double? {
        // No description is longer: -2.2250738585072014e-308.
        guard range.count <= 24 else { return nil }
        if let double = plainDecimal(range, in: text) { return double }
        guard let double = Double(String(decoding: text[range], as: UTF8.self)), double.isFinite else { return nil }
        return double.description.utf8.elementsEqual(text[range]) ? double : nil
    }

    /// A decimal such as 12.5, without building a String: nil for any number whose answer takes more thought.
    ///
    /// At most 15 digits, no exponent, no zero at the end (but for one after the point), at least 0.0001. Decimals of
    /// 15 digits keep their identity as doubles. So this text is the shortest that the double is read back from, which
    /// is its description. The digits are below 2^53 and the power of ten below 10^22. Both are exact, and their
    /// quotient is correctly rounded.
    private static func plainDecimal(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Double? {
        let negative = text[range.lowerBound] == UInt8(ascii: "-")
        let start = negative ? range.lowerBound + 1 : range.lowerBound
        guard range.upperBound - start <= 16 else { return nil }
        var digits: UInt64 = 0
        var scale: UInt64 = 1
        var inFraction = false
        for index in start..<range.upperBound {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                inFraction = true
                continue
            }
            guard byte &- UInt8(ascii: "0") < 10 else { return nil }
            digits = digits * 10 + UInt64(byte - UInt8(ascii: "0"))
            if inFraction { scale *= 10 }
        }
        guard inFraction, scale == 10 || text[range.upperBound - 1] != UInt8(ascii: "0") else { return nil }
        let magnitude = Double(digits) / Double(scale)
        guard digits == 0 || magnitude >= 0.0001 else { return nil }
        return negative ? -magnitude : magnitude
    }

    // MARK: - Strings

    enum Unescaped {
        /// `append(escaped:)` makes the very same text of it.
        case printsBack
        /// The same string can be, and would be, written otherwise.
        case writtenOtherwise
        /// The escape at this offset is half of a surrogate pair, so the text stands for no Unicode string.
        case loneSurrogate(at: Int)
    }

    /// Appends what a scanned string, quotes included in its range, stands for.
    ///
    /// Throws `.malformed` for a lone surrogate.
    static func unescape(
        stringOf range: Range<Int>, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) throws(ValueCodingError) {
        if case .loneSurrogate(let position) = unescape(range, in: text, to: &out) {
            throw ValueCodingError(.malformed, "half of a surrogate pair is no character", at: position)
        }
    }

    private static func unescape(
        _ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) -> Unescaped {
        let content = UnsafeBufferPointer(rebasing: text[range.lowerBound + 1..<range.upperBound - 1])
        var result = Unescaped.printsBack
        var position = 0
        while position < content.count {
            let backslash = content[position...].firstIndex(of: UInt8(ascii: "\\")) ?? content.count
            append(content, position..<backslash, to: &out)
            guard backslash < content.count else { break }
            position = backslash + 2
            switch content[backslash + 1] {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "/"):
                out.append(UInt8(ascii: "/"))
                result = .writtenOtherwise
            case UInt8(ascii: "u"):
                let unit = codeUnit(in: content, at: position)
                position += 4
                if unit < 0x20 {
                    out.append(UInt8(unit))
                    if !isControlEscape(content[backslash..<position], of: UInt8(unit)) { result = .writtenOtherwise }
                    continue
                }
                var scalar = Unicode.Scalar(unit)
                if unit >> 10 == 0xD800 >> 10, position + 6 <= content.count, content[position] == UInt8(ascii: "\\"),
                    content[position + 1] == UInt8(ascii: "u")
                {
                    let low = codeUnit(in: content, at: position + 2)
                    if low >> 10 == 0xDC00 >> 10 {
                        scalar = Unicode.Scalar(0x10000 + ((unit & 0x3FF) << 10 | low & 0x3FF))
                        position += 6
                    }
                }
                guard let scalar else { return .loneSurrogate(at: range.lowerBound + 1 + backslash) }
                out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                result = .writtenOtherwise
            case let itself: out.append(itself)  // A quote or a backslash: the scanner let nothing else pass.
            }
        }
        return result
    }

    /// The value of four hexadecimal digits that the scanner has accepted.
    private static func codeUnit(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> UInt32 {
        var unit: UInt32 = 0
        for index in position..<position + 4 {
            unit = unit << 4 | UInt32(JSONScanner.hexDigit(text[index]) ?? 0)
        }
        return unit
    }

    /// Whether `escape`, a \u escape, is the one that `append(escaped:)` writes for a control character.
    private static func isControlEscape(_ escape: Slice<UnsafeBufferPointer<UInt8>>, of control: UInt8) -> Bool {
        var printed: [UInt8] = []
        appendEscape(of: control, to: &printed)
        return escape.elementsEqual(printed)
    }
}
