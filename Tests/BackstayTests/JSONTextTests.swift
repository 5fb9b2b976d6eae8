// The JSON scanner: what is JSON, where it stops being JSON, and what compacting keeps.

import Foundation
import TestSupport
import Testing

@testable import Backstay

extension StringProtocol {
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Array(utf8).withUnsafeBytes(body)
    }
}

struct JSONTextTests {
    @Test(arguments: [
        "0", "-0", "42", "-1", "1.5", "0.0", "1e5", "1E+5", "1e-05", "-0.0e-0", "123456789012345678901234567890",
        "1e999",
        "true", "false", "null", #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u00e9\uD83D\uDE00""#, #""\ud800""#,
        #""\udc00x""#,
        "\"é€😀\u{7F}\u{2028}\"", "[]", "{}", "[[]]", "[{},[]]", #"{"":0}"#, #"{"a":1,"a":2}"#, "[1,2,3]",
        " \t\r\n[ 1 , { \"a\" : null } ]\n", #"{"a":{"b":[{"c":[]}]},"d":""}"#, #"["12345678\\","1234567\"",""]"#,
    ])
    func jsonIsAccepted(text: String) throws {
        try text.withBytes { try JSONText.validate($0) }
    }

    /// The `|` stands before the first byte that can't belong to JSON.
    @Test(arguments: [
        "|", "  |", "n|an", "nul|", "tru|", "true|x", "|NaN", "-|Infinity", "|'a'", "|+1", "0|1",
        "-|", "-|a", "1.|", "1.|e5", "|.5", "1e|", "1e+|", "1e|x", "1 |2", "0|x10", "[|", "[|,", "[1|", "[1,|", "[1,|]",
        "[1 |2]",
        "[1|}", "{|", "{|a", #"{"a|"#, #"{"a"|}"#, #"{"a" |1"#, #"{"a":|}"#, #"{"a":1|"#, #"{"a":1,|}"#, #"{"a":1,|2"#,
        #"{"a":1|]"#, "|]", "|}", "|,", "[]|]", "{}|{", #""|"#, #""a|"#, #""\|"#, #""\|x""#, #""\u|"#, #""\u12|""#,
        #""\u123|g""#, "\"a|\nb\"", "\"12345678|\tb\"", "\"|\0\"", "\"a\"|\0", "|\u{FEFF}1", "1|\u{A0}", "[1,|//\n2]",
        "|/**/1",
        #"{"a":[{"b":|}]}"#, "[{}|{}]", #"[{"a":[1,2]|"#,
    ])
    func whatIsNotJSONIsRefusedAtTheFirstByteThatShowsIt(marked: String) throws {
        let parts = marked.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let text = parts.joined()
        let error = #expect(throws: ValueCodingError.self) { try text.withBytes { try JSONText.validate($0) } }
        #expect(error?.kind == .malformed)
        #expect(error?.position == parts[0].utf8.count)
    }

