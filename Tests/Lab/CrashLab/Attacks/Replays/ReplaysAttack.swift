// The attack `replays`: crash states of an emulated machine's drive.
//
// QEMU writes down what the drive is sent while a program in the machine changes a store (MachineRecorder.swift). A hundred
// cases share such a recording; each is a disk that a power cut at some moment of it may leave, as in the attack `blocks`, which
// this one shares its model, its judge and its second cuts with. What differs is who wrote: a whole kernel with a drive of its
// own, and no loop device, no FUSE and no cache of this machine's below it.

internal import WriteAheadJournal

package enum ReplaysAttack {
    /// - Parameter machine: the folder with the machine's kernel and programs.
    package static func run(
        _ plan: LabPlan, machine: String, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> LabReport {
        let missing = [
            BlockFileSystem.missingForAll, BlockFileSystem.ext4.missing, PowerMachine.missing(in: machine),
        ]
        return try MountedAttack.run("replays", plan, missing: missing.compactMap(\.self)) { run in
            let recorder = MachineRecorder(
                machine: try PowerMachine(folder: machine, place: run.place), folder: run.place)
            var run = run
            run.report.options = PowerMachine.options(machine)
            return try BlockRun(run, .machine(recorder)).play(progress)
        }
    }
}
