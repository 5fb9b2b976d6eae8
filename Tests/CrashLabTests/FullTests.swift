// A slice of `lab full`: each place at some moments, with the control.

#if CommandLine
@testable import CrashLab
import Testing

@Suite(.serialized) struct FullTests {
    @Test func sliceLosesNothingAndItsControlDoes() throws {
        var plan = LabPlan(seed: 6, cases: 21)
        plan.executable = builtLab
        let report = try FullAttack.run(plan) { _ in }
        for reason in report.skipped { print("not tested: \(reason)") }
        #expect(report.isGood, "\(report.text)")
        #expect(report.controls.count == 1)
        let refused = report.counts.first { $0.name == "changes refused" }?.count ?? 0
        #expect(refused > 0, "\(report.text)")
    }

    /// Every place at every moment, with room again and without.
    @Test func rowHasEveryCell() {
        let cells = FullPlace.allCases.count * FullMoment.allCases.count * 2
        #expect(Set((0..<cells).map { "\(FullAttack.cell($0))" }).count == cells)
    }

    @Test func childTakesItsArgumentsBack() throws {
        var child = FullChild(.compacts, store: "/s", seed: 9)
        child.firstWriter = 7
        child.fileBytesMax = 4_096
        child.isLimited = true
        let again = try #require(FullChild(arguments: child.arguments))
        #expect(again.arguments == child.arguments)
    }
}
#endif
