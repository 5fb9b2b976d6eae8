// Whether the descriptors that SQLite writes to are still its files.
//
// A program that closes descriptors which are not its own (daemons close "all" of them), and then opens files, has these
// under SQLite's numbers: commits would go into them, be synced there, and be answered
// (https://www.sqlite.org/howtocorrupt.html, 1.1). So they are looked at before anything is written. Between the look and
// the write another thread may still close one; then the next look tells.
//
// SQLite tells nobody its descriptors. The object of an open file of its own VFS has the number behind three pointers
// (os_unix.c, struct unixFile). That is not taken for granted: what stands there counts only if it is a descriptor of the
// very file at the path. Where it is not, as under a VFS that wraps another, nothing is looked at.
//
// Why the unsafe pointers are right: the file object lives as long as the connection, SQLite allocates it together with
// what is behind it, and the bytes are only read.

internal import CMachine
internal import CSQLite

/// A descriptor, and the file it was when it was opened.
struct HeldFile {
    let descriptor: Int32
    let device: UInt64
    let inode: UInt64

    /// Nil where it is not open.
    init?(_ descriptor: Int32) {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        guard cfilesystem_identity(descriptor, nil, &device, &inode) == 0 else { return nil }
        (self.descriptor, self.device, self.inode) = (descriptor, device, inode)
    }

    func isAt(_ path: String) -> Bool {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        return cfilesystem_identity(-1, path, &device, &inode) == 0 && device == self.device && inode == self.inode
    }

    /// Whether the descriptor is this file's still.
    var isStillHeld: Bool {
        guard let now = HeldFile(descriptor) else { return false }
        return now.device == device && now.inode == inode
    }
}

extension SQLiteConnection {
    private static let descriptorOffset = 3 * MemoryLayout<UnsafeRawPointer>.size

    /// Notes the descriptors of the database and of its WAL, as far as they can be known. After the first read.
    func holdDescriptors() {
        descriptors = [(SQLITE_FCNTL_FILE_POINTER, path), (SQLITE_FCNTL_JOURNAL_POINTER, path + "-wal")].compactMap {
            which, path in
            var file: UnsafeMutablePointer<sqlite3_file>?
            guard sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK, let file else { return nil }
            let number = UnsafeRawPointer(file).load(fromByteOffset: Self.descriptorOffset, as: Int32.self)
            guard number > 2, let held = HeldFile(number), held.isAt(path) else { return nil }
            return held
        }
    }

    /// - Throws: `ioError` where a descriptor was closed or is another file's.
    func checkDescriptors() throws(StoreError) {
        guard !descriptors.allSatisfy(\.isStillHeld) else { return }
        throw StoreError(
            .ioError, "a file descriptor of \(path) was closed, and not by the store: close only what is yours",
            location: .init(file: path))
    }
}
