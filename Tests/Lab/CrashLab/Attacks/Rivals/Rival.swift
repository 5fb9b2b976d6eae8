// What the lab does to the store, done to what an application would use instead: one entry after the other, each answered
// before the next begins.

internal import WriteAheadJournal

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
