import TestSupport
import Testing

@testable import WriteAheadJournal

@Suite struct OperationTests {
    private typealias Plain = PlainOperation

    private func bytes(_ operations: [Plain]) -> [UInt8] {
        var bytes: [UInt8] = []
        for operation in operations { operation.append(to: &bytes) }
        return bytes
    }

    private func read(_ bytes: [UInt8]) throws -> [Plain] {
        var seen: [Plain] = []
        try bytes.withUnsafeBytes { try OperationCodec.read($0) { seen.append(Plain($0)) } }
        return seen
    }

    private let sample = [
        Plain(code: .set, name: "", key: "a", kind: 1, value: [1, 2, 3, 4, 5, 6, 7, 8]),
        Plain(code: .remove, name: "", key: "b"),
        Plain(code: .set, name: "cart", key: String(repeating: "k", count: 4_096), kind: 6, value: []),
        Plain(code: .set, name: "", key: "c", kind: 6, value: [UInt8](repeating: 5, count: 70_000)),
    ]

    @Test func operationsComeBackInOrder() throws {
        #expect(try read(bytes(sample)) == sample)
        #expect(try read([]) == [])
    }

    /// A body that is cut anywhere either ends between two operations or is refused; never read past.
    @Test func cutBodyIsRefusedOrAPrefix() {
        let whole = bytes(Array(sample.prefix(2)))
        for length in 0..<whole.count {
            let part = Array(whole[..<length])
            if let seen = try? read(part) {
                #expect(Array(sample.prefix(seen.count)) == seen)
                #expect(bytes(seen).count == length)
            }
        }
    }

    @Test func nonsenseNeverReadsPastItsEnd() {
        var random = SplitMix64(seed: 11)
        var refused = 0
        for _ in 0..<20_000 {
            let nonsense = (0..<Int.random(in: 1...24, using: &random)).map { _ in
                // Many high bits: long varints are where a reader goes wrong.
                UInt8.random(in: 0...255, using: &random) | (Bool.random(using: &random) ? 0x80 : 0)
            }
            do { _ = try read([1] + nonsense) } catch { refused += 1 }
        }
        #expect(refused > 10_000)
        #expect(throws: OperationCodec.Malformed.self) { try read([1] + [UInt8](repeating: 0xff, count: 12)) }
        #expect(throws: OperationCodec.Malformed.self) {
            try read([1] + [UInt8](repeating: 0xff, count: 8) + [0x7f, 0, 0])
        }
        #expect(throws: OperationCodec.Malformed.self) { try read([3, 0, 0]) }
    }

    @Test func varintsOfEveryLengthComeBack() throws {
        for count in [0, 1, 127, 128, 16_383, 16_384, 300_000] {
            let operation = Plain(code: .set, name: "", key: "k", kind: 6, value: [UInt8](repeating: 3, count: count))
            #expect(try read(bytes([operation])) == [operation])
        }
    }
}
