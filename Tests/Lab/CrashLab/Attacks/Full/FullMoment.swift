internal import Drill
internal import WriteAheadJournal

/// When the space is gone.
enum FullMoment: String, CaseIterable, Sendable {
    case creating, opening, openingUnclosed, appending, draining, checkpointing, compacting, closing

    var work: FullChild.Work {
        switch self {
        case .draining: .fillsTail
        case .checkpointing: .checkpoints
        case .compacting: .compacts
        default: .appends
        }
    }

    /// Whether the space is gone before the process is there.
    var isBefore: Bool { self == .creating || self == .opening || self == .openingUnclosed }
}
