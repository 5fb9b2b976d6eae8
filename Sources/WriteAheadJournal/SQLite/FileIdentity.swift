internal import SystemC

/// Which file a path names, and how many names it has.
struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64
    let links: UInt64

    static func of(_ path: String) throws(StoreError) -> FileIdentity {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Files.failure("looking at", path) }
        return FileIdentity(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino),
            links: UInt64(status.st_nlink))
    }
}
