// Encoding: which kind and bytes each type gets, what is refused, and that extremes come back bit for bit.

import Foundation
import Testing
import WriteAheadJournal

@testable import Backstay

/// What one `encode` made.
struct Encoded: Equatable {
    var kind: ValueKind?
    var bytes: [UInt8]

    init(_ kind: ValueKind?, _ bytes: [UInt8]) {
        (self.kind, self.bytes) = (kind, bytes)
    }

    init(_ value: some Encodable) throws {
        var bytes: [UInt8] = []
        kind = try ValueCodec.encode(value, into: &bytes)
        self.bytes = bytes
    }

    static func json(_ text: String) -> Encoded { Encoded(.json, Array(text.utf8)) }
    static func word(_ kind: ValueKind, _ word: UInt64) -> Encoded {
        Encoded(kind, (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) })
    }
}

func decode<Value: Decodable>(_ type: Value.Type, _ kind: ValueKind, _ bytes: [UInt8]) throws -> Value {
    try bytes.withUnsafeBytes { try ValueCodec.decode(type, kind: kind, bytes: $0) }
}

/// Types of one's own, of every sort that the codec tells apart.
enum ValueSamples {
    enum Color: String, Codable { case red, green }
    enum Level: UInt8, Codable { case low = 1, high = 200 }
    struct Flags: OptionSet, Codable { var rawValue: UInt64 }
    struct Celsius: RawRepresentable, Codable { var rawValue: Double }
    struct Moment: RawRepresentable, Codable { var rawValue: Date }
    struct Nested: RawRepresentable, Codable { var rawValue: Level }
    struct MaybeRaw: RawRepresentable, Codable { var rawValue: Int? }
    struct OwnRaw: RawRepresentable, Codable {
        var number = 7
        var rawValue: OwnRaw { self }
        init() {}
        init?(rawValue: OwnRaw) { self = rawValue }
    }
    struct User: Codable, Equatable {
        var name: String
        var age: Int
        var site = "a/b"
    }
}

private typealias Color = ValueSamples.Color
private typealias Level = ValueSamples.Level
private typealias Flags = ValueSamples.Flags
private typealias Celsius = ValueSamples.Celsius
private typealias Moment = ValueSamples.Moment
private typealias Nested = ValueSamples.Nested
private typealias MaybeRaw = ValueSamples.MaybeRaw
private typealias OwnRaw = ValueSamples.OwnRaw
private typealias User = ValueSamples.User

struct ValueCodecTests {
    @Test func integersOfAllWidthsAreIntsUnlessOnlyUIntHoldsThem() throws {
        #expect(try Encoded(42) == .word(.int, 42))
        #expect(try Encoded(Int.min) == .word(.int, 1 << 63))
        #expect(try Encoded(Int8(-1)) == .word(.int, .max))
        #expect(try Encoded(Int16(-2)) == .word(.int, .max - 1))
        #expect(try Encoded(Int32(3)) == .word(.int, 3))
        #expect(try Encoded(Int64(4)) == .word(.int, 4))
        #expect(try Encoded(UInt(5)) == .word(.int, 5))
        #expect(try Encoded(UInt8(6)) == .word(.int, 6))
        #expect(try Encoded(UInt16(7)) == .word(.int, 7))
        #expect(try Encoded(UInt32(8)) == .word(.int, 8))
        #expect(try Encoded(UInt64(Int64.max)) == .word(.int, UInt64(Int64.max)))
        #expect(try Encoded(UInt64(Int64.max) + 1) == .word(.uint, 1 << 63))
        #expect(try Encoded(UInt.max) == .word(.uint, .max))
        #expect(try Encoded(Int128(5)) == .json("5"))
        #expect(try Encoded(UInt128.max) == .json("340282366920938463463374607431768211455"))
    }

