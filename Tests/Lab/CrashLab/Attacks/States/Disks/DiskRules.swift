internal import Drill

struct DiskRules: Sendable {
    /// A name is durable once its folder was synced (POSIX); else also once any file was (ext4's journal).
    var namesAreStrict = true
    /// See Tearing.
    var damagesWholeSectors = false
    /// A control: flushes make nothing durable.
    var flushesLie = false
    /// A control: mapped pages die with the process.
    var mappingsDie = false
}
