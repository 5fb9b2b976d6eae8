// The order in which an attack takes what it can play: every number below a count once, neighbours far apart, so that any
// range of cases is a fair sample of all.

internal import Drill

struct CaseOrder: Sendable {
    let count: Int
    private let first: Int
    private let step: Int

    /// In steps of about the golden section of the count, from a place that the seed chooses.
    init(_ count: Int, seed: UInt64) {
        self.count = count
        var step = max(1, Int(Double(count) * 0.618_033_988_75))
        while count > 1 && Self.commonFactor(step, count) != 1 { step += 1 }
        self.step = step
        first = count > 1 ? Int(seed % UInt64(count)) : 0
    }

    /// From 0, in steps that are drawn.
    init(_ count: Int, random: inout SeededRandom) {
        self.count = count
        first = 0
        var step = 1
        if count > 2 {
            repeat { step = Int.random(in: 1..<count, using: &random) } while Self.commonFactor(step, count) != 1
        }
        self.step = step
    }

    /// - Parameter number: from 0 to `count`.
    subscript(number: Int) -> Int { (number * step + first) % count }

    private static func commonFactor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : commonFactor(b, a % b) }
}
