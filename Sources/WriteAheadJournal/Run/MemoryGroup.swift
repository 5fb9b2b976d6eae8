// The memory control group that this process lives in, and how often the kernel killed in it: evidence for an OOM kill.
//
// Version 2 counts in memory.events (`oom_kill N`), version 1 in memory.oom_control. Both are read-only text
// (https://docs.kernel.org/admin-guide/cgroup-v2.html). On other systems nothing is known, and nothing is claimed.

/// A memory control group, with its count of kills at one moment.
package struct MemoryGroup: Sendable, Hashable {
    package let path: String
    package let kills: Int64

    /// The group of the calling process.
    package static func current() -> MemoryGroup? {
        guard let text = Files.text(at: "/proc/self/cgroup") else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].split(separator: ",").contains("memory") {
                return read("/sys/fs/cgroup/memory\(parts[2])/memory.oom_control", alternative: "memory.oom_control")
            }
        }
        for line in text.split(separator: "\n") where line.hasPrefix("0::") {
            return read("/sys/fs/cgroup\(line.dropFirst(3))/memory.events", alternative: "memory.events")
        }
        return nil
    }

    private static func read(_ path: String, alternative name: String) -> MemoryGroup? {
        // In a container the group's own folder is mounted as the root.
        for path in [path, "/sys/fs/cgroup/memory/\(name)", "/sys/fs/cgroup/\(name)"] {
            guard let text = Files.text(at: path) else { continue }
            for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
                guard let count = Int64(line.dropFirst("oom_kill ".count)) else { continue }
                return MemoryGroup(path: path, kills: count)
            }
        }
        return nil
    }
}
