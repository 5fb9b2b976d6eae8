// The end of a process, as the kernel tells it.

internal import WriteAheadJournal
package import SystemC

/// How a process ended, as the kernel says.
package enum ProcessEnd: Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    /// - Parameter status: as waitpid(2) has it.
    package init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }

    /// Waits for the end of a child, which is reaped: once for each. An end that cannot be learned is no end: whatever was
    /// judged by it would be made up.
    package init(of child: pid_t) {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            if errno != EINTR { fatalError("waiting for process \(child): \(Files.text(of: errno))") }
        }
        self.init(status: status)
    }

    package var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): SignalName.of(signal)
        }
    }
}
