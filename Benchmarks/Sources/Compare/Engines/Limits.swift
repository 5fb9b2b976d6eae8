// What no engine can be quicker than: the device's sync, a record into a mapping, a dictionary behind a lock.
//
// They are shown beside the engines and are none: nothing comes back from them after a crash.
//
// Why `@unchecked Sendable` is right: RawDevice and RawMemory change under their lock only.

import CPeers
import Foundation
import Synchronization

/// Overwrites 4 KiB of a file whose blocks are written already, then syncs.
final class RawDevice: Engine, @unchecked Sendable {
    private let lock = Mutex(())
    private let descriptor: Int32
    private var page = [UInt8](repeating: 0xA5, count: 4_096)
    private var next = 0
    private static let pages = 1_024

    init(_ folder: String) throws {
        descriptor = open(folder + "/raw", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("the raw file: \(String(cString: strerror(errno)))") }
        for index in 0..<Self.pages { try write(index) }
        guard fsync(descriptor) == 0 else { throw Failure("the raw file: fsync failed") }
    }

    private func write(_ index: Int) throws {
        guard pwrite(descriptor, page, page.count, off_t(index * page.count)) == page.count else {
            throw Failure("the raw file: \(String(cString: strerror(errno)))")
        }
    }

    func put(_ entry: Entry) throws {
        try lock.withLock { _ in
            page.replaceSubrange(0..<entry.value.count, with: entry.value)
            try write(next)
            #if canImport(Darwin)
            let synced = fcntl(descriptor, F_FULLFSYNC) == 0
            #else
            let synced = fdatasync(descriptor) == 0
            #endif
            guard synced else { throw Failure("the raw file: the sync failed") }
            next = (next + 1) % Self.pages
        }
    }

    func put(_ batch: [Entry]) throws { throw Failure("the raw device takes no batches") }
    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool { false }
    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {}
    func close() throws { Foundation.close(descriptor) }
}

/// Copies key and value into a shared mapping of a file, behind a lock, with a CRC-32C.
final class RawMemory: Engine, @unchecked Sendable {
    private let lock = Mutex(())
    private let mapping: UnsafeMutableRawPointer
    private var next = 0
    private static let bytes = 64 << 20

    init(_ folder: String) throws {
        let descriptor = open(folder + "/mapped", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("the mapped file: \(String(cString: strerror(errno)))") }
        defer { Foundation.close(descriptor) }
        // Written, not only made longer: the first store to a hole would ask the file system for a block.
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for index in 0..<(Self.bytes >> 20) {
            guard pwrite(descriptor, zeros, zeros.count, off_t(index << 20)) == zeros.count else {
                throw Failure("the mapped file: \(String(cString: strerror(errno)))")
            }
        }
        let mapped = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else { throw Failure("the mapped file: mmap failed") }
        mapping = mapped
        for offset in stride(from: 0, to: Self.bytes, by: 4_096) {
            mapping.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        }
    }

    func put(_ entry: Entry) throws { lock.withLock { _ in append(entry) } }

    func put(_ batch: [Entry]) throws { lock.withLock { _ in for entry in batch { append(entry) } } }

    private func append(_ entry: Entry) {
        let size = 8 + Key.size + entry.value.count
        if next + size > Self.bytes { next = 0 }
        let record = mapping + next
        entry.key.withBytes { (record + 8).copyMemory(from: $0.baseAddress!, byteCount: Key.size) }
        entry.value.withUnsafeBytes {
            (record + 8 + Key.size).copyMemory(from: $0.baseAddress!, byteCount: entry.value.count)
        }
        record.storeBytes(of: UInt32(entry.value.count), toByteOffset: 4, as: UInt32.self)
        record.storeBytes(of: peers_crc32c(0, record + 4, size - 4), as: UInt32.self)
        next += (size + 7) & ~7
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool { false }
    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {}
    func close() throws { munmap(mapping, Self.bytes) }
}

/// What an application would use that loses everything at its end.
final class LockedDictionary: Engine {
    private let content = Mutex<[String: [UInt8]]>([:])

    func put(_ entry: Entry) throws { content.withLock { $0[entry.key.text] = entry.value } }

    func put(_ batch: [Entry]) throws {
        content.withLock { content in for entry in batch { content[entry.key.text] = entry.value } }
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        guard let value = content.withLock({ $0[key.text] }) else { return false }
        try value.withUnsafeBytes(found)
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        let sorted = content.withLock { content in content.sorted { $0.key < $1.key } }
        for (key, value) in sorted {
            var key = key
            try key.withUTF8 { key in try value.withUnsafeBytes { try entry(UnsafeRawBufferPointer(key), $0) } }
        }
    }

    func close() throws {}
}
