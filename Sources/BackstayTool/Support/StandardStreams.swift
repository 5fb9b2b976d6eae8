// The process's standard streams beside the results on stdout, and its end.

import SystemC

/// A line on stderr.
func note(_ text: String) { noteBytes(text + "\n") }

/// Text on stderr as it is.
func noteBytes(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Opens those of stdin, stdout and stderr that are closed, in a way that reading and writing them fails or does nothing.
/// Else the first files opened would take their numbers, and results would be written into the store's own files.
func holdStandardStreams() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
        // The lowest free number is the one that is missing. Writing to a descriptor opened for reading fails.
        _ = open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR)
    }
}

/// Has a write that nobody reads fail instead of ending the process.
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Ends the process: exit hooks run.
func endProcess(_ status: Int32) -> Never { exit(status) }
