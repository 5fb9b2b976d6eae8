// The attack `power`: power cuts of an emulated machine.
//
// A case is one cut: the machine boots, its program makes or opens the store and changes it, and the emulator is killed at
// some moment. Then the drive is mounted, which replays the file system's journal, and the store opened: here, or, for the
// fourth of the ten cuts that share a drive, by the machine itself in its next boot. The oracle judges by the rules of power
// loss.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package enum PowerAttack {
    static let casesOfADrive = 10

    /// - Parameter machine: the folder with the machine's kernel and programs.
    package static func run(
        _ plan: LabPlan, machine: String, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> LabReport {
        // The drive is looked at here, by way of a loop device.
        let needed = [
            BlockFileSystem.missingForAll, BlockFileSystem.ext4.missing, PowerMachine.missing(in: machine),
        ]
        return try MountedAttack.run("power", plan, missing: needed.compactMap(\.self)) { run in
            try PowerRun(run, machine: machine).play(progress)
        }
    }
}
