// The raw limit of the device: overwrite 4 KiB of a file whose blocks are written, then fdatasync.

internal import WriteAheadJournal
internal import SystemC

final class RawDevice {
    private let descriptor: Int32
    private let page = [UInt8](repeating: 0xA5, count: 4_096)
    private var next = 0
    private static let pages = 1_024

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Files.failure("creating", path) }
        for index in 0..<Self.pages { pwrite(descriptor, page, page.count, off_t(index * page.count)) }
        guard fsync(descriptor) == 0 else { throw Files.failure("syncing", path) }
    }

    deinit { close(descriptor) }

    func commit() throws {
        let wrote = pwrite(descriptor, page, page.count, off_t(next * page.count))
        #if canImport(Darwin)
        let synced = fcntl(descriptor, F_FULLFSYNC) == 0
        #else
        let synced = fdatasync(descriptor) == 0
        #endif
        guard wrote == page.count, synced else { throw Files.failure("overwriting", "the raw file") }
        next = (next + 1) % Self.pages
    }
}
