// What import reads: a file or stdin, in lines, without holding more of it than a batch.
//
// What has arrived is handed over before the next read that might wait, so lines of a slow writer are not held back until
// a batch is full.

import SystemC

final class ImportInput {
    /// The path, or "standard input".
    let name: String
    /// The real path where the input is a regular file: the job it belongs to unless one is named.
    let realPath: String?
    private let descriptor: Int32
    private var bytes: [UInt8]
    private var start = 0
    private var end = 0
    /// How far of `start..<end` is known to hold no line break.
    private var searched = 0
    private(set) var isAtEnd = false

    /// What a batch is made of, about.
    static let batchBytes = 256 << 10
    /// A value of 512 MiB with each byte escaped, and its key.
    private static let lineBytesMax = 6 * (512 << 20) + (64 << 10)

    /// - Parameter path: nil or "-" for stdin.
    init(_ path: String?) throws(Failure) {
        bytes = [UInt8](repeating: 0, count: 2 * Self.batchBytes)
        guard let path, path != "-" else {
            name = "standard input"
            realPath = nil
            descriptor = STDIN_FILENO
            return
        }
        name = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("opening", path, errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("looking at", path, errno) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else {
            throw Failure(.failed, "failed", "\(path) is a folder: name a file of JSON lines")
        }
        var real: String?
        if kind == S_IFREG, let resolved = realpath(path, nil) {
            real = String(cString: resolved)
            free(resolved)
        }
        realPath = real
    }

    private static func failure(_ doing: String, _ path: String, _ code: Int32) -> Failure {
        Failure(.failed, "failed", "\(doing) \(path) failed: \(String(cString: strerror(code)))")
    }

    /// Reads on: waits for the first bytes, then takes what is at hand, up to a batch.
    func fill() throws(Failure) {
        if start > 0 {
            bytes.withUnsafeMutableBytes { all in
                UnsafeMutableRawBufferPointer(rebasing: all[..<(end - start)]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: all[start..<end]))
            }
            end -= start
            start = 0
        }
        repeat {
            if end == bytes.count {
                guard end < Self.lineBytesMax else {
                    throw Failure(.failed, "malformedLine", "\(name): a line is longer than any that import can take")
                }
                var larger = [UInt8](repeating: 0, count: 2 * bytes.count)
                larger.withUnsafeMutableBytes { all in bytes.withUnsafeBytes { all.copyMemory(from: $0) } }
                bytes = larger
            }
            let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + end }, $0.count - end) }
            if got < 0 {
                if errno == EINTR { continue }
                throw Self.failure("reading", name, errno)
            }
            if got == 0 { isAtEnd = true }
            end += got
        } while !isAtEnd && end < Self.batchBytes && isReady
    }

    /// Whether a read would return at once.
    private var isReady: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    /// The next whole line with its line break, or what is left at the end; nil where more must be read first, or nothing
    /// is left.
    ///
    /// - Parameter bytesMax: a line that is longer, line break included, is cut there.
    func nextLine<R>(bytesMax: Int = .max, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R? {
        try bytes.withUnsafeBytes { all -> R? in
            let available = UnsafeRawBufferPointer(rebasing: all[start..<end])
            var length: Int?
            if searched < available.count, let base = available.baseAddress,
                let found = memchr(base + searched, 0x0A, available.count - searched)
            {
                length = UnsafeRawPointer(found) - base + 1
            }
            searched = length == nil ? available.count : 0
            if length == nil && isAtEnd && !available.isEmpty { length = available.count }
            if length ?? available.count > bytesMax { length = bytesMax }
            guard let length else { return nil }
            searched = 0
            // Taken before the body runs: a line that it refuses is not offered again.
            start += length
            return try body(UnsafeRawBufferPointer(rebasing: available[..<length]))
        }
    }
}
