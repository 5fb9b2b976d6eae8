// A slice of `lab signals`.

#if CommandLine
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct SignalsTests {
    @Test func sliceLosesNothing() throws {
        let plan = LabPlan(seed: 3, cases: 24, executable: builtLab)
        let report = try SignalsAttack.run(plan) { _ in }
        #expect(report.failed == 0 && report.outcomes[.wrong] == nil && report.outcomes[.lost] == nil, "\(report.text)")
        #expect(report.outcomes[.whole] ?? 0 > 12, "\(report.text)")
        #expect(report.controls.count == 1 && report.controls.allSatisfy(\.fails), "\(report.text)")
    }

    /// Every cell comes once.
    @Test func rowHasEveryCell() {
        #expect(Set((0..<SignalsAttack.cells).map { $0 * 257 % SignalsAttack.cells }).count == SignalsAttack.cells)
        #expect(SignalsAttack.cells == 8 * 13 * 7)
    }
}
#endif
