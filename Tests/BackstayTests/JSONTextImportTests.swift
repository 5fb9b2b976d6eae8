// Import lines and command-line values: what each text is stored as, and what is refused where.

import TestSupport
import Testing
import WriteAheadJournal

@testable import Backstay

private func line(_ text: String) throws -> ImportLine {
    try text.withBytes { try JSONText.parseLine($0) }
}

private func value(_ text: String, type: String? = nil) throws -> Encoded {
    let member = type.map { #","type":"\#($0)""# } ?? ""
    let parsed = try line(#"{"key":"k","value":\#(text)\#(member)}"#)
    #expect(parsed.key == [107])
    return Encoded(parsed.kind, parsed.value)
}

private func string(_ text: String) -> Encoded { Encoded(.string, Array(text.utf8)) }

struct JSONTextImportTests {
    @Test func scalarsThatPrintBackAreNative() throws {
        for number in [Int64.min, -1, 0, 7, 42, 1_000_000_007, .max] {
            #expect(try value("\(number)") == .word(.int, UInt64(bitPattern: number)))
        }
        #expect(try value("9223372036854775808") == .word(.uint, 1 << 63))
        #expect(try value("18446744073709551615") == .word(.uint, .max))
        for double: Double in [
            1.5, 0.0, -0.0, 1.0, 100.0, 0.1, 0.0001, 1e-05, 1e+16, .leastNonzeroMagnitude, 1.7976931348623157e+308,
            123456789012345.6,
        ] {
            #expect(try value("\(double)") == .word(.double, double.bitPattern))
        }
        #expect(try value("true") == Encoded(.bool, [1]))
        #expect(try value("false") == Encoded(.bool, [0]))
        #expect(try value(#""""#) == string(""))
        #expect(try value(#""a/é😀\#u{7F}""#) == string("a/é😀\u{7F}"))
        #expect(try value(#""\"\\\b\t\n\f\r\u0000\u001f""#) == string("\"\\\u{8}\t\n\u{C}\r\0\u{1F}"))
    }

    @Test(arguments: [
        "null", "-0", "1e5", "1E5", "1.10", "1.0e0", "-0.00", "1e16", "1.0e+16", "1e-5", "0.00001",
        "100000000000000000.0", "1e999", "-1e999",
        "1e-999", "18446744073709551616", "-9223372036854775809", "0.1000000000000000055511151231257827",
        "123456789012345678901234567890", "9007199254740993.0", "1.23456789012345678", #""\u00e9""#, #""\/""#,
        #""\u0041""#, #""\u001F""#,
        #""\u000a""#, #""\u0022""#, #""\ud83d\ude00""#, #""\ud800""#, #""a\udc00\n""#, "[]", "{}", #"[1,{"a":" b "}]"#,
    ])
    func whatWouldPrintOtherwiseIsKeptAsText(text: String) throws {
        #expect(try value(text) == .json(text))
    }

    @Test func keptTextLosesOnlyTheWhitespaceAroundItsParts() throws {
        #expect(try value(#" [ 1.0 , "a b" ] "#) == .json(#"[1.0,"a b"]"#))
        #expect(try value(" 1e5\t") == .json("1e5"))
    }

    @Test func doublesAreNativeExactlyWhenTheirDescriptionIsTheText() throws {
        var random = SplitMix64(seed: 3)
        var native = 0
        for _ in 0..<20_000 {
            let digits = Int.random(in: 1...17, using: &random)
            let point = Int.random(in: 0...digits, using: &random)
            var text = String((0..<digits).map { _ in Character("\(Int.random(in: 0...9, using: &random) % 7)") })
            text.insert(".", at: text.index(text.startIndex, offsetBy: point))
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            let whole = parts[0].drop { $0 == "0" }
            text =
                "\(Bool.random(using: &random) ? "-" : "")\(whole.isEmpty ? "0" : whole).\(parts[1].isEmpty ? "0" : parts[1])"
            let double = try #require(Double(text))
            let expected = double.description == text ? Encoded.word(.double, double.bitPattern) : .json(text)
            #expect(try value(text) == expected)
            if expected.kind == .double { native += 1 }
        }
        #expect((5_000...18_000).contains(native))
    }

    @Test func aNamedTypeDecidesTheKind() throws {
        #expect(try value("5", type: "int") == .word(.int, 5))
        #expect(try value("5", type: "uint") == .word(.int, 5))
        #expect(try value("9223372036854775808", type: "uint") == .word(.uint, 1 << 63))
        #expect(try value("5", type: "double") == .word(.double, 5.0.bitPattern))
        #expect(try value("-0", type: "double") == .word(.double, (-0.0).bitPattern))
        #expect(try value("1e2", type: "double") == .word(.double, 100.0.bitPattern))
        #expect(try value("true", type: "bool") == Encoded(.bool, [1]))
        #expect(try value(#""\u0041\/\ud83d\ude00""#, type: "string") == string("A/😀"))
        #expect(try value(#""AQI=""#, type: "bytes") == Encoded(.bytes, [1, 2]))
        #expect(try value(#""\u0041QI=""#, type: "bytes") == Encoded(.bytes, [1, 2]))
        #expect(try value(#""""#, type: "bytes") == Encoded(.bytes, []))
        #expect(try value("5", type: "date") == .word(.date, 5.0.bitPattern))
        #expect(try value("-63114076800.5", type: "date") == .word(.date, (-63114076800.5).bitPattern))
        #expect(
            try value(#""00112233-4455-6677-8899-aabbCCDDEEFF""#, type: "uuid")
                == Encoded(.uuid, (0...15).map { $0 * 17 }))
        #expect(try value(" [ 1 ] ", type: "json") == .json("[1]"))
        #expect(try value("5", type: "json") == .json("5"))
        #expect(try value(#""a""#, type: #"j\u0073on"#) == .json(#""a""#))
    }

    @Test(arguments: [
        ("1.0", "int"), ("1e2", "int"), (#""1""#, "int"), ("true", "int"), ("null", "int"), ("-1.5", "uint"),
        ("[]", "uint"),
        (#""1""#, "double"), ("false", "double"), (#""2001-01-01""#, "date"), ("0", "bool"), (#""true""#, "bool"),
        ("null", "bool"),
        ("1", "string"), ("null", "string"), ("1", "bytes"), ("[1]", "bytes"), (#""AQI""#, "bytes"),
        (#""A===""#, "bytes"),
        (#""=AQI""#, "bytes"), (#""AQ=I""#, "bytes"), (#""AQI_""#, "bytes"), (#""AQ I""#, "bytes"), ("1", "uuid"),
        (#""00112233-4455-6677-8899-AABBCCDDEEF""#, "uuid"), (#""00112233-4455-6677-8899-AABBCCDDEEFG""#, "uuid"),
        (#""00112233445566778899AABBCCDDEEFF0000""#, "uuid"), (#""0011223-34455-6677-8899-AABBCCDDEEFF""#, "uuid"),
    ])
    func aValueOfAnotherShapeThanItsTypeIsAMismatch(text: String, type: String) {
        let error = #expect(throws: ValueCodingError.self) { try value(text, type: type) }
        #expect(error?.kind == .typeMismatch)
        #expect(error?.position == 19)
    }

    @Test(arguments: [
        ("9223372036854775808", "int"), ("-9223372036854775809", "int"), ("-0", "int"), ("-1", "uint"),
        ("18446744073709551616", "uint"),
        ("1e999", "double"), ("-1e999", "date"),
    ])
    func aNumberThatItsTypeCanNotHoldIsOutOfBounds(text: String, type: String) {
        let error = #expect(throws: ValueCodingError.self) { try value(text, type: type) }
        #expect(error?.kind == .valueOutOfBounds)
        #expect(error?.position == 19)
    }

    @Test func membersComeInAnyOrderAndSpacing() throws {
        let expected = ImportLine(key: [97, 10], kind: .bytes, value: [1, 2])
        for text in [
            #"{"key":"a\n","value":"AQI=","type":"bytes"}"#, #"{"type":"bytes","value":"AQI=","key":"a\n"}"#,
            #"{"value":"AQI=","key":"\u0061\n","type":"bytes"}"#,
            "\t{ \"type\" : \"bytes\" ,\"key\":\"a\\n\" , \"value\" : \"AQI=\" } \r",
            #"{"\u006bey":"a\n","\u0074ype":"bytes","val\u0075e":"AQI="}"#,
        ] {
            #expect(try line(text) == expected)
        }
        #expect(try line(#"{"key":"é","remove":true}"#) == ImportLine(key: Array("é".utf8), kind: nil, value: []))
        #expect(try line(#"{"remove":true,"key":""}"#) == ImportLine(key: [], kind: nil, value: []))
    }

    /// The `|` stands at the position of the error.
    @Test(arguments: [
        "|", "|1", "|[]", "|{}", #"|{"value":1}"#, #"|{"key":"a"}"#, #"|{"remove":true}"#, #"{"key":|1,"value":1}"#,
        #"{"key":|null,"value":1}"#,
        #"{"key":"a","value":1,|"value":2}"#, #"{"key":"a",|"key":"a","value":1}"#,
        #"{"key":"a",|"k\u0065y":"a","value":1}"#,
        #"{"key":"a","remove":true,|"remove":true}"#, #"{"key":"a","type":"int",|"type":"int","value":1}"#,
        #"{"key":"a",|"ttl":1,"value":1}"#, #"{"key":"a",|"Value":1}"#, #"{|"":1}"#, #"{"key":"a",|"keys":1}"#,
        #"{"key":"a",|"k\u0000y":1}"#,
        #"{"key":"a","remove":|false}"#, #"{"key":"a","remove":|1}"#, #"{"key":"a",|"remove":true,"value":1}"#,
        #"{"key":"a","value":1,|"remove":true}"#, #"{"key":"a","remove":true,"type":|"int"}"#,
        #"{"key":"a","type":|"int","remove":true}"#,
        #"{"key":"a","value":1,"type":|"float"}"#, #"{"key":"a","value":1,"type":|1}"#,
        #"{"key":"a","value":1,"type":|""}"#,
        #"|{"key":"a","type":"int"}"#, #"{"key":"|\ud800","value":1}"#, #"{"key":"ab|\udc00\ud800","value":1}"#,
        #"{"key":"|\ud800\u0041","value":1}"#,
        #"{"key":"|\ud800\ud800","value":1}"#, #"{"key":"a","value":"|\ud800","type":"string"}"#,
        #"{"key":"a","value":1,|}"#,
        #"{"key":"a","value":1}|}"#, #"{"key":"a","value":1} |{"key":"b","value":1}"#, #"{"key":"a","value":1|"#,
        #"{"key":"a","value":|}"#,
        #"{"key":"a","value"|,1}"#, #"{|key:"a"}"#, #"{"key":"a" |"value":1}"#, #"{"key":"a","value":[1|}"#,
        #"{"key":"a","value":0|1}"#,
    ])
    func aLineThatIsNoneIsRefusedWhereItShows(marked: String) throws {
        let parts = marked.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let error = #expect(throws: ValueCodingError.self) { try line(parts.joined()) }
        #expect(error?.kind == .malformed)
        #expect(error?.position == parts[0].utf8.count)
    }

    @Test func everyPrefixOfALineIsRefused() throws {
        let text = Array(#"{"key":"a\n\u00e9é","value":[1.5e3,{"b":true},null,"x"],"type":"json"}"#.utf8)
        for length in 0..<text.count {
            let error = #expect(throws: ValueCodingError.self) {
                try text[..<length].withUnsafeBytes { try JSONText.parseLine($0) }
            }
            #expect(error?.kind == .malformed)
        }
        _ = try text.withUnsafeBytes { try JSONText.parseLine($0) }
    }

    @Test func aLineUsedAgainKeepsNothingOfTheOneBefore() throws {
        var result = ImportLine()
        func parse(_ text: String) throws { try text.withBytes { try JSONText.parseLine($0, into: &result) } }
        try parse(#"{"key":"long","value":"longer"}"#)
        try parse(#"{"key":"a","value":true}"#)
        #expect(result == ImportLine(key: [97], kind: .bool, value: [1]))
        try? parse(#"{"key":"b","value":"\u0041","value":2}"#)
        try parse(#"{"key":"c","remove":true}"#)
        #expect(result == ImportLine(key: [99], kind: nil, value: []))
    }

    @Test func commandLineValueIsJSONIfAllOfItParsesElseAString() {
        func cli(_ text: String) -> Encoded {
            let value = JSONText.cliValue(text)
            return Encoded(value.kind, value.bytes)
        }
        #expect(cli("42") == .word(.int, 42))
        #expect(cli("-1.5") == .word(.double, (-1.5).bitPattern))
        #expect(cli(" true ") == Encoded(.bool, [1]))
        #expect(cli(#""42""#) == string("42"))
        #expect(cli("null") == .json("null"))
        #expect(cli(#"{ "a" : [1, 2] }"#) == .json(#"{"a":[1,2]}"#))
        for text in ["", " ", "hello", "42 43", "-", "-x", "NaN", "{a}", "'42'", "01", "\"", "tRue", "é", " padded "] {
            #expect(cli(text) == string(text))
        }
    }
}
