// An example as a child process on a terminal of its own, which makes it what a user has: lines come as they are printed,
// and Ctrl+C is a byte that the terminal turns into SIGINT.

import TestSupport

import SystemC

extension ChildProcess {
    static func example(_ name: String, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(TestBundle.folder + "/" + name, arguments, environment: [], input: .terminal)
    }

    func pressReturn() { type("\n") }

    /// The end of the input.
    func pressControlD() { type("\u{4}") }

    func pressControlC() {
        #if os(Linux)
        type("\u{3}")
        #else
        send(SIGINT)
        #endif
    }
}
