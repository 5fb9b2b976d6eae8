// A folder of a test's own, gone with the test.

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif
import WriteAheadJournal

final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        path = "\(base)/backstay-test-\(getpid())-\(String(Platform.randomBits(), radix: 36))"
        guard mkdir(path, 0o700) == 0 else { throw Platform.failure("creating", path) }
    }

    deinit { Platform.removeFolder(path) }
}
