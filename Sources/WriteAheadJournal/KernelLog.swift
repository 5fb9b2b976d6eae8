// The kernel's log, for one question: did it kill that process for want of memory?
//
// /dev/kmsg hands out one record a read and never blocks with O_NONBLOCK
// (https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg). Where it may not be read, nothing is claimed.

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

enum KernelLog {
    /// Whether the log says so. Ids are reused: a kill long ago of another process with this id would count too, so the
    /// caller asks only about a run of this boot that left no end.
    static func namesMemoryKill(of pid: Int32) -> Bool {
        let log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard log >= 0 else { return false }
        defer { close(log) }
        var record = [UInt8](repeating: 0, count: 8_192)
        for _ in 0..<100_000 {
            let got = read(log, &record, record.count)
            if got < 0 && errno == EPIPE { continue }  // Overwritten while we read; the next record is there.
            if got <= 0 { return false }
            if saysKilled(String(decoding: record[0..<got], as: UTF8.self), pid) { return true }
        }
        return false
    }

    /// The kernel's wording since 4.x: "Killed process 123 (name) total-vm:…", with "Out of memory:" or
    /// "Memory cgroup out of memory:" before it.
    static func saysKilled(_ line: String, _ pid: Int32) -> Bool {
        line.lowercased().contains("out of memory") && line.contains("Killed process \(pid) (")
    }
}
