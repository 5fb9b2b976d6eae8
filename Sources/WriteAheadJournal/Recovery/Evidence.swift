// The files as they were found: kept aside before anything is done with them, and put back if a store is refused.
//
// What an opening writes before it may be refused is little: bytes that are repaired, and headers that are cleared, of
// SQLite's WALs. Neither loses anything if it stays. It is taken back all the same: a store that is refused is as it was
// found, and whoever looks into it, or salvages it, meets the damage and not what somebody made of it.

internal import SystemC

struct Evidence {
    let folder: String
    /// Where the files are kept as they were found, as a sentence.
    private var place: String?
    /// What stood where something was written, in that order.
    private var found: [(file: DatabaseInspection, offset: Int, bytes: [UInt8])] = []

    init(folder: String) { self.folder = folder }

    /// Keeps the files aside. Once: what this opening has repaired meanwhile is no evidence.
    ///
    /// - Returns: a sentence that says where.
    mutating func keep() -> String {
        let place = place ?? Self.copy(folder)
        self.place = place
        return place
    }

    /// These bytes of a WAL are about to be written over.
    mutating func note(_ file: DatabaseInspection, _ offset: Int, _ bytes: [UInt8]) {
        found.append((file, offset, bytes))
    }

    /// Puts back what was written over. If that fails, what was written is harmless.
    mutating func takeBack() {
        for (file, offset, bytes) in found.reversed() { try? file.write(bytes, at: offset) }
        found = []
    }

    /// From here on what was written stays: more is about to be.
    mutating func leave() { found = [] }

    /// Keeps one set of the files as damage was found in them, in `evidence/`, for whoever looks into it. The set is
    /// complete or not there: it is made under another name.
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
