// JSON for the results of commands. Members keep the order they are given in: that order is part of the contract.

import Backstay

enum JSON: Sendable, ExpressibleByDictionaryLiteral {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    /// Finite; anything else prints as null.
    case double(Double)
    case string(String)
    /// JSON text as it is.
    case text([UInt8])
    case array([JSON])
    case object([(String, JSON)])

    init(dictionaryLiteral members: (String, JSON)...) { self = .object(members) }

    static func count(_ number: Int) -> JSON { .int(Int64(number)) }

    func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): bytes.append(contentsOf: String(value).utf8)
        case .uint(let value): bytes.append(contentsOf: String(value).utf8)
        case .double(let value): bytes.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): bytes.append(contentsOf: Self.escaped(value))
        case .text(let text): bytes.append(contentsOf: text)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                item.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.append(contentsOf: Self.escaped(member.0))
                bytes.append(UInt8(ascii: ":"))
                member.1.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// A JSON string literal, quotes included.
    static func escaped(_ string: String) -> [UInt8] {
        var string = string
        // A String is always valid UTF-8, the one thing that can be refused here.
        return string.withUTF8 { (try? JSONText.escape(UnsafeRawBufferPointer($0))) ?? Array("\"\"".utf8) }
    }

    /// The string literal of a key's bytes; what is not UTF-8 in it is replaced.
    static func key(_ bytes: UnsafeRawBufferPointer) -> JSON { .text(escapedKey(bytes)) }

    static func escapedKey(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        (try? JSONText.escape(bytes)) ?? escaped(String(decoding: bytes, as: UTF8.self))
    }
}
