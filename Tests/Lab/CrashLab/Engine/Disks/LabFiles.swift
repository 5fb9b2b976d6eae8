// Folders and files as the rows need them: made, written, and a store's copied.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

enum LabFiles {
    static func make(folder: String) throws(StoreError) {
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
    }

    /// A folder of a run's own, new and empty; its path has no links.
    static func makePlace(_ name: String, in folder: String) throws(StoreError) -> String {
        let number = String(Platform.randomBits(), radix: 36)
        let place = try Platform.resolved("\(folder)/backstay-\(name)-\(getpid())-\(number)")
        try make(folder: place)
        return place
    }

    /// The system's folder for what does not last.
    static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    /// Copies a store as a death of its owner would leave it, or the machine's: without the `-shm` files, which are memory.
    static func copy(store: String, to copy: String) throws(StoreError) {
        try make(folder: copy)
        for name in Platform.names(in: store) where !name.hasSuffix("-shm") {
            try Platform.copyFile(store + "/" + name, to: copy + "/" + name)
        }
    }

    /// Makes a file of zeros, which takes no room yet.
    static func make(image path: String, bytes: Int) throws(StoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Platform.failure("creating", path) }
        defer { close(file) }
        guard ftruncate(file, off_t(bytes)) == 0 else { throw Platform.failure("sizing", path) }
    }

    /// Makes the file, or makes it anew, with these bytes.
    static func write(_ bytes: [UInt8], to path: String) throws(StoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Platform.failure("creating", path) }
        defer { close(file) }
        guard bytes.withUnsafeBytes({ Platform.writeAll(file, $0) }) else { throw Platform.failure("writing", path) }
    }

    /// The files of a folder, whole.
    static func files(in folder: String) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in Platform.names(in: folder) {
            files[name] = Platform.contents(folder + "/" + name, limit: 1 << 28)
        }
        return files
    }

    /// Writes files to a folder, which is made where it is not there.
    static func write(_ files: [String: [UInt8]], to folder: String) throws(StoreError) {
        if !Platform.exists(folder) { try make(folder: folder) }
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
