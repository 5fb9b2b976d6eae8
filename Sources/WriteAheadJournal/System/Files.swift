// The calls on files that the journal makes outside SQLite, with typed errors.
//
// Every path here is a plain string. Every failing call becomes a StoreError that names the path and the errno.

internal import SystemC

/// Calls on files and folders.
package enum Files {
    /// The text of an errno.
    package static func text(of code: Int32) -> String {
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }

    /// The errno of the call that just failed, as a typed error.
    package static func failure(_ doing: String, _ path: String, errno code: Int32 = errno) -> StoreError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG:
            return StoreError(
                .diskFull, "no space left while \(doing) \(path): free some space and try again", cause: code,
                location: .init(file: path))
        case EACCES, EPERM, EROFS:
            return StoreError(
                .ioError, "may not do this: \(doing) \(path): \(text(of: code)); check owner, mode and mount",
                cause: code,
                location: .init(file: path))
        default:
            return StoreError(
                .ioError, "\(doing) \(path) failed: \(text(of: code))", cause: code, location: .init(file: path))
        }
    }

    /// Makes what is in the file durable. On Darwin only F_FULLFSYNC reaches the medium.
    package static func synchronize(_ descriptor: Int32) -> Bool {
        #if canImport(Darwin)
        let isDone = fcntl(descriptor, F_FULLFSYNC) == 0
        #else
        let isDone = fsync(descriptor) == 0
        #endif
        if isDone { onSync?(descriptor) }
        return isDone
    }

    /// For the crash lab, which has to know what is durable: called with each descriptor that was synced outside
    /// SQLite. It is set once, before any store is opened, and never in a product. That is why it needs no lock.
    nonisolated(unsafe) package static var onSync: (@convention(c) (Int32) -> Void)?

    /// Opens, syncs and closes a file or folder. Only for files that SQLite has not opened in this process: closing
    /// any descriptor of a database file drops SQLite's own lock on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    package static func synchronize(path: String, isFolder: Bool = false) throws(StoreError) {
        let descriptor = open(path, isFolder ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("opening", path) }
        defer { close(descriptor) }
        guard synchronize(descriptor) else { throw failure("syncing", path) }
    }

    /// Opens a file above the standard streams' numbers. In a program that was started without these streams, a print
    /// would otherwise go into the file. SQLite does the same with its own files. -1 and errno on failure.
    static func openAboveStreams(_ path: String, _ flags: Int32, _ mode: UInt32 = 0) -> Int32 {
        let descriptor = open(path, flags | O_CLOEXEC, mode_t(mode))
        guard descriptor >= 0, descriptor <= STDERR_FILENO else { return descriptor }
        defer { close(descriptor) }
        return fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
    }

    /// Whether anything is at the path; a dangling link counts.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The size of the file at the path; nil if there is none.
    package static func size(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    /// Free bytes of the file system at the path, as far as this user may take them. Nil if that cannot be told. A file
    /// system without any blocks does not count them: ramfs, a tmpfs without a limit, and many in user space.
    package static func freeBytes(_ path: String) -> Int? {
        var space = statvfs()
        guard statvfs(path, &space) == 0, space.f_blocks > 0 else {
            return nil
        }
        let (bytes, isTooMuch) = UInt64(space.f_bavail).multipliedReportingOverflow(by: UInt64(space.f_frsize))
        return isTooMuch ? .max : Int(clamping: bytes)
    }

    /// The whole of a small file; nil if it cannot be read.
    package static func contents(_ path: String, limit: Int = 1 << 20) -> [UInt8]? { bytes(of: path, limit).bytes }

    /// The same for a path with nothing at it, or with something else than a file: nil then. If a file is there and
    /// cannot be read, that is an error.
    package static func contentsIfThere(_ path: String, limit: Int) throws(StoreError) -> [UInt8]? {
        let (bytes, code) = Self.bytes(of: path, limit)
        let isGone = [ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO].contains(code)
        guard bytes != nil || isGone else {
            throw failure("reading", path, errno: code)
        }
        return bytes
    }

    /// - Returns: the bytes, or why there are none.
    private static func bytes(of path: String, _ limit: Int) -> (bytes: [UInt8]?, errno: Int32) {
        // A pipe in the place of a file has nothing to say, and waiting for its writer would never end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return (nil, errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            let got = read(descriptor, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            if got < 0 { return (nil, errno) }
            if got == 0 { break }
            bytes.append(contentsOf: piece[0..<got])
        }
        return (bytes, 0)
    }

    /// The text of a small file.
    package static func text(at path: String) -> String? {
        contents(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Writes all bytes, however many calls that takes.
    package static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var done = 0
        while done < bytes.count {
            let wrote = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if wrote < 0 && errno == EINTR { continue }
            if wrote <= 0 { return false }
            done += wrote
        }
        return true
    }

    /// Copies a file byte by byte and syncs the copy, mode 0600. Nothing may exist at `destination`.
    package static func copyFile(_ source: String, to destination: String) throws(StoreError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure("opening", source) }
        defer { close(input) }
        let output = openAboveStreams(destination, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard output >= 0 else { throw failure("creating", destination) }
        defer { close(output) }
        let size = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let got = read(input, buffer.baseAddress, size)
            if got < 0 && errno == EINTR { continue }
            if got < 0 { throw failure("reading", source) }
            if got == 0 { break }
            guard writeAll(output, UnsafeRawBufferPointer(rebasing: buffer[0..<got])) else {
                throw failure("writing", destination)
            }
        }
        guard synchronize(output) else { throw failure("syncing", destination) }
    }

    /// The names in a folder, without "." and "..".
    package static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether there is a folder at the path. A link to one does not count.
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Removes a folder with everything in it; links are not followed. The caller has to check whether it succeeded.
    package static func removeFolder(_ path: String) {
        guard isFolder(path) else { return }
        for name in names(in: path) {
            let inner = path + "/" + name
            if unlink(inner) != 0 { removeFolder(inner) }
        }
        rmdir(path)
    }

    /// The absolute path with every link resolved. The last part of the path need not exist.
    package static func resolved(_ path: String) throws(StoreError) -> String {
        guard !path.isEmpty else { throw StoreError(.notAStore, "the path is empty: name a folder") }
        guard !path.utf8.contains(0) else {
            throw StoreError(.notAStore, "the path has a zero byte in it: name a folder", location: .init(file: path))
        }
        if let whole = realpath(path, nil) {
            defer { free(whole) }
            return String(cString: whole)
        }
        if errno == ELOOP {
            throw StoreError(
                .notAStore, "\(path) is a loop of symbolic links: name the folder itself", cause: ELOOP,
                location: .init(file: path))
        }
        if errno == ENOTDIR {
            throw StoreError(
                .notAStore, "a part of \(path) is a file, not a folder: choose another path", cause: ENOTDIR,
                location: .init(file: path))
        }
        guard errno == ENOENT else { throw failure("resolving", path) }
        var status = stat()
        if lstat(path, &status) == 0 {
            // It exists after all: a link into nothing, or somebody else made it a moment ago.
            guard status.st_mode & S_IFMT != S_IFLNK else { throw failure("resolving", path, errno: ENOENT) }
            return try resolved(path)
        }
        var parent = "."
        var name = path
        while name.count > 1 && name.hasSuffix("/") { name.removeLast() }
        if let slash = name.lastIndex(of: "/") {
            parent = slash == name.startIndex ? "/" : String(name[..<slash])
            name = String(name[name.index(after: slash)...])
        }
        guard let folder = realpath(parent, nil) else {
            throw StoreError(
                .notAStore, "the folder \(parent) is not there: create it first", cause: errno,
                location: .init(file: parent))
        }
        defer { free(folder) }
        let base = String(cString: folder)
        return base == "/" ? "/" + name : base + "/" + name
    }

}

/// memcmp: the order of unsigned bytes.
@inline(__always) func compareMemory(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Int {
    Int(memcmp(a, b, count))
}
