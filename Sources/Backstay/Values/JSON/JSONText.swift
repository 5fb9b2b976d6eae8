// JSON text: what the store reads and writes as JSON, on UTF-8 bytes.
//
// Text is JSON if RFC 8259 says so, with these bounds: it is valid UTF-8 without a byte order mark, and nests at most
// `depthMax` deep. JSONDecoder reads as deep. An escape of a lone surrogate is JSON and is kept in a value's text. But
// it is no Unicode, so it is rejected if a String is needed (a key, a value of type string).
//
// How values become text and back: JSONText+Export.swift and JSONText+Import.swift, which are each other's inverse.

package import WriteAheadJournal

package enum JSONText {
    /// How deep arrays and objects may nest.
    package static let depthMax = 512

    /// Checks that `text` is one JSON value with nothing but whitespace around it.
    ///
    /// Throws `.malformed` with the offset of the first byte that can't belong to it.
    package static func validate(_ text: UnsafeRawBufferPointer) throws(ValueCodingError) {
        _ = try wholeValue(in: JSONScanner(text))
    }

    /// Scans one JSON value that begins at `position`, whitespace before it allowed, and returns where it ends.
    ///
    /// Throws `.malformed` with the offset of the first byte that can't belong to it.
    package static func endOfValue(
        in text: UnsafeRawBufferPointer, from position: Int = 0
    ) throws(ValueCodingError) -> Int {
        var scanner = JSONScanner(text, at: position)
        scanner.skipWhitespace()
        return try scanner.scanValue().range.upperBound
    }

    /// The same JSON text without the whitespace outside strings.
    ///
    /// Throws `.malformed` if it is not JSON.
    package static func compact(_ text: UnsafeRawBufferPointer) throws(ValueCodingError) -> [UInt8] {
        let scanner = JSONScanner(text)
        let value = try wholeValue(in: scanner)
        var out: [UInt8] = []
        appendCompact(value, in: scanner.text, to: &out)
        return out
    }

    /// What the command line makes of an argument. If the whole text is JSON, it is a JSON value as an import line
    /// would store it. Else it is a string.
    package static func cliValue(_ text: String) -> (kind: ValueKind, bytes: [UInt8]) {
        let bytes = Array(text.utf8)
        let parsed: (kind: ValueKind, bytes: [UInt8])? = bytes.withUnsafeBytes { raw in
            let scanner = JSONScanner(raw)
            guard let value = try? wholeValue(in: scanner) else { return nil }
            var stored: [UInt8] = []
            return (appendStored(value, in: scanner.text, to: &stored), stored)
        }
        return parsed ?? (.string, bytes)
    }

    /// Whether `text` is the JSON literal null. Looks no further than the first value's first byte if it is not.
    static func isNull(_ text: UnsafeRawBufferPointer) -> Bool {
        var scanner = JSONScanner(text)
        scanner.skipWhitespace()
        guard scanner.next == UInt8(ascii: "n"), let value = try? wholeValue(in: scanner) else { return false }
        return value.shape == .null
    }

    static func wholeValue(in scanner: JSONScanner) throws(ValueCodingError) -> JSONScanner.Value {
        var scanner = scanner
        scanner.skipWhitespace()
        let value = try scanner.scanValue()
        try scanner.expectEnd()
        return value
    }

    /// Appends a scanned value without the whitespace in it.
    static func appendCompact(
        _ value: JSONScanner.Value, in text: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]
    ) {
        guard case .container(spaced: true) = value.shape else {
            out.append(contentsOf: text[value.range])
            return
        }
        var runStart = value.range.lowerBound
        var position = runStart
        var inString = false
        while position < value.range.upperBound {
            switch text[position] {
            case UInt8(ascii: "\""): inString.toggle()
            case UInt8(ascii: "\\"): position += 1  // Only a string holds one, and the byte after it ends nothing.
            case 0x20, 0x0A, 0x0D, 0x09:
                if !inString {
                    out.append(contentsOf: text[runStart..<position])
                    runStart = position + 1
                }
            default: break
            }
            position += 1
        }
        out.append(contentsOf: text[runStart..<value.range.upperBound])
    }
}