    @Test func nativeTypesHaveTheirBytes() throws {
        #expect(try Encoded(1.5) == .word(.double, 1.5.bitPattern))
        #expect(try Encoded(-0.0) == .word(.double, 1 << 63))
        #expect(try Encoded(Float(0.1)) == .word(.double, Double(Float(0.1)).bitPattern))
        #expect(try Encoded(true) == Encoded(.bool, [1]))
        #expect(try Encoded(false) == Encoded(.bool, [0]))
        #expect(try Encoded("é\0\r\n") == Encoded(.string, [0xC3, 0xA9, 0, 13, 10]))
        #expect(try Encoded([UInt8]([1, 2])) == Encoded(.bytes, [1, 2]))
        #expect(try Encoded(Data([3, 4])) == Encoded(.bytes, [3, 4]))
        #expect(try Encoded(Data([9, 3, 4])[1...]) == Encoded(.bytes, [3, 4]))
        #expect(try Encoded(Date(timeIntervalSinceReferenceDate: -1.5)) == .word(.date, (-1.5).bitPattern))
        let uuid = try #require(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
        #expect(try Encoded(uuid) == Encoded(.uuid, (0...15).map { $0 * 17 }))
    }

    @Test func rawRepresentablesAreTheirRawValue() throws {
        #expect(try Encoded(Color.green) == Encoded(.string, Array("green".utf8)))
        #expect(try Encoded(Level.high) == .word(.int, 200))
        #expect(try Encoded(Flags(rawValue: .max)) == .word(.uint, .max))
        #expect(try Encoded(Celsius(rawValue: 36.6)) == .word(.double, 36.6.bitPattern))
        #expect(try Encoded(Moment(rawValue: Date(timeIntervalSinceReferenceDate: 9))) == .word(.date, 9.0.bitPattern))
        #expect(try Encoded(Nested(rawValue: .low)) == .word(.int, 1))
        #expect(try Encoded(Optional(Color.red)) == Encoded(.string, Array("red".utf8)))
        #expect(try Encoded(MaybeRaw(rawValue: nil)) == .json("{}"))
        #expect(try Encoded(MaybeRaw(rawValue: 5)) == .json(#"{"rawValue":5}"#))
        #expect(try Encoded(OwnRaw()) == .json(#"{"number":7}"#))
    }

    @Test func nilIsNoValueAndAnOptionalIsWhatItWraps() throws {
        #expect(try Encoded(Int?.none) == Encoded(nil, []))
        #expect(try Encoded(String??.some(nil)) == Encoded(nil, []))
        #expect(try Encoded(User???.some(.some(nil))) == Encoded(nil, []))
        #expect(try Encoded(Int??.some(8)) == .word(.int, 8))
        #expect(try Encoded(Optional("x")) == Encoded(.string, [120]))
        #expect(try Encoded(Optional([UInt8]())) == Encoded(.bytes, []))
        #expect(try Encoded([Int?.none]) == .json("[null]"))
    }

    @Test func everythingElseIsJSONWithSortedKeysAndPlainSlashes() throws {
        #expect(try Encoded(User(name: "ada", age: 36)) == .json(#"{"age":36,"name":"ada","site":"a/b"}"#))
        #expect(try Encoded(["b": 1, "a": 2]) == .json(#"{"a":2,"b":1}"#))
        #expect(try Encoded([1, 2]) == .json("[1,2]"))
        #expect(try Encoded(ContiguousArray<UInt8>([1, 2])) == .json("[1,2]"))
    }

    @Test func valuesAreAppendedBehindWhatIsThere() throws {
        var out: [UInt8] = [9]
        #expect(try ValueCodec.encode("a", into: &out) == .string)
        #expect(try ValueCodec.encode(Int?.none, into: &out) == nil)
        #expect(try ValueCodec.encode([true], into: &out) == .json)
        #expect(out == [9, 97] + Array("[true]".utf8))
    }

    @Test func notANumberAndInfinityAreRefusedInEveryPath() throws {
        for bad in [Double.nan, .signalingNaN, .infinity, -.infinity] {
            let refused: [any Encodable] = [
                bad, Optional(bad), Float(bad), [bad], ["x": Float(bad)], Celsius(rawValue: bad),
                Date(timeIntervalSinceReferenceDate: bad), [Date(timeIntervalSinceReferenceDate: bad)],
                Moment(rawValue: Date(timeIntervalSinceReferenceDate: bad)), Decimal.nan, ["x": [Decimal.nan]],
            ]
            for value in refused {
                var out: [UInt8] = [1]
                let error = #expect(throws: ValueCodingError.self) { _ = try ValueCodec.encode(value, into: &out) }
                #expect(error?.kind == .valueOutOfBounds)
                #expect(out == [1])
            }
        }
    }

