// Whether a database's files are still the ones that were opened: asked before each acknowledgement, and before what a fold
// took in may leave the log.
//
// A program that replaces or unlinks journal.db or its -wal takes the acknowledged rows with it, while SQLite goes on
// writing to files that have no name any more. With state.db it takes the folds.
//
// The files themselves are looked at when their folder has changed, and every 256th time (a hard link made elsewhere does
// not touch the folder). Looking at the -wal each time would cost a third of a commit: since Linux 6.13 a stat() makes the
// next write take a new timestamp, which dirties the inode (https://docs.kernel.org/filesystems/multigrain-ts.html).
// Timestamps are coarse on older kernels: a folder that changed a moment ago is not yet trusted to show the next change.

internal import SystemC

/// Used by whoever has the database; not shared.
final class FileWatch {
    /// Which file a path names, and how many names it has.
    struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
        let links: UInt64

        static func of(_ path: String) throws(StoreError) -> Identity {
            var status = stat()
            guard stat(path, &status) == 0 else { throw Files.failure("looking at", path) }
            return Identity(
                device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino),
                links: UInt64(status.st_nlink))
        }
    }

    private static let lookEvery = 256
    /// Longer than a tick of any kernel's clock.
    private static let timestampGranularity: Int64 = 50_000_000

    private let folder: String
    private let names: [String]
    private var files: [Identity]?
    private var seen: FolderStamp?
    private var checks = 0

    init(folder: String, names: [String]) {
        self.folder = folder
        self.names = names
    }

    /// - Throws: `ioError` when one of the files is not the one that was there at the first check.
    func check() throws(StoreError) {
        checks += 1
        let now = try FolderStamp.of(folder)
        if now == seen && checks % Self.lookEvery != 0 { return }
        var found: [Identity] = []
        for name in names { found.append(try Identity.of(folder + "/" + name)) }
        guard files == nil || files == found else {
            throw StoreError(
                .ioError, "a file of the store was replaced, removed or linked while it was open",
                location: .init(file: folder + "/" + names[0]))
        }
        files = found
        let age = Clock.wallMicroseconds() * 1_000 - now.changed
        seen = age > Self.timestampGranularity ? now : nil
    }
}

/// Which folder a path names, and when its entries last changed.
private struct FolderStamp: Equatable {
    let device: UInt64
    let inode: UInt64
    /// Nanoseconds since 1970.
    let changed: Int64

    static func of(_ path: String) throws(StoreError) -> FolderStamp {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Files.failure("looking at", path) }
        #if canImport(Darwin)
        let time = status.st_mtimespec
        #else
        let time = status.st_mtim
        #endif
        return FolderStamp(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino),
            changed: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
