internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

/// The files of a store that a crash may change. `lock` is not among them: only the kernel's lock counts.
enum StoreFile: Int, CaseIterable, Sendable {
    case journal, journalWAL, journalRollback, state, stateWAL, stateRollback, run, tail

    var name: String {
        switch self {
        case .journal: "journal.db"
        case .journalWAL: "journal.db-wal"
        case .journalRollback: "journal.db-journal"
        case .state: "state.db"
        case .stateWAL: "state.db-wal"
        case .stateRollback: "state.db-journal"
        case .run: RunPage.fileName
        case .tail: TailFormat.fileName
        }
    }

    /// The store has it mapped: the kernel writes its pages back when it likes.
    var isMapped: Bool { self == .run || self == .tail }
}
