// The raw limit of a change that survives the process: copy 128 bytes into a shared mapping, with their checksum.

internal import WriteAheadJournal
internal import SystemC

final class RawMapping {
    // Used by one round at a time; freed with the object.
    private let map: UnsafeMutableRawPointer
    private let record = [UInt8](repeating: 0xA5, count: 128)
    private var next = 0
    private var crc: UInt32 = 0
    private static let size = 4 << 20

    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Files.failure("creating", path) }
        defer { close(descriptor) }
        let zeros = [UInt8](repeating: 0, count: Self.size)
        guard zeros.withUnsafeBytes({ Files.writeAll(descriptor, $0) }), fsync(descriptor) == 0 else {
            throw Files.failure("writing", path)
        }
        guard let map = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), map != MAP_FAILED
        else { throw Files.failure("mapping", path) }
        self.map = map
    }

    deinit { munmap(map, Self.size) }

    func append() {
        let place = map + next
        record.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: place, count: $0.count).copyMemory(from: $0) }
        // Chained, as a log's must be: else the processor works on several at a time.
        crc = RecordFormat.crc(UnsafeRawBufferPointer(start: place, count: 120), after: crc)
        place.storeBytes(of: crc, toByteOffset: 120, as: UInt32.self)
        next = (next + 128) & (Self.size - 1)
    }
}
