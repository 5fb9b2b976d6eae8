#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

import SystemC

struct DoctorReport {
    enum Level: String {
        case ok
        case note
        case problem
    }

    struct Finding {
        let check: String
        let level: Level
        let message: String

        var cells: [String] {
            // Padded before it is coloured: colours have no width.
            let word = level.rawValue + String(repeating: " ", count: 7 - level.rawValue.count)
            let colored =
                switch level {
                case .ok: Terminal.green(word)
                case .note: Terminal.yellow(word)
                case .problem: Terminal.red(word)
                }
            return [colored, check, message]
        }

        var json: JSON {
            ["check": .string(check), "level": .string(level.rawValue), "message": .string(message)]
        }
    }

    private(set) var findings: [Finding] = []

    var isFine: Bool { !findings.contains { $0.level == .problem } }

    var members: [(String, JSON)] { [("ok", .bool(isFine)), ("findings", .array(findings.map(\.json)))] }

    mutating func add(_ check: String, _ level: Level, _ message: String) {
        findings.append(Finding(check: check, level: level, message: message))
    }

    // MARK: The machine

    /// https://sqlite.org/releaselog/3_31_0.html has what the store relies on: SQLITE_OPEN_NOFOLLOW, trusted_schema.
    private static let oldestSQLite = 3_031_000
    /// The WAL-reset bug: https://sqlite.org/releaselog/3_51_3.html
    private static let walResetBug = 3_007_000..<3_051_003

    mutating func inspectSQLite() {
        let version = SQLiteLibrary.version
        if SQLiteLibrary.versionNumber < Self.oldestSQLite {
            add("sqlite", .problem, "SQLite \(version) is too old: 3.31.0 is needed at least")
        } else {
            add("sqlite", .ok, "SQLite \(version)")
        }
        if Self.walResetBug.contains(SQLiteLibrary.versionNumber) {
            add(
                "walReset", .note,
                "SQLite \(version) has the WAL-reset bug (3.7.0 to 3.51.2); a store is not concerned, because one connection "
                    + "does all its writing and all its SQLite checkpoints. Don't write to its files with other programs"
            )
        } else {
            add("walReset", .ok, "this SQLite does not have the WAL-reset bug")
        }
    }

    mutating func inspectPlace(_ path: String) {
        let system = FileSystem.of(path)
        var power = "power: survives power loss, as far as the drive keeps what it has confirmed"
        switch system.kind {
        case .local: add("fileSystem", .ok, system.name)
        case .memory:
            add("fileSystem", .note, "\(system.name) is memory: nothing on it survives a restart of the machine")
            power = "power: survives the process only, because \(system.name) is memory"
        case .overlay:
            add(
                "fileSystem", .note,
                "\(system.name), a container's own layer: the store is gone with the container; put it on a volume")
        case .network:
            add(
                "fileSystem", .problem,
                "\(system.name) is a network file system: locks and mappings don't hold on it; move the store to a local disk"
            )
        case .unknown:
            add(
                "fileSystem", .note,
                "\(system.name): not known to keep its locks and syncs; ext4, XFS, Btrfs and ZFS are")
        }
        if let bytes = FileSystem.freeBytes(path) {
            let free = TextForm.bytes(Int(clamping: bytes))
            switch bytes {
            case ..<(16 << 20): add("space", .problem, "\(free) free: changes will soon be refused; free some space")
            case ..<(256 << 20): add("space", .note, "\(free) free: the log alone may take 64 MiB or twice the state")
            default: add("space", .ok, "\(free) free")
            }
        } else {
            add("space", .problem, "the system does not tell how much is free at \(path): check owner and mount")
        }
        add("durability", .ok, "process: \(InfoCommand.processLevel(path)). \(power)")
    }

    mutating func inspectFork() {
        #if os(Linux)
        let wipeOnFork: Int32 = 18
        let size = 4_096
        let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if let page, page != MAP_FAILED {
            defer { munmap(page, size) }
            if madvise(page, size, wipeOnFork) == 0 {
                add("fork", .ok, "forked children are told from their parent by a page that the kernel wipes")
                return
            }
        }
        #endif
        add("fork", .note, "forked children are told from their parent by the process id: some 100 ns a call")
    }

    // MARK: The store

    mutating func inspect(_ reader: StoreReader) throws {
        let records = try reader.records { _, _ in }
        add(
            "store", .ok,
            "format \(JournalSchema.formatVersion), LSN \(records.lsn), readable; `verify` checks all of it")
        if reader.isLive {
            let owner = FolderLock.owner(folder: reader.folder)
            add("owner", .ok, owner.map { "held by \($0)" } ?? "held by a process that has not named itself")
        } else {
            add("owner", .ok, "nobody holds it")
        }
        guard let last = try ReportedRun.all(reader).last else {
            add("lastRun", .ok, "none on record")
            return
        }
        let isOrderly = last.state == .running || [.clean, .exit, .signal].contains(last.end?.kind)
        add("lastRun", isOrderly ? .ok : .note, last.sentence)
    }
}
#endif
