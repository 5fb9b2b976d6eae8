// The files of a store as they were found. They are kept aside before anything is done with them, and put back if the
// store is refused.
//
// Before an opening may be refused it writes little: repaired bytes, and cleared headers, of SQLite's WALs. Neither
// loses anything if it stays. It is taken back all the same, so that a refused store is as it was found. Whoever looks
// into it, or salvages it, then meets the damage and not what somebody made of it.

internal import SystemC

/// What one opening keeps aside, and what it would have to put back.
struct Evidence {
    let folder: String
    /// The folder `evidence/`, once the files are kept there, as a sentence for messages.
    private var place: String?
    /// The bytes that were written over, in the order of writing.
    private var found: [(file: DatabaseInspection, offset: Int, bytes: [UInt8])] = []

    init(folder: String) { self.folder = folder }

    /// Keeps the files aside. This happens once: what this opening has repaired since then is no evidence.
    ///
    /// - Returns: a sentence that says where the files are.
    mutating func keep() -> String {
        let place = place ?? Self.copy(folder)
        self.place = place
        return place
    }

    /// Notes bytes of a WAL that are about to be written over.
    mutating func note(_ file: DatabaseInspection, _ offset: Int, _ bytes: [UInt8]) {
        found.append((file, offset, bytes))
    }

    /// Puts back what was written over. If that fails, the bytes that stay are harmless.
    mutating func takeBack() {
        for (file, offset, bytes) in found.reversed() { try? file.write(bytes, at: offset) }
        found = []
    }

    /// Lets everything written so far stay: more is about to be written.
    mutating func leave() { found = [] }

    /// Copies the files, as damage was found in them, to `evidence/`. The copy is made under another name, so it is
    /// complete or not there.
    private static func copy(_ folder: String) -> String {
        let place = folder + "/evidence"
        if Files.exists(place) { return "an earlier set of the files is kept in \(place)" }
        let part = place + ".part"
        Files.removeFolder(part)
        do throws(StoreError) {
            guard mkdir(part, 0o700) == 0 else { throw Files.failure("creating", part) }
            for name in Files.names(in: folder) where name != FolderLock.fileName {
                var status = stat()
                guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
                try Files.copyFile(folder + "/" + name, to: part + "/" + name)
            }
            guard rename(part, place) == 0 else { throw Files.failure("renaming", part) }
            try Files.synchronize(path: folder, isFolder: true)
        } catch {
            Files.removeFolder(part)
            return "the files could not be kept aside: \(error.message)"
        }
        return "the files are kept as found in \(place)"
    }
}
