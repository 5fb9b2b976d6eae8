// Tells whether the descriptors that SQLite writes to are still its files.
//
// Some programs close descriptors which are not their own; daemons close "all" of them. If such a program then opens
// files, these get SQLite's numbers. Commits would go into them, be synced there, and be acknowledged
// (https://www.sqlite.org/howtocorrupt.html, 1.1). So the descriptors are checked before anything is written. Another
// thread may still close one between the check and the write; then the next check reports it.
//
// SQLite tells nobody its descriptors. The object of an open file of its own VFS has the number after three pointers
// (os_unix.c, struct unixFile). That is not taken for granted: the number counts only if it is a descriptor of the very
// file at the path. If it is not, as under a VFS that wraps another, nothing is checked.
//
// Why the unsafe pointers are right: the file object lives as long as the connection, SQLite allocates it together with
// what follows it, and the bytes are only read.

internal import CMachine
internal import CSQLite

/// A descriptor, and the file that it was when it was opened.
struct HeldFile {
    let descriptor: Int32
    let device: UInt64
    let inode: UInt64

    /// Nil if the descriptor is not open.
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

    /// Whether the descriptor still is this file's.
    var isStillHeld: Bool {
        guard let now = HeldFile(descriptor) else { return false }
        return now.device == device && now.inode == inode
    }
}

extension SQLiteConnection {
    private static let descriptorOffset = 3 * MemoryLayout<UnsafeRawPointer>.size

    /// Notes the descriptors of the database and of its WAL, as far as they can be known. Call it after the first read.
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

    /// - Throws: `ioError` if a descriptor was closed or is another file's.
    func checkDescriptors() throws(StoreError) {
        guard !descriptors.allSatisfy(\.isStillHeld) else { return }
        throw StoreError(
            .ioError, "a file descriptor of \(path) was closed, and not by the store: close only what is yours",
            location: .init(file: path))
    }
}
