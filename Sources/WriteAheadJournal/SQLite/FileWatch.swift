// Tells whether a database's files are still the ones that were opened. It is asked before each acknowledgement, and
// before the log may lose what a fold has taken in.
//
// A program may replace or unlink journal.db or its -wal. The acknowledged rows go with the old file, while SQLite
// continues to write to files that no longer have a name. With state.db it is the folds that go.
//
// The files themselves are looked at if their folder has changed, and every 256th time: a hard link that is made
// elsewhere does not touch the folder. Looking at the -wal each time would cost a third of a commit. Since Linux 6.13 a
// stat() makes the next write take a new timestamp, which dirties the inode
// (https://docs.kernel.org/filesystems/multigrain-ts.html).
//
// Timestamps are coarse on older kernels. So a folder that changed a moment ago is not yet trusted to show its next
// change.

internal import SystemC

/// The watch on the files of one database. Whoever has the database uses it; it is not shared.
final class FileWatch {
    /// Which file a path names, and how many names the file has.
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

    /// - Throws: `ioError` if one of the files is not the one that was there at the first check.
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
    /// In nanoseconds since 1970.
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
