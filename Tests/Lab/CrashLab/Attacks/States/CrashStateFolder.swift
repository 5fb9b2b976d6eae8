// A folder on a file system in memory that is made to hold one state after another.
//
// Files are written in place through descriptors that stay open: making and removing six files would take longer than
// writing them. A descriptor is closed only while no store is open here, or for a file that is gone: closing one drops the
// locks that SQLite has on the file (https://www.sqlite.org/howtocorrupt.html, 2.2).

internal import Drill
internal import WriteAheadJournal
internal import SystemC

final class CrashStateFolder {
    let path: String
    private var descriptors = [Int32](repeating: -1, count: StoreFile.allCases.count)

    /// The folder is made, and empty.
    init(_ path: String) throws(StoreError) {
        self.path = path
        try ScratchFiles.make(folder: path)
    }

    deinit {
        for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
    }

    private func path(_ file: StoreFile) -> String { "\(path)/\(file.name)" }

    /// The files as they are.
    func read() -> DiskImage {
        var image = DiskImage()
        for file in StoreFile.allCases { image[file] = Files.contents(path(file), limit: 64 << 20) }
        return image
    }

    /// Makes the files what the image says, and removes what an earlier start left beside them.
    func write(_ image: DiskImage) throws(StoreError) {
        for name in ["journal.db-shm", "state.db-shm", "tail.new"] { unlink("\(path)/\(name)") }
        if Files.exists(path + "/evidence") { Files.removeFolder(path + "/evidence") }
        for file in StoreFile.allCases { try write(image[file], file) }
    }

    private func write(_ bytes: [UInt8]?, _ file: StoreFile) throws(StoreError) {
        var descriptor = descriptors[file.rawValue]
        var status = stat()
        if descriptor >= 0 && (fstat(descriptor, &status) != 0 || status.st_nlink == 0) {
            close(descriptor)
            descriptor = -1
        }
        defer { descriptors[file.rawValue] = descriptor }
        guard let bytes else {
            unlink(path(file))
            return
        }
        if descriptor < 0 || !isThere(file, status) {
            if descriptor >= 0 { close(descriptor) }
            descriptor = open(path(file), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Files.failure("opening", path(file)) }
        }
        let wrote = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard wrote == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else {
            throw Files.failure("writing", path(file))
        }
    }

    /// Whether the name still leads to the file that is open.
    private func isThere(_ file: StoreFile, _ open: stat) -> Bool {
        var status = stat()
        return lstat(path(file), &status) == 0 && status.st_ino == open.st_ino
    }
}
