// The kernel's log, for one question: did it kill that process for want of memory?
//
// /dev/kmsg hands out one record a read and never blocks with O_NONBLOCK
// (https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg). If it may not be read, nothing is claimed.

internal import SystemC

/// Searches /dev/kmsg for the kill of one process.
enum KernelLog {
    /// The kernel's clock in its log and the system's differ by little. A run is not so short that this tolerance hides
    /// its kill.
    private static let slackMicroseconds: Int64 = 1_000_000

    /// Whether the log says so of a process that lived at `started` (microseconds since 1970) or later. Ids are reused:
    /// an earlier entry is about another process. Ask only about a run of this boot that left no end.
    static func namesMemoryKill(of pid: Int32, since started: Int64) -> Bool {
        // The table `runs` has no checksums: an impossible time was altered.
        guard (0..<1 << 60).contains(started) else { return false }
        let sinceBoot = Int64(Clock.monotonicNanoseconds() / 1_000) - (Clock.wallMicroseconds() - started)
        let log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard log >= 0 else { return false }
        defer { close(log) }
        var record = [UInt8](repeating: 0, count: 8_192)
        for _ in 0..<100_000 {
            let got = read(log, &record, record.count)
            if got < 0 && errno == EPIPE { continue }  // Overwritten while we read; the next record is there.
            if got <= 0 { return false }
            // Nearly all lines are about something else, and there are thousands of them.
            guard Self.namesKill(record, got) else { continue }
            let line = String(decoding: record[0..<got], as: UTF8.self)
            if saysKilled(line, pid, since: sinceBoot - slackMicroseconds) { return true }
        }
        return false
    }

    /// Whether the kernel knows this process by its own number, which it does not in a PID namespace. The first
    /// namespace's own number is the same on every Linux (PROC_PID_INIT_INO in linux/proc_ns.h).
    static var knowsOurNumbers: Bool {
        var name = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &name, name.count)
        return count > 0 && name.prefix(count).elementsEqual("pid:[4026531836]".utf8.map { CChar(bitPattern: $0) })
    }

    private static func namesKill(_ record: [UInt8], _ count: Int) -> Bool {
        let words: StaticString = "Killed process"
        let length = words.utf8CodeUnitCount
        return record.withUnsafeBytes { raw in
            guard let base = raw.baseAddress, count >= length else { return false }
            return (0...(count - length)).contains {
                raw[$0] == words.utf8Start[0] && memcmp(base + $0, words.utf8Start, length) == 0
            }
        }
    }

    /// Whether a line is the kernel's report of a kill. Its wording since 4.x is "Killed process 123 (name)
    /// total-vm:…", after "Out of memory:" or "Memory cgroup out of memory:". Priority, number, microseconds since
    /// boot, and flags come first.
    static func saysKilled(_ line: String, _ pid: Int32, since: Int64 = .min) -> Bool {
        guard line.lowercased().contains("out of memory"), line.contains("Killed process \(pid) (") else {
            return false
        }
        let head = line.prefix { $0 != ";" }.split(separator: ",")
        guard head.count >= 3, let time = Int64(head[2]) else { return false }
        return time >= since
    }
}
