internal import SystemC

/// What the system says of this machine, this process and this thread.
package enum Machine {
    /// Differs between any two threads that live at the same time; never 0.
    package static var threadIdentity: UInt {
        #if canImport(Darwin)
        return UInt(bitPattern: pthread_self())
        #else
        return UInt(pthread_self())
        #endif
    }

    /// Lets another thread run.
    static func yield() { sched_yield() }

    /// 64 bits from the system's random source.
    package static func randomBits() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// Changes with every boot of the machine; empty if the system does not tell.
    package static func bootIdentity() -> String {
        #if canImport(Darwin)
        var size = 0
        guard sysctlbyname("kern.bootsessionuuid", nil, &size, nil, 0) == 0, size > 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: size)
        guard sysctlbyname("kern.bootsessionuuid", &bytes, &size, nil, 0) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #else
        let text = Files.text(at: "/proc/sys/kernel/random/boot_id") ?? ""
        return String(text.prefix { $0 != "\n" })
        #endif
    }

    /// The machine's name.
    package static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, 255) == 0 else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// This process.
    package static func processID() -> Int32 { getpid() }

    /// Whether a process with this id exists.
    package static func isAlive(_ pid: Int32) -> Bool {
        kill(pid, 0) == 0 || errno == EPERM
    }
}
