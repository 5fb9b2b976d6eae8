// The cases of the attack, numbered: every call of every workload, every way in which it may fail; every allocation.
//
// They are listed in a fixed order and then taken in one that the seed chooses: whatever range is played has some of
// everything, and all of them is all of them.

internal import Drill

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
    private let order: CaseOrder

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
        order = CaseOrder(list.count, random: &random)
    }

    /// Cases from 0 to `total`.
    subscript(number: Int) -> Case { list[order[number]] }
}
