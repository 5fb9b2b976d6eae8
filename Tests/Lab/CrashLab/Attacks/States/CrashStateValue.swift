internal import Backstay
internal import Drill
internal import WriteAheadJournal

/// What a key may be set to.
enum CrashStateValue: Hashable, Sendable {
    case int(Int)
    case text(String)
    case bytes([UInt8])

    /// The kind and bytes of its stored form.
    var stored: (kind: UInt8, bytes: [UInt8]) {
        switch self {
        case .int(let number): (ValueKind.int.rawValue, withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) })
        case .text(let text): (ValueKind.string.rawValue, Array(text.utf8))
        case .bytes(let bytes): (ValueKind.bytes.rawValue, bytes)
        }
    }

    static func random(_ sizes: ClosedRange<Int>, _ random: inout SeededRandom) -> CrashStateValue {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .int(Int.random(in: .min ... .max, using: &random))
        case 1:
            var text = ""
            let count = min(Int.random(in: sizes, using: &random), 400)
            while text.utf8.count < count { text += String(random.next(), radix: 36) }
            return .text(text)
        default:
            var bytes = [UInt8](repeating: 0, count: Int.random(in: sizes, using: &random))
            for at in stride(from: 0, to: bytes.count - 7, by: 8) {
                withUnsafeBytes(of: random.next()) { word in
                    for index in 0..<8 { bytes[at + index] = word[index] }
                }
            }
            return .bytes(bytes)
        }
    }
}
