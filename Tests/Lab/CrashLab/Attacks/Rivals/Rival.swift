// What the lab does to the store, done to what an application would use instead: one entry after the other, each answered
// before the next begins.

internal import WriteAheadJournal

/// A place for entries, as an application would have it.
protocol RivalStore {
    /// Returns when the entry is as safe as this rival makes it.
    func put(_ key: String, _ value: String) throws
    /// Every entry. What the rival itself notices is thrown as `Noticed`.
    func entries() throws -> [String: String]
    /// What it said of its own accord when it was opened; empty where it said nothing.
    var said: String { get }
    func close() throws
}

extension RivalStore {
    var said: String { "" }
}

/// The rival says by itself that something is wrong.
struct Noticed: Error {
    let what: String
}

/// Who takes part, in the order of the table's columns.
package enum Rival: String, CaseIterable, Sendable {
    case backstayPower = "Backstay .power"
    case backstayProcess = "Backstay .process"
    case sqliteFull = "SQLite, WAL, FULL"
    case sqliteNormal = "SQLite, WAL, NORMAL"
    case sqliteDelete = "SQLite, DELETE, FULL"
    case fileSynced = "file, fsync each line"
    case file = "file, no fsync"

    /// A folder of its own; the files in it go through the VFS of this name, which knows what a power cut leaves.
    func open(_ folder: String, vfs: String?) throws -> any RivalStore {
        switch self {
        case .backstayPower: try BackstayRival(folder, .power, vfs: vfs)
        case .backstayProcess: try BackstayRival(folder, .process, vfs: vfs)
        // What GRDB's DatabasePool sets: WAL and NORMAL (GRDB 7, Documentation/Concurrency.md). Its DatabaseQueue leaves
        // SQLite's own defaults, DELETE and FULL.
        case .sqliteFull: try SQLiteRival(folder, "WAL", "FULL", vfs: vfs)
        case .sqliteNormal: try SQLiteRival(folder, "WAL", "NORMAL", vfs: vfs)
        case .sqliteDelete: try SQLiteRival(folder, "DELETE", "FULL", vfs: vfs)
        case .fileSynced: try FileRival(folder, isSynced: true, vfs: vfs)
        case .file: try FileRival(folder, isSynced: false, vfs: vfs)
        }
    }

    /// Where its files are, of what it was opened with.
    func files(in folder: String) -> String { isOurs ? folder + "/app.backstay" : folder }

    /// Whether it is ours: its failures are the attack's.
    var isOurs: Bool { self == .backstayPower || self == .backstayProcess }
}

/// What is done to it.
package enum RivalBlow: String, CaseIterable, Sendable {
    case kill = "`kill -9`"
    case power = "power loss"
    case torn = "power loss, unsynced sectors in any order"
    case bitAfterKill = "`kill -9`, then a bit flips"
    case bitAfterClose = "closed, then a bit flips"

    var cutsPower: Bool { self == .power || self == .torn }
    var flips: Bool { self == .bitAfterKill || self == .bitAfterClose }

    /// Whether an acknowledged change may be gone afterwards, by what this rival promises.
    func mayTake(from rival: Rival) -> Bool { rival == .backstayProcess && cutsPower }
}
