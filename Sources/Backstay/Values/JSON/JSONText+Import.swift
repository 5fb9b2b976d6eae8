// Import lines: one JSON object a line, as `exportLine` writes it or a person does.
//
//   {"key": K, "value": V}               sets K to V, by V's text alone (JSONText+Scalars.swift)
//   {"key": K, "value": V, "type": T}    sets K to V as the kind named T
//   {"key": K, "remove": true}           removes K
//
// Members may be in any order. These are rejected, because a typing mistake must not turn into a change that nobody
// asked for:
//   - a member of another name;
//   - a second member of the same name;
//   - a member that does not belong.
// Whether a key is in bounds is the store's to say.

internal import WriteAheadJournal

extension JSONText {
    /// Reads one line, its line break not included (a carriage return counts as whitespace).
    ///
    /// Throws `.malformed` for what is no such line, `.typeMismatch` or `.valueOutOfBounds` for a value that its type
    /// does not allow. The position is the offset in the line.
    package static func parseLine(_ line: UnsafeRawBufferPointer) throws(ValueCodingError) -> ImportLine {
        var result = ImportLine()
        try parseLine(line, into: &result)
        return result
    }

    /// The same into a line that is used again and again, whose buffers are kept. After an error it holds nothing of use.
    package static func parseLine(
        _ line: UnsafeRawBufferPointer, into result: inout ImportLine
    ) throws(ValueCodingError) {
        result.key.removeAll(keepingCapacity: true)
        result.value.removeAll(keepingCapacity: true)
        result.kind = nil

        var scanner = JSONScanner(line)
        let members = try ImportMembers(&scanner, key: &result.key)
        guard members.hasKey else { throw scanner.malformed("no \"key\" in the line", at: 0) }
        switch (members.value, members.removePosition, members.type) {
        case (let value?, nil, nil):
            result.kind = appendStored(value, in: scanner.text, to: &result.value)
        case (let value?, nil, let type?):
            result.kind = try appendStored(value, as: type.kind, in: scanner.text, to: &result.value)
        case (nil, _?, nil): break
        case (_?, let position?, _):
            throw ValueCodingError(.malformed, "\"remove\" and \"value\" exclude each other", at: position)
        case (nil, _?, let type?):
            throw ValueCodingError(.malformed, "\"type\" belongs to a \"value\"", at: type.position)
        case (nil, nil, _):
            throw ValueCodingError(.malformed, "neither \"value\" nor \"remove\" in the line", at: 0)
        }
    }
}

/// The members of a line, scanned but not yet converted: the type may come after the value.
private struct ImportMembers {
    var hasKey = false
    var value: JSONScanner.Value?
    var type: (kind: ValueKind, position: Int)?
    var removePosition: Int?

    private enum Name { case key, value, type, remove }

    init(_ scanner: inout JSONScanner, key: inout [UInt8]) throws(ValueCodingError) {
        scanner.skipWhitespace()
        guard scanner.take(UInt8(ascii: "{")) else { throw scanner.malformed("expected '{'") }
        scanner.skipWhitespace()
        if !scanner.take(UInt8(ascii: "}")) {
            repeat {
                scanner.skipWhitespace()
                try scan(&scanner, key: &key)
                scanner.skipWhitespace()
            } while scanner.take(UInt8(ascii: ","))
            guard scanner.take(UInt8(ascii: "}")) else { throw scanner.malformed("expected ',' or '}'") }
        }
        try scanner.expectEnd()
    }

    @inline(__always)
    private mutating func scan(_ scanner: inout JSONScanner, key: inout [UInt8]) throws(ValueCodingError) {
        let start = scanner.position
        let name = try Self.name(&scanner)
        scanner.skipWhitespace()
        guard scanner.take(UInt8(ascii: ":")) else { throw scanner.malformed("expected ':'") }
        scanner.skipWhitespace()
        let member = try scanner.scanValue()
        let position = member.range.lowerBound
        let repeated =
            switch name {
            case .key: hasKey
            case .value: value != nil
            case .type: type != nil
            case .remove: removePosition != nil
            }
        if repeated { throw scanner.malformed("the same member twice", at: start) }
        switch name {
        case .key:
            switch member.shape {
            case .string(escaped: false):
                JSONText.append(scanner.text, position + 1..<member.range.upperBound - 1, to: &key)
            case .string(escaped: true):
                try JSONText.unescape(stringOf: member.range, in: scanner.text, to: &key)
            default: throw scanner.malformed("\"key\" must be a string", at: position)
            }
            hasKey = true
        case .value: value = member
        case .type:
            guard case .string = member.shape else {
                throw scanner.malformed("\"type\" must be a string", at: position)
            }
            var text: [UInt8] = []
            try JSONText.unescape(stringOf: member.range, in: scanner.text, to: &text)
            guard let kind = ValueKind.allCases.first(where: { $0.name.utf8.elementsEqual(text) }) else {
                let names = ValueKind.allCases.map(\.name).joined(separator: ", ")
                throw scanner.malformed("\"type\" must be one of \(names)", at: position)
            }
            type = (kind, position)
        case .remove:
            guard member.shape == .true else { throw scanner.malformed("\"remove\" can only be true", at: position) }
            removePosition = start
        }
    }

    @inline(__always)
    private static func name(_ scanner: inout JSONScanner) throws(ValueCodingError) -> Name {
        guard scanner.next == UInt8(ascii: "\"") else { throw scanner.malformed("expected a member's name") }
        let start = scanner.position
        let escaped = try scanner.scanString()
        let range = start + 1..<scanner.position - 1
        if !escaped, let name = name(of: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scanner.text)[range]))
        {
            return name
        }
        if escaped {
            var text: [UInt8] = []
            try JSONText.unescape(stringOf: start..<scanner.position, in: scanner.text, to: &text)
            if let name = text.withUnsafeBytes({ name(of: $0) }) { return name }
        }
        throw scanner.malformed("only \"key\", \"value\", \"type\" and \"remove\" belong in a line", at: start)
    }

    @inline(__always)
    private static func name(of text: UnsafeRawBufferPointer) -> Name? {
        func matches(_ literal: StaticString) -> Bool {
            for index in 0..<literal.utf8CodeUnitCount where text[index] != literal.utf8Start[index] { return false }
            return true
        }
        switch text.count {
        case 3 where matches("key"): return .key
        case 5 where matches("value"): return .value
        case 4 where matches("type"): return .type
        case 6 where matches("remove"): return .remove
        default: return nil
        }
    }
}