    @Test func longerThanTheBoundIsRefusedAndLeavesNothing() throws {
        #expect(NativeValue.bytesMax == 536_870_912)
        let longest: [any Encodable] = ["éé", [UInt8](repeating: 0, count: 4), Data(count: 4), [11], Optional("abcd")]
        for value in longest {
            var out: [UInt8] = []
            #expect(try ValueCodec.encode(value, into: &out, bytesMax: 4) != nil)
            #expect(out.count == 4)
            out = []
            let error = #expect(throws: ValueCodingError.self) {
                _ = try ValueCodec.encode(value, into: &out, bytesMax: 3)
            }
            #expect(error?.kind == .valueOutOfBounds)
            #expect(out == [])
        }
    }

    @Test func failureOfTheValuesOwnCodingIsRefusedWithoutQuotingIt() throws {
        struct Secret: Encodable {
            var word = "hunter2"
            func encode(to encoder: any Encoder) throws {
                throw EncodingError.invalidValue(word, .init(codingPath: [], debugDescription: "no"))
            }
        }
        struct Empty: Encodable { func encode(to encoder: any Encoder) throws {} }
        for value in [Secret(), Empty()] as [any Encodable] {
            let error = #expect(throws: ValueCodingError.self) { _ = try Encoded(value) }
            #expect(error?.kind == .valueOutOfBounds)
            #expect(error?.message.contains("hunter2") == false)
        }
    }

    @Test func extremesComeBackBitForBit() throws {
        func same<Value: Codable & Equatable>(_ values: Value...) throws {
            for value in values {
                var bytes: [UInt8] = []
                let kind = try #require(try ValueCodec.encode(value, into: &bytes))
                #expect(try decode(Value.self, kind, bytes) == value)
                #expect(try decode(Value?.self, kind, bytes) == value)
                #expect(try decode(Value??.self, kind, bytes) == value)
            }
        }
        try same(Int.min, -1, 0, 1, Int.max)
        try same(Int64.min, Int64.max)
        try same(UInt64.max, UInt64(Int64.max) + 1, UInt64(Int64.max), 0)
        try same(UInt.max)
        try same(Int8.min, Int8.max)
        try same(UInt32.max)
        try same(Int128.min, Int128.max, 0)
        try same(UInt128.max)
        try same(
            Double.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude,
            .pi)
        try same(Float.greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude, 0.1)
        try same(true, false)
        try same("", "\0", "a\0b", "\r\n", "👩‍👩‍👧‍👦🏳️‍🌈", "\u{FEFF}x", "\u{10FFFF}", "\u{7F}\u{80}")
        try same([UInt8](), [0, 255], Array(0...255))
        try same(Data(), Data([0, 255]))
        try same(Date.distantPast, .distantFuture, Date(timeIntervalSinceReferenceDate: 0.1 + 0.2))
        try same(UUID(), UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        try same(Color.green)
        try same(Flags(rawValue: .max))
        try same(User(name: "\0\"\\/é\u{2028}", age: .min))
        try same(["a": [1.5, -0.0]], [:])

        #expect(try decode(Double.self, .double, Encoded(-0.0).bytes).bitPattern == (-0.0).bitPattern)
        #expect(try decode(Float.self, .double, Encoded(-Float.zero).bytes).bitPattern == (-Float.zero).bitPattern)
        let minusZero = Date(timeIntervalSinceReferenceDate: -0.0)
        #expect(
            try decode(Date.self, .date, Encoded(minusZero).bytes).timeIntervalSinceReferenceDate.bitPattern
                == (-0.0).bitPattern)
    }

    @Test func bothNormalFormsKeepTheirBytes() throws {
        for form in ["\u{E9}", "e\u{301}"] {
            let encoded = try Encoded(form)
            #expect(encoded.bytes == Array(form.utf8))
            #expect(try Array(decode(String.self, .string, encoded.bytes).utf8) == Array(form.utf8))
        }
        #expect(try Encoded("\u{E9}") != Encoded("e\u{301}"))
    }
}
