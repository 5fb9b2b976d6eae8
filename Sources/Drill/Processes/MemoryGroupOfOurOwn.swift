// A memory control group with a small limit, for a child that the kernel is to kill for want of memory.
//
// Versions: https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and …/cgroup-v2.html. Making one needs the right to
// write below the caller's own group, as root has on most machines. Where it cannot be made the drill says so.

internal import WriteAheadJournal
internal import SystemC

final class MemoryGroupOfOurOwn {
    static let limitBytes = 96 << 20

    package struct Refusal: Error {
        let reason: String
    }

    package let path: String

    init() throws(Refusal) {
        #if os(Linux)
        guard let text = Files.text(at: "/proc/self/cgroup") else {
            throw Refusal(reason: "it has no control groups")
        }
        var failures: [String] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isFirst = parts[1].split(separator: ",").contains("memory")
            guard isFirst || (parts[0] == "0" && parts[1].isEmpty) else { continue }
            let root = isFirst ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
            let limit = isFirst ? "memory.limit_in_bytes" : "memory.max"
            let swap = isFirst ? "memory.memsw.limit_in_bytes" : "memory.swap.max"
            let own = parts[2] == "/" ? "" : String(parts[2])
            // In a container the group's own folder may be mounted as the root.
            for base in own.isEmpty ? [root] : [root + own, root] {
                let path = "\(base)/backstay-drill-\(getpid())"
                guard mkdir(path, 0o755) == 0 else {
                    failures.append(Files.text(of: errno))
                    continue
                }
                let swapBytes = isFirst ? Self.limitBytes : 0
                if Self.write("\(Self.limitBytes)", to: path + "/" + limit) {
                    _ = Self.write("\(swapBytes)", to: path + "/" + swap)  // Missing where swap is not counted.
                    self.path = path
                    return
                }
                failures.append("no \(limit) there")
                rmdir(path)
            }
        }
        throw Refusal(reason: "no memory group can be made: \(failures.first ?? "there is no memory controller")")
        #else
        throw Refusal(reason: "it has no control groups")
        #endif
    }

    deinit { rmdir(path) }

    /// Moves the calling process into the group.
    package static func join(_ path: String) throws {
        guard write("0", to: path + "/cgroup.procs") else { throw Files.failure("joining", path) }
    }

    private static func write(_ text: String, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { Files.writeAll(descriptor, $0) }
    }
}
