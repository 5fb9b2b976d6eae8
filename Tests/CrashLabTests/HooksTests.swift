// A slice of `lab hooks`, with its control.

#if CommandLine
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct HooksTests {
    @Test func sliceLosesNothingAndItsControlDoes() throws {
        var plan = LabPlan(seed: 4, cases: 24)
        plan.executable = builtLab
        let report = try HooksAttack.run(plan) { _ in }
        #expect(report.isGood, "\(report.text)")
        #expect(report.controls.count == 1 && report.outcomes[.whole] == 24)
    }

    /// Every hostile hook alone, before and after the store's own, at every end, once.
    @Test func rowHasEveryCell() {
        var cells: Set<String> = []
        for number in stride(from: 0, to: 2 * HooksAttack.alone, by: 2) {
            let (end, hooks) = HooksAttack.scene(number, seed: 1)
            cells.insert("\(end) \(hooks)")
        }
        #expect(cells.count == HooksAttack.alone)
        #expect(HooksAttack.alone == 31 * 2 * 9)
    }

    @Test func childTakesItsArgumentsBack() throws {
        let child = HookChild(store: "/s", seed: 9, end: .hungUp, hooks: [.spins, nil, .writes])
        let again = try #require(HookChild(arguments: child.arguments))
        #expect(again.end == .hungUp && again.hooks == child.hooks && again.store == "/s" && again.seed == 9)
    }
}
#endif
