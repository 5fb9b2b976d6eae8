// A folder of a test's own, gone with the test.

import SystemC
import WriteAheadJournal

final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        path = "\(base)/backstay-test-\(getpid())-\(String(Machine.randomBits(), radix: 36))"
        guard mkdir(path, 0o700) == 0 else { throw Files.failure("creating", path) }
    }

    deinit { Files.removeFolder(path) }
}
