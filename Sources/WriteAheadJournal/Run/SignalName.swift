internal import SystemC

/// The names of signals, for verdicts and messages.
package enum SignalName {
    /// "SIGTERM" for 15 on Linux; "signal 99" for a number without a name here.
    package static func of(_ number: Int32) -> String { names[number] ?? "signal \(number)" }

    private static let names: [Int32: String] = {
        var names: [Int32: String] = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        ]
        #if canImport(Darwin)
        names[10] = "SIGBUS"
        names[12] = "SIGSYS"
        names[30] = "SIGUSR1"
        names[31] = "SIGUSR2"
        #else
        names[7] = "SIGBUS"
        names[31] = "SIGSYS"
        names[10] = "SIGUSR1"
        names[12] = "SIGUSR2"
        #endif
        return names
    }()
}
