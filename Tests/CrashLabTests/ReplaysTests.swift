// The attack `replays` in small: some disks of one boot where the machine is there, and the log that it reads.

#if CommandLine
@testable import CrashLab
@testable import Drill
import Testing

@Suite(.serialized) struct ReplaysTests {
    @Test(.enabled(if: EmulatedMachine.isThere, "the emulated machine is not there: run .ci/power-machine"))
    func disksOfAMachineAreWhole() throws {
        let report = try ReplaysAttack.run(
            LabPlan(seed: 3, cases: 20, executable: builtLab), machine: EmulatedMachine.folder)
        #expect(report.failed == 0, "\(report.text)")
        #expect(report.cases == 20 && (report.outcomes[.whole] ?? 0) > 0, "\(report.text)")
        #expect(report.controls.count == 2 && report.controls.allSatisfy(\.fails), "\(report.text)")
    }

    @Test func machineThatIsNotThereIsNamed() throws {
        let report = try ReplaysAttack.run(LabPlan(seed: 3, cases: 1), machine: "/nowhere")
        #expect(!report.isGood && !report.skipped.isEmpty && report.cases == 0)
    }

    /// As drivers/md/dm-log-writes.c lays it out: all numbers of eight bytes, the lowest first.
    private static func log(_ entries: [(sector: UInt64, flags: UInt64, content: [UInt8])], counted: Int? = nil)
        -> [UInt8]
    {
        func sector(_ numbers: [UInt64]) -> [UInt8] {
            let bytes = numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
            return bytes + [UInt8](repeating: 0, count: 512 - bytes.count)
        }
        var bytes = sector([0x6a73_6677_7368_72, 1, UInt64(counted ?? entries.count), 512])
        for entry in entries {
            bytes += sector([entry.sector, UInt64(entry.content.count / 512), entry.flags, 0]) + entry.content
        }
        return bytes
    }

    @Test func logOfADriveIsReadInItsOrder() throws {
        let first = [UInt8](repeating: 7, count: 1_024), second = [UInt8](repeating: 8, count: 512)
        let bytes = Self.log([(5, 0, first), (0, 1, []), (9, 2, second), (1, 0, second)], counted: 3)
        let log = try DriveLog(bytes)
        // The last one is not counted: the emulator was killed while it wrote it. A durable write has a flush behind it.
        #expect(log.entries.map(\.kind) == [.write, .flush, .write, .flush])
        #expect(log.entries.map(\.offset) == [5 * 512, 0, 9 * 512, 0])
        #expect(Array(bytes[log.entries[0].content]) == first && Array(bytes[log.entries[2].content]) == second)
        #expect(log.entries.map(\.place) == [512, 512 * 4, 512 * 5, 512 * 5])
    }

    @Test func whatIsNoLogIsTrouble() {
        let good = Self.log([(5, 0, [UInt8](repeating: 7, count: 512))])
        #expect(throws: Trouble.self) { try DriveLog([]) }
        #expect(throws: Trouble.self) { try DriveLog([UInt8](repeating: 0, count: 4_096)) }
        for cut in [513, 1_024, good.count - 1] { #expect(throws: Trouble.self) { try DriveLog(Array(good[..<cut])) } }
        #expect(throws: Trouble.self, "a discard") { try DriveLog(Self.log([(5, 4, [])])) }
    }
}
#endif
