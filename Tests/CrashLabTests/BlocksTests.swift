// The attack `blocks` in small, on this machine's real file systems, and the model of a disk that it rests on.

#if CommandLine
@testable import CrashLab
import Testing

@Suite(.serialized) struct BlocksTests {
    /// A slice of each file system: some disks of a recording, with the controls of all.
    @Test func disksOfAPowerCutAreWhole() throws {
        if let missing = BlockFileSystem.missingForAll {
            print("not tested: \(missing)")
            return
        }
        let report = try BlocksAttack.run(LabPlan(seed: 11, cases: 12, executable: builtLab))
        for reason in report.skipped { print("not tested: \(reason)") }
        #expect(report.failed == 0, "\(report.text)")
        #expect(report.cases == 12)
        #expect(!report.controls.isEmpty)
        for control in report.controls { #expect(control.fails, "the control \(control.name) does not fail") }
    }

    /// A device that fails tells the writers, and costs nothing that was acknowledged.
    @Test func failingDeviceIsUnknownAndLosesNothing() throws {
        if let missing = BlockFileSystem.missingForAll {
            print("not tested: \(missing)")
            return
        }
        // The last case of the first recording: ext4, writes and flushes.
        let report = try BlocksAttack.run(LabPlan(seed: 12, from: 99, cases: 1, executable: builtLab))
        #expect(report.failed == 0, "\(report.text)")
        let told = report.counts.first { $0.name == "changes of unknown fate" }?.count ?? 0
        let refused = report.counts.first { $0.name == "changes refused" }?.count ?? 0
        #expect(told + refused > 0)
    }

    @Test func casesOfARecordingAreStatesThenFailures() {
        #expect(BlocksAttack.Case(0) == .state(.whole, isTwice: true))
        #expect(BlocksAttack.Case(7) == .state(.torn, isTwice: false))
        #expect(BlocksAttack.Case(98) == .failure(writes: true, flushes: false))
        #expect(BlocksAttack.Case(198) == .failure(writes: false, flushes: true))
        #expect(BlocksAttack.Case(199) == .failure(writes: true, flushes: true))
    }
}
#endif
