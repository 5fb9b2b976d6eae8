// `lab blocks`: crash states of a block device under ext4, XFS and Btrfs.

#if CommandLine
import ArgumentParser
import CrashLab
import ExitHooks

struct BlocksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blocks", abstract: "Crash states of a block device under the real ext4, XFS and Btrfs.",
        discussion: """
            Records every write and flush that reaches the device, builds the disks that a power cut may leave, and has \
            the kernel mount each and the store open on it. Needs root, /dev/fuse, loop devices and the mkfs of each file \
            system; what is missing is named. Without --budget or --cases: 300 cases, a recording on each file system.
            """)

    @OptionGroup var options: LabOptions

    func run() throws {
        let plan = options.plan(of: 300)
        try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
        try options.finish(BlocksAttack.run(plan, progress: options.progress("blocks", of: plan.cases)))
    }
}
#endif
