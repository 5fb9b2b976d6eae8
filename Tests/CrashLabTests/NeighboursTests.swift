// A slice of `lab neighbours`: one of each kind.

#if CommandLine
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct NeighboursTests {
    @Test func sliceLosesNothing() throws {
        let plan = LabPlan(seed: 5, cases: NeighboursAttack.Kind.allCases.count, executable: builtLab)
        let report = try NeighboursAttack.run(plan) { _ in }
        #expect(report.isGood, "\(report.text)")
        #expect(report.controls.count == 1 && report.controls.allSatisfy(\.fails), "\(report.text)")
        #expect(report.counts.first { $0.name == "changes acknowledged" }?.count ?? 0 > 200)
    }
}
#endif
