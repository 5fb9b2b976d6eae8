// stdout, stderr and the end of the process.
//
// Results are collected and written in large pieces; whoever needs them to be out at a certain moment flushes. A reader
// that went away ends a reading command as it ends any other, by SIGPIPE; a changing command asks for an error instead,
// to close its store first.

import SystemC

/// stdout. One thread uses it.
final class Output {
    private var buffer: [UInt8] = []
    private static let bufferBytesMax = 64 << 10

    /// Writes out what was collected.
    func flush() throws(Failure) {
        defer { buffer.removeAll(keepingCapacity: true) }
        let failed: Int32? = buffer.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let wrote = Self.write(STDOUT_FILENO, bytes, done)
                if wrote < 0 && errno == EINTR { continue }
                if wrote <= 0 { return errno }
                done += wrote
            }
            return nil
        }
        guard let failed else { return }
        if failed == EPIPE { throw Failure(.failed, "outputClosed", "nobody reads the standard output any more") }
        throw Failure(.failed, "failed", "writing to the standard output failed: \(String(cString: strerror(failed)))")
    }

    private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        #if canImport(Darwin)
        Darwin.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
        #elseif canImport(Musl)
        Musl.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
        #else
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
        #endif
    }

    /// Adds bytes; writes when enough has come together.
    func add(_ bytes: some Collection<UInt8>) throws(Failure) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    /// Lets the body append to the collected bytes.
    func add(_ body: (inout [UInt8]) throws -> Void) throws {
        try body(&buffer)
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    func print(_ line: String) throws(Failure) {
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    func print(_ json: JSON) throws(Failure) {
        write(line: json)
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    /// Collects a line without writing it out.
    func write(line json: JSON) {
        json.append(to: &buffer)
        buffer.append(UInt8(ascii: "\n"))
    }
}

/// Runs the body with stdout, and writes out what it printed on every way out. The body's error wins.
func withOutput(_ body: (Output) throws -> Void) throws {
    let out = Output()
    do {
        try body(out)
    } catch {
        try? out.flush()
        throw error
    }
    try out.flush()
}