    @Test func nestingIsBounded() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let levels = open.contains("[{") ? 2 : 1
            func nested(_ depth: Int) -> String {
                String(repeating: open, count: depth / levels) + "1" + String(repeating: close, count: depth / levels)
            }
            try nested(512).withBytes { try JSONText.validate($0) }
            let error = #expect(throws: ValueCodingError.self) {
                try nested(514).withBytes { try JSONText.validate($0) }
            }
            #expect(error?.position == 512 / levels * open.utf8.count)
            #expect(throws: ValueCodingError.self) {
                try String(repeating: open, count: 1_000_000).withBytes { try JSONText.validate($0) }
            }
        }
        // As deep as JSONDecoder reads, not a level deeper.
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        _ = try JSONDecoder().decode(Anything.self, from: Data(deepest.utf8))
        try deepest.withBytes { try JSONText.validate($0) }
        #expect(throws: (any Error).self) { try JSONDecoder().decode(Anything.self, from: Data("[\(deepest)]".utf8)) }
        #expect(throws: ValueCodingError.self) { try "[\(deepest)]".withBytes { try JSONText.validate($0) } }
    }

    @Test func containersKeepTheirOrderAtEveryDepth() throws {
        // Which of the two each level is, is kept in bits that cross words: a wrong bit takes the wrong bracket.
        var random = SplitMix64(seed: 2)
        for depth in [1, 2, 63, 64, 65, 127, 128, 129, 300, 512] {
            let objects = (0..<depth).map { _ in Bool.random(using: &random) }
            let open = objects.map { $0 ? "{\"k\":" : "[" }.joined()
            let closers = objects.reversed().map { $0 ? "}" : "]" }
            try (open + "0" + closers.joined()).withBytes { try JSONText.validate($0) }
            for wrong in [0, depth / 2, depth - 1] {
                var swapped = closers
                swapped[wrong] = swapped[wrong] == "}" ? "]" : "}"
                let error = #expect(throws: ValueCodingError.self) {
                    try (open + "0" + swapped.joined()).withBytes { try JSONText.validate($0) }
                }
                #expect(error?.position == open.utf8.count + 1 + wrong)
            }
        }
    }

    @Test func invalidUTF8IsRefusedWhereTheStandardLibraryRefusesIt() throws {
        func check(_ bytes: [UInt8]) {
            let inString = [0x22] + bytes + [0x22]
            let valid = String(validating: bytes, as: UTF8.self) != nil
            let accepted = inString.withUnsafeBytes { (try? JSONText.validate($0)) != nil }
            let escaped = bytes.withUnsafeBytes { (try? JSONText.escape($0)) != nil }
            let invalid = bytes.withUnsafeBytes { JSONText.firstInvalidUTF8($0) }
            if accepted != valid || escaped != valid || (invalid == nil) != valid {
                Issue.record("\(bytes) is \(valid ? "" : "not ")UTF-8")
            }
        }
        let continuations: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
        for first in UInt8(0x80)...0xFF {
            check([first])
            for second in continuations {
                check([first, second])
                for third in continuations {
                    check([first, second, third])
                    for fourth in continuations { check([first, second, third, fourth]) }
                }
            }
        }
    }

    @Test func everySpecialByteIsFoundAtEveryOffset() throws {
        // Eight bytes are looked at together: neighbours and offsets must make no difference.
        for length in 0..<20 {
            for offset in 0..<max(length, 1) {
                for special in 0...255 {
                    for filler: UInt8 in [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F] {
                        var bytes = [UInt8](repeating: filler, count: length)
                        if length > 0 { bytes[offset] = UInt8(special) }
                        let found = bytes.withUnsafeBufferPointer { JSONScanner.endOfPlainText(in: $0, from: 0) }
                        let expected =
                            bytes.firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C || $0 >= 0x80 } ?? length
                        if found != expected { Issue.record("\(bytes): \(found), not \(expected)") }
                    }
                }
            }
        }
    }

    @Test func compactingDropsWhitespaceOutsideStringsOnly() throws {
        func compact(_ text: String) throws -> String {
            String(decoding: try text.withBytes { try JSONText.compact($0) }, as: UTF8.self)
        }
        #expect(try compact(" [ 1 ,\t2\r\n] ") == "[1,2]")
        #expect(try compact(#" { "a b" : [ " \" \\" , " " ] , "" : { } } "#) == #"{"a b":[" \" \\"," "],"":{}}"#)
        #expect(try compact(#"["\\", 1]"#) == #"["\\",1]"#)
        #expect(try compact(" 1.50 ") == "1.50")
        #expect(try compact(#" " a " "#) == #"" a ""#)
        #expect(try compact("{\n}") == "{}")
        let error = #expect(throws: ValueCodingError.self) { try compact("[1, ]") }
        #expect(error?.position == 4)
    }

    @Test func endOfValueStopsBehindTheFirstValue() throws {
        func end(_ text: String, _ from: Int = 0) throws -> Int {
            try text.withBytes { try JSONText.endOfValue(in: $0, from: from) }
        }
        #expect(try end(" [1] 2") == 4)
        #expect(try end(" [1] 2", 4) == 6)
        #expect(try end("12,") == 2)
        #expect(try end(#""a"b"#) == 3)
        #expect(throws: ValueCodingError.self) { try end("1", 1) }
    }
}
