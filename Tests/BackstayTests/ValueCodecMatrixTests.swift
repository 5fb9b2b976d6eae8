// Decoding: every stored kind asked for as every type.
//
// One table by hand says which types decode from which value. A second test compares each answer, value included, with
// what JSONDecoder makes of the value's JSON form, over boundaries and seeded random values.

import Foundation
import TestSupport
import Testing
import WriteAheadJournal

@testable import Backstay

private typealias Color = ValueSamples.Color
private typealias Level = ValueSamples.Level
private typealias Flags = ValueSamples.Flags
private typealias Celsius = ValueSamples.Celsius
private typealias Moment = ValueSamples.Moment
private typealias Nested = ValueSamples.Nested
private typealias User = ValueSamples.User

/// A type of one's own that codes as a single value, so only JSONDecoder can decode it.
private struct Single<Value: Codable>: Codable {
    var value: Value
    init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Value.self) }
    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// A raw value that is not known decodes as `unknown`, by the type's own init(from:).
private enum Lenient: String, Codable {
    case red, unknown
    init(from decoder: any Decoder) throws {
        self = Lenient(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
}

/// A type that can be asked for, by the name used in the table.
private struct Asked: Sendable {
    var name: String
    /// What it decodes to, as text; nil for a type mismatch. Any other error is thrown.
    var decoded: @Sendable (Encoded) throws -> String?
    /// The same through JSONDecoder from JSON text.
    var oracle: @Sendable (Data) -> String?

    init<Value: Decodable & SendableMetatype>(_ type: Value.Type, _ name: String? = nil) {
        self.name = name ?? "\(type)"
        decoded = { encoded in
            guard let kind = encoded.kind else { return nil }
            let answer: Result<Value, any Error> = Result { try decode(type, kind, encoded.bytes) }
            let optional: Result<Value?, any Error> = Result { try decode(Value?.self, kind, encoded.bytes) }
            switch (answer, optional) {
            case (.success(let value), .success(let same)):
                #expect("\(value)" == same.map { "\($0)" }, "as Optional")
                return "\(value)"
            case (.failure(let error as ValueCodingError), .failure(let same as ValueCodingError)):
                #expect(error.kind == same.kind)
                guard error.kind == .typeMismatch else { throw error }
                #expect(error.message.contains("stored \(kind.name) does not decode as \(type)"))
                return nil
            case (.failure(let error as ValueCodingError), .success(.none)):
                #expect(error.kind == .typeMismatch && encoded == .json("null"))
                return nil
            default:
                Issue.record("\(type) and its Optional differ for \(kind.name): \(answer), \(optional)")
                return nil
            }
        }
        oracle = { (try? JSONDecoder().decode(type, from: $0)).map { "\($0)" } }
    }
}

/// JSONDecoder decides for all of these.
private let plainTypes: [Asked] = [
    Asked(Int.self), Asked(Int8.self), Asked(Int16.self), Asked(Int32.self), Asked(Int64.self), Asked(Int128.self),
    Asked(UInt.self), Asked(UInt8.self), Asked(UInt16.self), Asked(UInt32.self), Asked(UInt64.self),
    Asked(Double.self), Asked(Float.self), Asked(Bool.self), Asked(String.self),
    Asked(Data.self), Asked(Date.self), Asked(UUID.self), Asked(Decimal.self), Asked(URL.self),
    Asked(Color.self), Asked(Lenient.self), Asked(Level.self), Asked(Flags.self), Asked(Celsius.self),
    Asked(User.self), Asked([Int].self), Asked([String: Int].self),
    Asked(Single<Int>.self), Asked(Single<Double>.self), Asked(Single<Bool>.self), Asked(Single<String>.self),
    Asked(Single<Data>.self), Asked(Single<Date>.self), Asked(Single<UUID>.self),
]

/// These decode from more than JSONDecoder reads.
private let otherTypes: [Asked] = [Asked([UInt8].self, "[UInt8]"), Asked(Moment.self), Asked(Nested.self)]

struct ValueCodecMatrixTests {
    /// For each stored value, the types that decode from it and what they give. A type not named must not decode.
    private static let integers = "Int Int8 Int16 Int32 Int64 Int128 UInt UInt8 UInt16 UInt32 UInt64 Flags Single<Int>"
    private static let numbers = "Double Float Date Decimal Celsius Moment Single<Double> Single<Date>"
    private static let texts = "String Lenient Single<String> URL"

    @Test(arguments: [
        ("int 200", Encoded.word(.int, 200), integers.replacing(" Int8", with: "") + " Level Nested " + numbers),
        ("int -1", .word(.int, .max), "Int Int8 Int16 Int32 Int64 Int128 Single<Int> " + numbers),
        ("uint", .word(.uint, .max), "UInt UInt64 Int128 Flags " + numbers),
        ("double 1.0", .word(.double, 1.0.bitPattern), integers + " Level Nested " + numbers),
        ("double 1.5", .word(.double, 1.5.bitPattern), numbers),
        ("double 1e300", .word(.double, 1e300.bitPattern), "Double Date Celsius Moment Single<Double> Single<Date>"),
        ("bool", Encoded(.bool, [1]), "Bool Single<Bool>"),
        ("string", Encoded(.string, Array("green".utf8)), texts + " Color"),
        ("string of digits", Encoded(.string, Array("42".utf8)), texts),
        ("empty string", Encoded(.string, []), "String Lenient Single<String> [UInt8] Data Single<Data>"),
        ("base64", Encoded(.string, Array("AQI=".utf8)), texts + " [UInt8] Data Single<Data>"),
        (
            "uuid in a string", Encoded(.string, Array("e621e1f8-c36c-495a-93fc-0c247a3e6e5f".utf8)),
            texts + " UUID Single<UUID>"
        ),
        ("bytes", Encoded(.bytes, [1, 2]), texts + " [UInt8] Data Single<Data>"),
        ("date", .word(.date, 1.5.bitPattern), numbers),
        ("date at a whole second", .word(.date, 1.0.bitPattern), integers + " Level Nested " + numbers),
        ("uuid", Encoded(.uuid, Array(0..<16)), texts + " UUID Single<UUID>"),
        ("json user", .json(#"{"name":"ada","age":36,"site":""}"#), "User"),
        ("json dictionary", .json(#"{"a":1}"#), "Dictionary<String, Int>"),
        ("json raw value", .json(#"{"rawValue":5}"#), "Moment Dictionary<String, Int>"),
        ("json bytes", .json("[1,2]"), "Array<Int> [UInt8] Data"),
        ("json array", .json("[1,256]"), "Array<Int>"),
        ("json null", .json("null"), ""),
        ("json number", .json("1e2"), integers + " " + numbers),
        ("json string", .json(#""gre\u0065n""#), texts + " Color"),
        ("json base64", .json(#""\u0041QI=""#), texts + " [UInt8] Data Single<Data>"),
        ("json bool", .json("true"), "Bool Single<Bool>"),
        ("json lone surrogate", .json(#""\ud800""#), ""),
    ])
    func decodesAsExactlyTheseTypes(name: String, value: Encoded, types: String) throws {
        // "Dictionary<String, Int>" has a space of its own.
        let expected = Set(types.replacing(", ", with: ",").split(separator: " ").map { String($0) })
        var decoded: Set<String> = []
        for type in plainTypes + otherTypes where try type.decoded(value) != nil {
            decoded.insert(type.name.replacing(", ", with: ","))
        }
        #expect(decoded.subtracting(expected) == [], "decoded, and should not have")
        #expect(expected.subtracting(decoded) == [], "should have decoded")
    }

    @Test func agreesWithJSONDecoderOnTheJSONForm() throws {
        var random = SplitMix64(seed: 1)
        var values: [any Encodable] = [
            true, false, "", "x", "42", "AQI=", "AQI", "AQJ=", "red", "a\"\u{1}/\n", User(name: "", age: 1),
        ]
        for bits in 0..<64 {
            for value in [Int64(1) << bits, (1 << bits) &- 1, 0 &- (1 << bits), ~(1 << bits)] {
                values += [value, UInt64(bitPattern: value), Double(value), Double(value).nextUp, Double(value) + 0.5]
            }
        }
        for float in [
            Float.greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude,
            65504,
        ] {
            let value = Double(float)
            values += [
                value, value.nextUp, value.nextDown, value / 2, -value, value * 1.00000005,
                Date(timeIntervalSinceReferenceDate: value),
            ]
        }
        values += [0.0, -0.0, Double.greatestFiniteMagnitude, Double.leastNonzeroMagnitude]
        for _ in 0..<300 {
            let double = Double(bitPattern: random.next())
            if double.isFinite { values.append(double) }
            values.append(Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / 100)
            values.append(Int64.random(in: .min ... .max, using: &random))
        }
        for count in 0..<20 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            values += [bytes, Data(bytes).base64EncodedString(), String(decoding: bytes, as: UTF8.self)]
        }
        values += [UUID(), UUID().uuidString, UUID().uuidString.lowercased()]

        for value in values {
            let encoded = try Encoded(value)
            // The form is Foundation's own: it owes nothing to the code under test.
            // Large doubles are written with all their digits: JSONDecoder reads integers from the digits alone.
            let natural: any Encodable = (value as? [UInt8]).map { Data($0) } ?? value
            let seconds = (value as? Double) ?? (value as? Date)?.timeIntervalSinceReferenceDate ?? 0
            let form =
                (0x1p53..<0x1p128).contains(seconds.magnitude)
                ? Data(String(format: "%.0f", seconds).utf8) : try JSONEncoder().encode(natural)
            for type in plainTypes {
                let answer = try type.decoded(encoded)
                let expected = type.oracle(form)
                if answer != expected {
                    Issue.record(
                        "\(value) as \(type.name): \(answer ?? "mismatch"), JSONDecoder: \(expected ?? "error")")
                }
            }
        }
    }
}

/// Stored bytes and texts that are damaged, and what an Optional makes of null.
struct ValueCodecDamageTests {
    @Test(arguments: [
        ("int of 7 bytes", Encoded(.int, Array(repeating: 0, count: 7))),
        ("int of 9 bytes", Encoded(.int, Array(repeating: 0, count: 9))),
        ("empty int", Encoded(.int, [])),
        ("uint that an int holds", .word(.uint, UInt64(Int64.max))),
        ("double NaN", .word(.double, Double.nan.bitPattern)),
        ("infinite date", .word(.date, Double.infinity.bitPattern)),
        ("double of 4 bytes", Encoded(.double, [0, 0, 0, 0])),
        ("bool 2", Encoded(.bool, [2])),
        ("empty bool", Encoded(.bool, [])),
        ("bool of 2 bytes", Encoded(.bool, [1, 1])),
        ("uuid of 15 bytes", Encoded(.uuid, Array(0..<15))),
        ("string cut inside a character", Encoded(.string, [97, 0xC3])),
        ("string of a surrogate", Encoded(.string, [0xED, 0xA0, 0x80])),
        ("cut json", .json(#"{"a":1"#)),
        ("json of invalid UTF-8", Encoded(.json, [34, 0xFF, 34])),
        ("empty json", .json("")),
    ])
    func bytesThatTheirKindDoesNotAllowAreMalformed(name: String, value: Encoded) throws {
        func check<Value: Decodable>(_ type: Value.Type) throws {
            let error = #expect(throws: ValueCodingError.self) {
                _ = try decode(type, try #require(value.kind), value.bytes)
            }
            #expect(error?.kind == .malformed, "as \(type)")
            #expect(error?.position != nil)
        }
        try check(String.self)
        try check(String?.self)
        try check(Single<String>.self)
        try check(Color.self)
        if value.kind != .string {
            // Text is looked at where it is used: a string that is not base64 is a mismatch before it is damaged.
            try check(Int.self)
            try check(Double.self)
            try check(Bool.self)
            try check([UInt8].self)
            try check(User.self)
        }
    }

    @Test func positionOfDamageIsItsFirstByte() {
        let string = #expect(throws: ValueCodingError.self) { try decode(String.self, .string, [97, 98, 0xC3, 97]) }
        #expect(string?.position == 2)
        let json = #expect(throws: ValueCodingError.self) { try decode(User.self, .json, Array(#"{"a":1,}"#.utf8)) }
        #expect(json?.position == 7)
    }

    @Test func unknownRawValueIsAMismatchUnlessTheTypeKnowsBetter() throws {
        let blue = try Encoded("blue")
        let error = #expect(throws: ValueCodingError.self) { try decode(Color.self, .string, blue.bytes) }
        #expect(error?.kind == .typeMismatch)
        #expect(error?.message.contains("the stored string does not decode as Color") == true)
        #expect(try decode(Lenient.self, .string, blue.bytes) == .unknown)
    }

    @Test func messagesNameThePlaceAndAreBounded() throws {
        let user = #expect(throws: ValueCodingError.self) {
            try decode([String: [User]].self, .json, Array(#"{"a":[{"name":1}]}"#.utf8))
        }
        #expect(user?.message.contains("(at a.0.name)") == true)
        let long = Array(String(repeating: "x", count: 100_000).utf8)
        let color = #expect(throws: ValueCodingError.self) { try decode(Color.self, .string, long) }
        #expect((color?.message.count ?? .max) < 400)
    }

    /// The standard library's own words for these have the value in them.
    @Test func messagesDoNotQuoteWhatWasRead() throws {
        func message<Value: Decodable>(_ type: Value.Type, _ kind: ValueKind, _ text: String) -> String {
            let error = #expect(throws: ValueCodingError.self) { try decode(type, kind, Array(text.utf8)) }
            #expect(error?.kind == .typeMismatch)
            return error?.message ?? ""
        }
        let messages = [
            message(Color.self, .string, "hunter2"), message([Color].self, .json, #"["hunter2"]"#),
            message([String: Color].self, .json, #"{"a":"hunter2"}"#), message([UUID].self, .json, #"["hunter2"]"#),
            message([URL].self, .json, #"["http://[hunter2"]"#), message([Int8].self, .json, "[19750]"),
            message([Int].self, .json, #"["hunter2"]"#), message(Int8.self, .json, "19750"),
        ]
        for message in messages {
            #expect(!message.contains("hunter2") && !message.contains("19750"), "\(message)")
        }
    }

    @Test func jsonNullIsNilForOptionalsOnly() throws {
        let null = Array("null".utf8)
        #expect(try decode(Int?.self, .json, null) == nil)
        #expect(try decode(User??.self, .json, null) == User??.none)
        let error = #expect(throws: ValueCodingError.self) { try decode(Int.self, .json, null) }
        #expect(error?.kind == .typeMismatch)
    }

    @Test func aReferenceTypeIsDecodedAfreshEachTime() throws {
        final class Box: Codable { var items = [1] }
        let encoded = try Encoded(Box())
        let first = try decode(Box.self, .json, encoded.bytes)
        first.items.append(2)
        #expect(try decode(Box.self, .json, encoded.bytes).items == [1])
    }
}
