// Folders for stores that do not last: made, and a store's copied.

package import WriteAheadJournal
internal import SystemC

package enum ScratchFiles {
    package static func make(folder: String) throws(StoreError) {
        guard mkdir(folder, 0o700) == 0 else { throw Files.failure("creating", folder) }
    }

    /// A folder of a run's own, new and empty; its path has no links.
    package static func makePlace(_ name: String, in folder: String) throws(StoreError) -> String {
        let number = String(Machine.randomBits(), radix: 36)
        let place = try Files.resolved("\(folder)/backstay-\(name)-\(getpid())-\(number)")
        try make(folder: place)
        return place
    }

    /// The system's folder for what does not last.
    package static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    /// Copies a store as a death of its owner would leave it, or the machine's: without the `-shm` files, which are memory.
    package static func copy(store: String, to copy: String) throws(StoreError) {
        try make(folder: copy)
        for name in Files.names(in: store) where !name.hasSuffix("-shm") {
            try Files.copyFile(store + "/" + name, to: copy + "/" + name)
        }
    }
}
