// A folder of a test's own.

import SystemC

/// Gone with the test.
package final class TemporaryFolder: Sendable {
    /// Absolute, without symbolic links.
    package let path: String

    /// In shared memory if there is such a folder: the suites sync thousands of times.
    ///
    /// Its name begins with `backstay-test-` and the process: whoever kills the tests finds by it what they leave.
    ///
    /// - Parameter onDisk: for tests of what a real file system does.
    package init(onDisk: Bool = false) throws {
        let isShared = !onDisk && access("/dev/shm", W_OK) == 0
        let base = isShared ? "/dev/shm" : getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let name = "backstay-test-\(getpid())-\(String(UInt64.random(in: 0...(.max)), radix: 36))"
        let made = base + "/" + name
        guard mkdir(made, 0o700) == 0, let resolved = realpath(made, nil) else {
            throw Failure(path: made, code: errno)
        }
        defer { free(resolved) }
        path = String(cString: resolved)
    }

    deinit { Self.remove(path) }

    /// A place in it.
    package func callAsFunction(_ name: String) -> String { path + "/" + name }

    package struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32

        package var description: String { "\(path) can't be made: \(String(cString: strerror(code)))" }
    }

    // MARK: What is in a folder

    /// The names in a folder, in order; none if it can't be read.
    package static func names(_ path: String) -> [String] {
        guard let handle = opendir(path) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The bytes of a file; nil if it can't be opened.
    package static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = read(descriptor, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return bytes }
            bytes.append(contentsOf: piece[..<got])
        }
    }

    private static func remove(_ path: String) {
        for name in names(path) where unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
        rmdir(path)
    }
}
