// What a key of the model has: values of every kind that a store keeps, how they are put into one and how they are read back.
//
// Texts are compared as bytes, as a store compares its keys: Swift takes "é" for equal to "e" with an accent behind it.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

enum ModelValue: Sendable {
    struct Record: Codable, Equatable, Sendable {
        var id: Int
        var name: String
        var tags: [String]
        var parent: Int?
    }

    case int(Int)
    case small(UInt8)
    case double(Double)
    case bool(Bool)
    case text(String)
    case bytes([UInt8])
    case record(Record)

    static func random(_ random: inout SeededRandom) -> ModelValue {
        // Mostly small; a few that take pages, or more than the tail has.
        let length =
            switch Int.random(in: 0..<60, using: &random) {
            case 0: Int.random(in: 60_000...150_000, using: &random)
            case 1, 2: Int.random(in: 3_000...20_000, using: &random)
            default: Int.random(in: 0...120, using: &random)
            }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .int(Int.random(in: .min ... .max, using: &random))
        case 1: return .small(UInt8.random(in: 0...255, using: &random))
        case 2: return .double(Double.random(in: -1e300...1e300, using: &random))
        case 3: return .bool(Bool.random(using: &random))
        case 4, 5: return .text(text(length, &random))
        case 6: return .bytes((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
        default:
            return .record(
                Record(
                    id: Int.random(in: 0..<1_000, using: &random), name: text(length % 500, &random),
                    tags: (0..<Int.random(in: 0..<3, using: &random)).map { _ in text(5, &random) },
                    parent: Bool.random(using: &random) ? nil : Int.random(in: 0..<10, using: &random)))
        }
    }

    private static func text(_ length: Int, _ random: inout SeededRandom) -> String {
        var text = ""
        while text.utf8.count < length {
            let some = ["a", "Z", "7", " ", "\"", "\\", "\n", "\u{0}", "é", "e\u{301}", "日", "👩‍🚀"].randomElement(
                using: &random)
            text += some ?? ""
        }
        return text
    }

    /// About what it takes in a record.
    var size: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .record(let record): record.name.utf8.count + 100
        case .int, .small, .double, .bool: 8
        }
    }

    /// Whether the key has this value.
    func isRead(by reader: some ModelReader, _ key: String) throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try isEqual(reader, key)
        } catch {
            // It has one of another type.
            guard error.code == .typeMismatch else { throw error }
            return false
        }
    }

    private func isEqual(_ reader: some ModelReader, _ key: String) throws(StoreError) -> Bool {
        switch self {
        case .int(let value): try reader.read(key, Int.self) == value
        case .small(let value): try reader.read(key, UInt8.self) == value
        case .double(let value): try reader.read(key, Double.self)?.bitPattern == value.bitPattern
        case .bool(let value): try reader.read(key, Bool.self) == value
        case .text(let value): try reader.read(key, String.self).map { Array($0.utf8) } == Array(value.utf8)
        case .bytes(let value): try reader.read(key, [UInt8].self) == value
        case .record(let value): try reader.read(key, Record.self).map { Self.flat($0) } == Self.flat(value)
        }
    }

    private static func flat(_ record: Record) -> [[UInt8]] {
        [Array("\(record.id) \(record.parent ?? -1)".utf8), Array(record.name.utf8)]
            + record.tags.map { Array($0.utf8) }
    }
}
