// A slice of `lab rivals` and of `lab kills`.

#if CommandLine
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct RivalsTests {
    @Test func rivalsLoseWhatTheyMustAndTheStoreLosesNothing() throws {
        let plan = LabPlan(
            seed: 7, cases: 2 * Rival.allCases.count * RivalBlow.allCases.count, executable: builtLab)
        let (report, table) = try RivalsAttack.run(plan) { _ in }
        #expect(report.isGood, "\(report.text)")
        #expect(report.controls.count == 3)
        #expect(table.contains("| power loss | 0 of 2 |"), "\(table)")
    }

    @Test func killsLoseNothing() throws {
        let report = try KillsAttack.run(LabPlan(seed: 7, cases: 1, executable: builtLab))
        #expect(report.isGood, "\(report.text)")
        #expect(report.counts.first { $0.name == "kills" }?.count == 20)
    }

    @Test func killsOfAStoreThatAnswersTooEarlyLose() throws {
        let run = try LabRun("kills-control", LabPlan(seed: 7, executable: builtLab))
        defer { Files.removeFolder(run.place) }
        #expect(try KillsAttack.controlLoses(run))
    }

    /// An attack whose control does not fail is red, and so is one that played nothing.
    @Test func reportIsRedWhereNothingWasShown() {
        var report = LabReport("kills", LabPlan(seed: 1))
        #expect(!report.isGood)
        report.note(.whole)
        #expect(report.isGood)
        report.control("loses", fails: false)
        #expect(!report.isGood && report.text.contains("DOES NOT FAIL"))
        var skipped = LabReport("kills", LabPlan(seed: 1))
        skipped.note(.skipped)
        skipped.skip("everything: no root")
        #expect(!skipped.isGood && skipped.text.contains("not played: everything: no root"))
        var failed = LabReport("kills", LabPlan(seed: 4))
        failed.note(.lost)
        failed.fail(3, "w0/1 is missing")
        #expect(!failed.isGood && failed.text.contains("lab kills --seed 4 --from 3 --cases 1"))
    }
}
#endif
