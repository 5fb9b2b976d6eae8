// The cases of the row, numbered: every call of every workload, every way in which it may fail; every allocation.
//
// They are listed in a fixed order and then taken in steps of a size that the seed chooses and that shares no factor with
// their number: whatever range is played has some of everything, and all of them is all of them.

struct FaultCases: Sendable {
    struct Case: Sendable {
        var workload: Int
        var fault: Fault
    }

    /// What a workload does where nothing fails.
    struct Count: Sendable {
        var calls: [FaultClass]
        var allocations: Int
    }

    let counts: [Count]
    private var list: [Case] = []
    private let step: Int

    var total: Int { list.count }

    init(_ counts: [Count], seed: UInt64) {
        self.counts = counts
        for (workload, count) in counts.enumerated() {
            for (index, kind) in count.calls.enumerated() {
                for (target, lasting) in Fault.ways(kind) {
                    list.append(
                        Case(workload: workload, fault: Fault(target: target, index: index + 1, lasting: lasting)))
                }
            }
            for index in 0..<count.allocations {
                for lasting in [Fault.Lasting.once, .itsClass] {
                    list.append(
                        Case(workload: workload, fault: Fault(target: .allocation, index: index + 1, lasting: lasting)))
                }
            }
        }
        var random = SeededRandom(seed: seed, name: "faults")
        var step = 1
        if list.count > 2 {
            repeat {
                step = Int.random(in: 1..<list.count, using: &random)
            } while Self.commonFactor(step, list.count) != 1
        }
        self.step = step
    }

    /// Cases from 0 to `total`.
    subscript(number: Int) -> Case { list[number * step % list.count] }

    private static func commonFactor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : commonFactor(b, a % b) }
}
