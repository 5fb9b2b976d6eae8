// The files of a store as something finds them: the next start after the process died, or after the power went.
//
// A process that dies leaves what the kernel holds. A power cut leaves what the disk has: of SQLite's files the shadow,
// of the two mapped files pages of any moment since they were last synced, so they are taken as they are now, as they were
// at the start, or page by page the one or the other.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

enum FaultFiles {
    /// In this order: the page `run` may then say less than the journal, never more, and what the tail gives back to the
    /// journal meanwhile is in one of them.
    private static let mapped = ["run", "tail"]
    private static let databases = ["state.db", "state.db-wal", "journal.db", "journal.db-wal"]
    private static let pageBytes = 4_096

    /// The two mapped files.
    struct Mapped {
        private(set) var bytes: [String: [UInt8]] = [:]

        init(_ folder: String) {
            for name in FaultFiles.mapped { bytes[name] = Files.contents(folder + "/" + name, limit: 1 << 20) }
        }

        private init(bytes: [String: [UInt8]]) { self.bytes = bytes }

        /// What a power cut may leave of them, with `before` as the disk had it.
        func cut(_ before: Mapped, _ random: inout SeededRandom) -> Mapped {
            var left: [String: [UInt8]] = [:]
            for name in FaultFiles.mapped {
                guard var now = bytes[name] else { continue }
                let old = before.bytes[name]
                switch random.next() % 3 {
                case 0: left[name] = now
                case 1: left[name] = old
                default:
                    guard let old, old.count == now.count else { continue }
                    for start in stride(from: 0, to: now.count, by: FaultFiles.pageBytes) where random.next() & 1 == 0 {
                        let page = start..<min(start + FaultFiles.pageBytes, now.count)
                        now.replaceSubrange(page, with: old[page])
                    }
                    left[name] = now
                }
            }
            return Mapped(bytes: left)
        }

        func write(to folder: String) throws {
            for (name, bytes) in bytes { try ScratchFiles.write(bytes, to: folder + "/" + name) }
        }
    }

    /// The store as it is now, but for SQLite's index: whoever opens it first makes that anew.
    static func copyStore(_ folder: String, to place: String, _ mapped: Mapped? = nil) throws {
        try ScratchFiles.make(folder: place)
        try (mapped ?? Mapped(folder)).write(to: place)
        for name in databases { try copy(folder + "/" + name, to: place + "/" + name) }
    }

    /// Whether there is anything of a store.
    static func isStore(_ folder: String) -> Bool { Files.exists(folder + "/journal.db") }

    /// Whether the page `run` says that the store was poisoned (its layout: RunPage.swift).
    static func isPoisoned(_ folder: String) -> Bool {
        guard let page = Files.contents(folder + "/run", limit: pageBytes), page.count >= 232 else { return false }
        return page[224..<232].contains { $0 != 0 }
    }

    /// Which file the journal's database is.
    static func identity(_ folder: String) -> UInt64 {
        var status = stat()
        return stat(folder + "/journal.db", &status) == 0 ? UInt64(status.st_ino) : 0
    }

    /// What is not there is not copied.
    private static func copy(_ source: String, to destination: String) throws {
        guard Files.exists(source) else { return }
        guard let bytes = Files.contents(source, limit: 1 << 30) else { throw Files.failure("reading", source) }
        try ScratchFiles.write(bytes, to: destination)
    }
}
