// Export and import are each other's inverse: any stored value comes back bit for bit, any JSON text byte for byte.

import Foundation
import TestSupport
import Testing
import WriteAheadJournal

@testable import Backstay

/// BACKSTAY_TEST_SEED replays what an issue names.
private let seed = ProcessInfo.processInfo.environment["BACKSTAY_TEST_SEED"].flatMap { UInt64($0) } ?? 4

/// Random stored values and JSON texts, with a preference for what is hard.
private struct Samples {
    var random = SplitMix64(seed: seed)

    mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }
    mutating func count(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func text() -> String {
        let hard: [Unicode.Scalar] = [
            "\0", "\u{1}", "\u{8}", "\t", "\n", "\u{B}", "\u{C}", "\r", "\u{1F}", " ", "\"", "\\", "/", "\u{7F}",
            "\u{80}",
            "é", "\u{301}", "\u{2028}", "\u{D7FF}", "\u{E000}", "\u{FEFF}", "\u{FFFF}", "😀", "\u{10FFFF}", "u", "0",
            "a",
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<count(0..<20) {
            if chance(3), let any = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) {
                scalars.append(any)
            } else {
                scalars.append(hard.randomElement(using: &random) ?? "a")
            }
        }
        return String(scalars)
    }

    mutating func double() -> Double {
        while true {
            let value = chance(2) ? Double(bitPattern: random.next()) : Double(count(-100_000..<100_000)) / 1_000
            if value.isFinite { return value }
        }
    }

    mutating func stored() -> Encoded {
        switch ValueKind.allCases.randomElement(using: &random) ?? .json {
        case .int: .word(.int, chance(2) ? random.next() : UInt64(count(0..<300)))
        case .uint: .word(.uint, random.next() | 1 << 63)
        case .double: .word(.double, double().bitPattern)
        case .bool: Encoded(.bool, [chance(2) ? 1 : 0])
        case .string: Encoded(.string, Array(text().utf8))
        case .bytes: Encoded(.bytes, (0..<count(0..<20)).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .date: .word(.date, double().bitPattern)
        case .uuid: Encoded(.uuid, (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .json: .json(json(depth: 0, spaced: false))
        }
    }

    mutating func space(_ spaced: Bool) -> String {
        spaced && chance(3)
            ? String(
                (0..<count(1..<4)).map { _ in [" ", "\t", "\r", "\n"].randomElement(using: &random) ?? " " }.joined())
            : ""
    }

    mutating func jsonString() -> String {
        var literal = "\""
        for unit in text().unicodeScalars {
            if unit.value < 0x20 || unit == "\"" || unit == "\\" || chance(8) {
                for half in String(unit).utf16 {
                    let hex = String(half, radix: 16, uppercase: chance(2))
                    literal += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                }
            } else {
                literal.unicodeScalars.append(unit)
            }
            if chance(12) {
                literal +=
                    [#"\n"#, #"\""#, #"\/"#, #"\\"#, #"\b"#, #"\ud800"#, #"\uDFFF"#].randomElement(using: &random) ?? ""
            }
        }
        return literal + "\""
    }

    mutating func jsonNumber() -> String {
        switch count(0..<5) {
        case 0: return "\(double())"
        case 1: return "\(Int64(bitPattern: random.next()) >> count(0..<64))"
        case 2: return "\(random.next())"
        default:
            var text = chance(2) ? "-" : ""
            text += chance(3) ? "0" : "\(count(1..<100))" + String(repeating: "0", count: count(0..<20))
            if chance(2) { text += "." + (0..<count(1..<12)).map { _ in "\(count(0..<10))" }.joined() }
            if chance(3) { text += ["e", "E", "e+", "E+", "e-", "E-"][count(0..<6)] + "\(count(0..<400))" }
            return text
        }
    }

    mutating func json(depth: Int, spaced: Bool) -> String {
        switch count(0..<(depth < 4 ? 7 : 5)) {
        case 0: return ["null", "true", "false"][count(0..<3)]
        case 1, 2: return jsonNumber()
        case 3, 4: return jsonString()
        case 5:
            let items = (0..<count(0..<4)).map { _ in
                space(spaced) + json(depth: depth + 1, spaced: spaced) + space(spaced)
            }
            return "[" + (items.isEmpty ? space(spaced) : items.joined(separator: ",")) + "]"
        default:
            let members = (0..<count(0..<4)).map { _ in
                space(spaced) + jsonString() + space(spaced) + ":" + space(spaced)
                    + json(depth: depth + 1, spaced: spaced) + space(spaced)
            }
            return "{" + (members.isEmpty ? space(spaced) : members.joined(separator: ",")) + "}"
        }
    }
}

private func exportLine(_ key: [UInt8], _ value: Encoded) throws -> [UInt8] {
    let kind = try #require(value.kind)
    return try key.withUnsafeBytes { key in
        try value.bytes.withUnsafeBytes { try JSONText.exportLine(key: key, kind: kind, bytes: $0) }
    }
}

private func jsonText(_ value: Encoded) throws -> String {
    let kind = try #require(value.kind)
    return String(
        decoding: try value.bytes.withUnsafeBytes { try JSONText.jsonText(kind: kind, bytes: $0) }, as: UTF8.self)
}

struct JSONTextRoundTripTests {
    @Test func anyStoredValueComesBackBitForBit() throws {
        var samples = Samples()
        var kinds: [ValueKind?: Int] = [:]
        for _ in 0..<20_000 {
            let value = samples.stored()
            let key = Array(samples.text().utf8)
            let line = try exportLine(key, value)
            #expect(!line.contains(0x0A) && !line.contains(0x0D))
            let back = try line.withUnsafeBytes { try JSONText.parseLine($0) }
            if back != ImportLine(key: key, kind: value.kind, value: value.bytes) {
                Issue.record("\(value) became \(back) by \(String(decoding: line, as: UTF8.self)), seed \(seed)")
            }
            kinds[value.kind, default: 0] += 1
        }
        #expect(kinds.count == ValueKind.allCases.count && kinds.values.allSatisfy { $0 > 1_000 })
    }

    @Test func anyJSONTextComesBackByteForByte() throws {
        var samples = Samples()
        var native = 0
        for _ in 0..<20_000 {
            let text = samples.json(depth: 0, spaced: true)
            let compact = try text.withBytes { try JSONText.compact($0) }
            let line = try #"{"key":"k","value":\#(text)}"#.withBytes { try JSONText.parseLine($0) }
            let value = Encoded(line.kind, line.value)
            if try jsonText(value) != String(decoding: compact, as: UTF8.self) {
                Issue.record("\(text) became \(try jsonText(value)), seed \(seed)")
            }
            let exported = String(decoding: try exportLine([107], value), as: UTF8.self)
            if exported != #"{"key":"k","value":\#(String(decoding: compact, as: UTF8.self))}"# {
                Issue.record("\(text) exported as \(exported), seed \(seed)")
            }
            if value.kind != .json { native += 1 }
        }
        #expect((2_000...18_000).contains(native))
    }

    @Test func acceptedTextIsJSONForJSONDecoderToo() throws {
        // Random damage to random JSON: what the scanner takes, an independent parser takes. (JSONDecoder refuses lone
        // surrogates and numbers beyond a Double, so these are taken out.)
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        var samples = Samples()
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(samples.json(depth: 0, spaced: true).utf8)
            for _ in 0..<samples.count(1..<3) where !bytes.isEmpty {
                let index = samples.count(0..<bytes.count)
                switch samples.count(0..<3) {
                case 0: bytes.remove(at: index)
                case 1:
                    bytes[index] =
                        Array(" \t\n{}[],:\"\\eE+-.019untrlas/\u{1}\u{7F}".utf8).randomElement(using: &samples.random)
                        ?? 0
                default: bytes.insert(bytes[samples.count(0..<bytes.count)], at: index)
                }
            }
            guard bytes.withUnsafeBytes({ (try? JSONText.validate($0)) != nil }) else { continue }
            accepted += 1
            if (try? JSONDecoder().decode(Anything.self, from: Data(bytes))) == nil {
                Issue.record("accepted \(String(decoding: bytes, as: UTF8.self)), seed \(seed)")
            }
        }
        #expect((1_000...19_000).contains(accepted))
    }

    @Test func linesNameTheTypeExactlyWhereItIsNeeded() throws {
        func exported(_ value: some Encodable) throws -> String {
            String(decoding: try exportLine([107], Encoded(value)), as: UTF8.self)
        }
        #expect(try exported(42) == #"{"key":"k","value":42}"#)
        #expect(try exported(UInt64.max) == #"{"key":"k","value":18446744073709551615}"#)
        #expect(try exported(1.0) == #"{"key":"k","value":1.0}"#)
        #expect(try exported(true) == #"{"key":"k","value":true}"#)
        #expect(try exported("a\u{1}\n\"é/") == #"{"key":"k","value":"a\u0001\n\"é/"}"#)
        #expect(try exported([UInt8]([1, 2])) == #"{"key":"k","value":"AQI=","type":"bytes"}"#)
        #expect(try exported(Date(timeIntervalSinceReferenceDate: 0)) == #"{"key":"k","value":0.0,"type":"date"}"#)
        #expect(
            try exported(UUID(uuid: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255)))
                == #"{"key":"k","value":"00010203-0405-0607-0809-0A0B0C0D0EFF","type":"uuid"}"#)
        #expect(try exported(["a": 1]) == #"{"key":"k","value":{"a":1}}"#)
        #expect(try exported(Int128(5)) == #"{"key":"k","value":5,"type":"json"}"#)
        #expect(try exported(UInt128.max) == #"{"key":"k","value":340282366920938463463374607431768211455}"#)
        for value: Encoded in [
            .json("5"), .json("1.5"), .json("true"), .json(#""a""#), .json(#""\n""#), Encoded(.bytes, []),
        ] {
            #expect(try value.bytes.withUnsafeBytes { try JSONText.needsType(kind: value.kind ?? .json, bytes: $0) })
        }
        for value: Encoded in [
            .json("null"), .json("1e5"), .json("[5]"), .json(#""\u000a""#), .word(.double, 0), Encoded(.string, []),
        ] {
            #expect(try !value.bytes.withUnsafeBytes { try JSONText.needsType(kind: value.kind ?? .json, bytes: $0) })
        }
    }

    @Test func foreignWhitespaceInKeptTextCanNotBreakALine() throws {
        let line = try exportLine([107], .json("[\n1 ]"))
        #expect(String(decoding: line, as: UTF8.self) == #"{"key":"k","value":[1]}"#)
    }

    @Test func damagedValuesAreNotExported() throws {
        for value: Encoded in [
            .json("[1"), .json(""), Encoded(.string, [0xFF]), Encoded(.int, [1]), Encoded(.bool, [7]),
        ] {
            let error = #expect(throws: ValueCodingError.self) { try exportLine([107], value) }
            #expect(error?.kind == .malformed)
        }
        #expect(throws: ValueCodingError.self) { try exportLine([0xC3], Encoded(.bool, [1])) }
    }
}
