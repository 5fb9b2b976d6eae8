// The JSON scanner: finds where values end and what they are, without building anything.
//
// The scanner stands on a byte that it has not accepted yet. Whatever lies before `position` is JSON as far as it goes.
// An error's position is the first byte that can't belong to any JSON text beginning this way. Nesting is kept in 512
// bits, not on the stack, so hostile text can't overflow it.
//
// It reads the caller's bytes through a pointer that is valid during the caller's call. It never reads past
// `text.count`: each read is under a comparison of `position` with it.

struct JSONScanner {
    enum Shape: Equatable {
        /// `escaped`: it holds at least one backslash.
        case string(escaped: Bool)
        /// `integer`: neither a fraction nor an exponent.
        case number(integer: Bool)
        case `true`, `false`, null
        /// `spaced`: it holds whitespace outside strings.
        case container(spaced: Bool)
    }

    struct Value {
        /// The value's bytes, a string's quotes included.
        var range: Range<Int>
        var shape: Shape
    }

    let text: UnsafeBufferPointer<UInt8>
    private(set) var position: Int

    init(_ text: UnsafeRawBufferPointer, at position: Int = 0) {
        precondition(position >= 0 && position <= text.count, "the scan begins outside the text")
        self.text = text.bindMemory(to: UInt8.self)
        self.position = position
    }

    /// The byte to be looked at next; 0, which no JSON text contains, at the end.
    @inline(__always)
    var next: UInt8 { position < text.count ? text[position] : 0 }

    @inline(__always)
    func malformed(_ message: String, at offset: Int? = nil) -> ValueCodingError {
        let offset = offset ?? position
        return ValueCodingError(.malformed, offset < text.count ? message : "\(message), not the end", at: offset)
    }

