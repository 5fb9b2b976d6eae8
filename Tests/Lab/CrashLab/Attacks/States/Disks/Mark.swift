internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

/// What a workload puts between the events.
enum Mark: Hashable, Sendable {
    /// The change of this number is about to be made; numbers count up from 1.
    case submitted(Int)
    /// This change, and every one before it, was answered at the level.
    case survivesProcess(Int)
    case survivesPower(Int)
    /// The store is open.
    case opened

    var word: UInt64 {
        switch self {
        case .submitted(let number): 1 << 56 | UInt64(number)
        case .survivesProcess(let number): 2 << 56 | UInt64(number)
        case .survivesPower(let number): 3 << 56 | UInt64(number)
        case .opened: 4 << 56
        }
    }

    init?(word: UInt64) {
        let number = Int(word & (1 << 56 - 1))
        switch word >> 56 {
        case 1: self = .submitted(number)
        case 2: self = .survivesProcess(number)
        case 3: self = .survivesPower(number)
        case 4: self = .opened
        default: return nil
        }
    }
}
