// Files as the attacks need them: images of disks, and whole stores in memory.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

extension ScratchFiles {
    /// Makes a file of zeros, which takes no room yet.
    static func make(image path: String, bytes: Int) throws(StoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Files.failure("creating", path) }
        defer { close(file) }
        guard ftruncate(file, off_t(bytes)) == 0 else { throw Files.failure("sizing", path) }
    }

    /// Makes the file, or makes it anew, with these bytes.
    static func write(_ bytes: [UInt8], to path: String) throws(StoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Files.failure("creating", path) }
        defer { close(file) }
        guard bytes.withUnsafeBytes({ Files.writeAll(file, $0) }) else { throw Files.failure("writing", path) }
    }

    /// The files of a folder, whole.
    static func files(in folder: String) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in Files.names(in: folder) {
            files[name] = Files.contents(folder + "/" + name, limit: 1 << 28)
        }
        return files
    }

    /// Writes files to a folder, which is made where it is not there.
    static func write(_ files: [String: [UInt8]], to folder: String) throws(StoreError) {
        if !Files.exists(folder) { try make(folder: folder) }
        for (name, bytes) in files { try write(bytes, to: folder + "/" + name) }
    }

    /// The files of a store that is open, all of one moment, as a death of its owner then would leave them.
    ///
    /// - Throws: `Trouble` where they change all the time.
    static func filesOfLiveStore(_ folder: String) throws(Trouble) -> [String: [UInt8]] {
        var files = files(in: folder)
        for _ in 0..<200 {
            let again = Self.files(in: folder)
            // Each file was the same before and after the moment between the two looks.
            if again == files { return files.filter { !$0.key.hasSuffix("-shm") } }
            files = again
        }
        throw Trouble(description: "the files of \(folder) change all the time")
    }
}