    /// Returns whether there was any.
    @inline(__always)
    @discardableResult
    mutating func skipWhitespace() -> Bool {
        let start = position
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return position > start
            }
        }
        return position > start
    }

    /// Takes `byte` if it comes next.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte, position < text.count else { return false }
        position += 1
        return true
    }

    mutating func expectEnd() throws(ValueCodingError) {
        skipWhitespace()
        guard position == text.count else { throw malformed("expected nothing more after the value") }
    }

    // MARK: - Values

    /// Scans the value that begins at `position`.
    mutating func scanValue() throws(ValueCodingError) -> Value {
        let start = position
        let shape =
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["): Shape.container(spaced: try scanContainer())
            default: try scanScalar()
            }
        return Value(range: start..<position, shape: shape)
    }

    @inline(__always)
    private mutating func scanScalar() throws(ValueCodingError) -> Shape {
        switch next {
        case UInt8(ascii: "\""): return .string(escaped: try scanString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(integer: try scanNumber())
        case UInt8(ascii: "t"):
            try scanLiteral("true")
            return .true
        case UInt8(ascii: "f"):
            try scanLiteral("false")
            return .false
        case UInt8(ascii: "n"):
            try scanLiteral("null")
            return .null
        default: throw malformed("expected a JSON value")
        }
    }

    private mutating func scanLiteral(_ literal: StaticString) throws(ValueCodingError) {
        for index in 0..<literal.utf8CodeUnitCount {
            guard take(literal.utf8Start[index]) else { throw malformed("expected '\(literal)'") }
        }
    }

    /// Returns whether there is whitespace outside strings.
    private mutating func scanContainer() throws(ValueCodingError) -> Bool {
        var objects = SIMD8<UInt64>()  // Bit d: whether the container at depth d is an object.
        var inObject = false
        var depth = 0
        var spaced = false
        while true {
            let opener = next
            if opener == UInt8(ascii: "{") || opener == UInt8(ascii: "[") {
                guard depth < JSONText.depthMax else { throw malformed("nested deeper than \(JSONText.depthMax)") }
                position += 1
                inObject = opener == UInt8(ascii: "{")
                let bit: UInt64 = 1 << UInt64(depth & 63)
                objects[depth >> 6] = inObject ? objects[depth >> 6] | bit : objects[depth >> 6] & ~bit
                depth += 1
                if skipWhitespace() { spaced = true }
                if next != (inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    if inObject, try scanMemberName() { spaced = true }
                    continue
                }
            } else {
                _ = try scanScalar()
            }
            // After a value: a comma and the next one, or the ends of containers.
            while true {
                if skipWhitespace() { spaced = true }
                if take(UInt8(ascii: ",")) {
                    if skipWhitespace() { spaced = true }
                    if inObject, try scanMemberName() { spaced = true }
                    break
                }
                guard take(inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw malformed(inObject ? "expected ',' or '}'" : "expected ',' or ']'")
                }
                depth -= 1
                if depth == 0 { return spaced }
                inObject = objects[(depth - 1) >> 6] & (1 << UInt64((depth - 1) & 63)) != 0
            }
        }
    }

    /// Scans a name and its colon, up to the member's value, and returns whether there was whitespace.
    @inline(__always)
    private mutating func scanMemberName() throws(ValueCodingError) -> Bool {
        guard next == UInt8(ascii: "\"") else { throw malformed("expected a member's name") }
        _ = try scanString()
        let before = skipWhitespace()
        guard take(UInt8(ascii: ":")) else { throw malformed("expected ':'") }
        let after = skipWhitespace()
        return before || after
    }

    // MARK: - Numbers

    /// Scans a number that begins at `position` and returns whether it is an integer.
    @inline(__always)
    private mutating func scanNumber() throws(ValueCodingError) -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try scanDigits() }
        var integer = true
        if take(UInt8(ascii: ".")) {
            integer = false
            try scanDigits()
        }
        if next | 0x20 == UInt8(ascii: "e") {
            integer = false
            position += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try scanDigits()
        }
        return integer
    }

    @inline(__always)
    private mutating func scanDigits() throws(ValueCodingError) {
        let start = position
        while position < text.count, text[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        guard position > start else { throw malformed("expected a digit") }
    }

    // MARK: - Strings

    /// Scans a string, from its opening quote to behind the closing one, and returns whether it holds escapes.
    @inline(__always)
    mutating func scanString() throws(ValueCodingError) -> Bool {
        position += 1
        var escaped = false
        while true {
            position = Self.endOfPlainText(in: text, from: position)
            guard position < text.count else { throw malformed("expected '\"'") }
            switch text[position] {
            case UInt8(ascii: "\""):
                position += 1
                return escaped
            case UInt8(ascii: "\\"):
                escaped = true
                try scanEscape()
            case 0x80...:
                let length = Self.lengthOfMultibyte(in: text, at: position)
                guard length > 0 else { throw malformed("invalid UTF-8") }
                position += length
            default:
                throw malformed("a control character in a string must be escaped")
            }
        }
    }

    private mutating func scanEscape() throws(ValueCodingError) {
        position += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            position += 1
            for _ in 0..<4 {
                guard Self.hexDigit(next) != nil else { throw malformed("expected four hexadecimal digits") }
                position += 1
            }
        default: throw malformed("no such escape")
        }
    }

    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The first byte from `start` on that is a quote, a backslash, a control character or not ASCII; or the end.
    @inline(__always)
    static func endOfPlainText(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = start
        let raw = UnsafeRawBufferPointer(text)
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs = ones << 7
        while position + 8 <= text.count {
            // Eight bytes at once. Each term sets the high bit of a byte that it looks for. It may also set that of a
            // byte after one, never before. So the lowest bit set is right.
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found =
                (word | ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote)
                    | ((backslash &- ones) & ~backslash)) & highs
            if found != 0 { return position + found.trailingZeroBitCount >> 3 }
            position += 8
        }
        while position < text.count {
            let byte = text[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return position }
            position += 1
        }
        return position
    }

    /// The length of the well-formed UTF-8 sequence of two to four bytes at `position`, 0 if there is none
    /// (Unicode, table 3-7).
    static func lengthOfMultibyte(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch text[position] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard position + length <= text.count, second.contains(text[position + 1]) else { return 0 }
        for index in 2..<max(length, 2) where text[position + index] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
