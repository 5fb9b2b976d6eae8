// The judge of a disk: mounts it, as the next boot does, which replays the file system's journal; has the store opened
// by a process of its own; and compares.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct BlockJudge {
    let device: BlockDevice
    let executable: String
    /// Where the children's last words go.
    let errors: String

    /// What is on the device now. It is unmounted before and afterwards; what the next start writes is on the tape.
    ///
    /// - Parameter boot: the machine that lost its power is this one, whose boot stays the same: the start is told another.
    func look(boot: String = "the-boot-after-the-cut") throws -> NextStart.Finding {
        do {
            try device.mount()
        } catch {
            return .unmountable(error.description)
        }
        let finding = Result {
            try NextStart.read(
                store: device.disk + "/s.backstay", executable: executable, errors: errors,
                boot: boot)
        }
        try device.unmount()
        return try finding.get()
    }
}
