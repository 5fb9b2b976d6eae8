// Makes the file `tail` ready for a run. It decides whether this file system keeps what is stored into a mapping, and
// gives the file its size and its blocks.
//
// The rule: a mapping is used only if it is known to hold. Otherwise, and in doubt, the ring is private memory, and
// changes are acknowledged after their commit. That is slower, but no less safe.

internal import CMachine
internal import SystemC

/// Finds or makes the file `tail`, and begins a run's tail in it.
package enum TailFile {
    /// Whether a folder's file system keeps a mapped tail.
    package enum Verdict: Sendable, Equatable {
        case mapped
        /// Private memory is used, for this reason.
        case notMapped(String)
    }

    /// File systems that keep what is stored into a shared mapping when the process dies.
    private static func isTrusted(_ type: UInt32) -> Bool {
        [CFILESYSTEM_EXT4, CFILESYSTEM_XFS, CFILESYSTEM_TMPFS, CFILESYSTEM_BTRFS].contains(type)
    }

    /// The verdict for stores in this folder. Changes nothing.
    package static func verdict(folder: String) -> Verdict {
        #if os(Linux)
        let type = cfilesystem_type(folder)
        guard isTrusted(type) else {
            return .notMapped("file system type 0x\(String(type, radix: 16)) is not known to keep a mapping")
        }
        return canPopulate ? .mapped : .notMapped("the kernel lacks MADV_POPULATE_WRITE (Linux 5.14)")
        #else
        return .notMapped("mapped tails are used on Linux only")
        #endif
    }

    /// Whether the kernel has MADV_POPULATE_WRITE. It is tried once, on a page of our own.
    private static let canPopulate: Bool = {
        let page = 4096
        guard let map = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), map != MAP_FAILED
        else { return false }
        defer { munmap(map, page) }
        return cfilesystem_populate(map, UInt(page)) == 0
    }()

    /// A file that is ready to hold a run's tail. A new file has a name of its own until `begin`, so that an earlier
    /// run's tail stays as it is.
    final class Prepared {
        fileprivate let path: String
        fileprivate let capacity: Int
        /// -1 if private memory is used.
        fileprivate let descriptor: Int32
        fileprivate var isNew: Bool

        fileprivate init(_ path: String, _ capacity: Int, _ descriptor: Int32, isNew: Bool) {
            self.path = path
            self.capacity = capacity
            self.descriptor = descriptor
            self.isNew = isNew
        }

        deinit {
            if descriptor >= 0 { close(descriptor) }
            if isNew { unlink(path + newSuffix) }
        }
    }

    private static let newSuffix = ".new"

    /// Finds or makes the file, with all its blocks.
    ///
    /// - Throws: `diskFull` if the file cannot be given its blocks; nothing half made is left.
    static func prepare(folder: String, capacity: Int) throws(StoreError) -> Prepared {
        let path = folder + "/" + TailFormat.fileName
        guard case .mapped = verdict(folder: folder), hasPlace(path) else {
            return Prepared(path, capacity, -1, isNew: false)
        }
        let found = reusable(path, capacity)
        if found >= 0 { return Prepared(path, capacity, found, isNew: false) }
        let made = try make(path + newSuffix, capacity)
        // It is -1 if Btrfs would move the blocks at every store. Private memory is used then.
        return Prepared(path, capacity, made, isNew: made >= 0)
    }

    /// Begins a run's tail in place of an earlier one. The earlier one's records must be in the journal by then.
    static func begin(_ file: Prepared, storeID: String, epoch: UInt64) throws(StoreError) -> Tail {
        guard file.descriptor >= 0 else { return try Tail(inMemory: file.capacity, epoch: epoch) }
        let tail = try Tail(
            mapping: file.descriptor, path: file.path, capacity: file.capacity, storeID: storeID, epoch: epoch)
        if file.isNew {
            guard rename(file.path + newSuffix, file.path) == 0 else { throw Files.failure("creating", file.path) }
            file.isNew = false
        }
        return tail
    }

    /// Whether both names are free for files of ours. The rest of a file that was half made is deleted. What somebody
    /// else put there, such as a folder with something in it, stays.
    private static func hasPlace(_ path: String) -> Bool {
        let part = path + newSuffix
        guard unlink(part) == 0 || errno == ENOENT || rmdir(part) == 0 else { return false }
        var status = stat()
        return lstat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR || rmdir(path) == 0
    }

    /// Opens the file that is there. It must be whole, of the right size, ours alone, and have all its blocks; else -1.
    private static func reusable(_ path: String, _ capacity: Int) -> Int32 {
        let descriptor = Files.openAboveStreams(path, O_RDWR | O_NOFOLLOW)
        guard descriptor >= 0 else { return -1 }
        let length = TailFormat.headerBytes + capacity
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
            status.st_size == off_t(length), Int(status.st_blocks) * 512 >= length,
            cfilesystem_keeps_blocks(descriptor, 0) == 1
        else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// Makes a new file, with every block written and synced; -1 if the file system would not keep the blocks in place.
    private static func make(_ part: String, _ capacity: Int) throws(StoreError) -> Int32 {
        let descriptor = Files.openAboveStreams(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Files.failure("creating", part) }
        guard cfilesystem_keeps_blocks(descriptor, 1) == 1 else {
            close(descriptor)
            unlink(part)
            return -1
        }
        do throws(StoreError) {
            // Zeros, not a reservation: a store into a reserved block changes the file's extents, and that can fail.
            let zeros = [UInt8](repeating: 0, count: 64 << 10)
            var left = TailFormat.headerBytes + capacity
            while left > 0 {
                let piece = min(left, zeros.count)
                let wrote = zeros.withUnsafeBytes {
                    Files.writeAll(descriptor, UnsafeRawBufferPointer(rebasing: $0[..<piece]))
                }
                guard wrote else { throw Files.failure("writing", part) }
                left -= piece
            }
            guard Files.synchronize(descriptor) else { throw Files.failure("syncing", part) }
        } catch {
            close(descriptor)
            unlink(part)
            throw error
        }
        return descriptor
    }
}
