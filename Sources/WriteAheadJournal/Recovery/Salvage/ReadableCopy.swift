// Copies what can be read of a file on a disk with bad sectors. Salvage needs it, because the damage often begins with
// one.
//
// Why unsafe pointers are right: they point into one buffer of this call's own.

internal import SystemC

/// Copying around what cannot be read.
enum ReadableCopy {
    private static let sectorBytes = 512
    private static let pageBytes = 4_096
    private static let pieceBytes = 1 << 20

    /// Makes a synced copy, mode 0600, with zeros for what cannot be read of the source. Nothing may exist at
    /// `destination`.
    ///
    /// - Returns: what could not be read.
    static func make(_ source: String, to destination: String) throws(StoreError) -> [Range<Int>] {
        let input = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard input >= 0 else { throw Files.failure("opening", source) }
        defer { close(input) }
        var status = stat()
        guard fstat(input, &status) == 0 else { throw Files.failure("looking at", source) }
        let output = Files.openAboveStreams(destination, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard output >= 0 else { throw Files.failure("creating", destination) }
        defer { close(output) }
        let gaps = read(input, from: 0, bytes: Int(status.st_size)) { Files.writeAll(output, $0) }
        guard let gaps else { throw Files.failure("writing", destination) }
        guard Files.synchronize(output) else { throw Files.failure("syncing", destination) }
        return gaps
    }

    /// Passes on `bytes` bytes in order, or fewer if the file ends before. If a piece cannot be read, smaller ones are
    /// tried, down to a disk's sector. Zeros stand for what still cannot be read.
    ///
    /// - Returns: what could not be read, counted from `start`; nil if the body failed.
    static func read(
        _ descriptor: Int32, from start: Int, bytes: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> [Range<Int>]? {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: pieceBytes, alignment: pageBytes)
        defer { buffer.deallocate() }
        var gaps: [Range<Int>] = []
        var at = 0
        var piece = pieceBytes
        while at < bytes {
            let wanted = min(piece - at % piece, bytes - at)
            let got = pread(descriptor, buffer, wanted, off_t(start + at))
            if got == 0 { break }
            if got < 0 && errno == EINTR { continue }
            if got < 0 && wanted > sectorBytes {
                piece = piece > pageBytes ? pageBytes : sectorBytes
                continue
            }
            let count = got < 0 ? wanted : got
            if got < 0 {
                memset(buffer, 0, count)
                let begin = gaps.last?.upperBound == at ? gaps.removeLast().lowerBound : at
                gaps.append(begin..<at + count)
            }
            guard body(UnsafeRawBufferPointer(start: buffer, count: count)) else { return nil }
            at += count
            if at % pageBytes == 0 { piece = at % pieceBytes == 0 ? pieceBytes : max(piece, pageBytes) }
        }
        return gaps
    }
}
