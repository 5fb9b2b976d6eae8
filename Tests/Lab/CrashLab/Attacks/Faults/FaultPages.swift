internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal

/// What a kernel does with pages that it could not sync.
enum FaultPages: String, CaseIterable, Sendable {
    case stayDirty = "pages stay dirty"
    case clean = "pages marked clean"
    case reverted = "pages as the disk has them"
    case partly = "some pages got there"

    var code: backstay_fault_pages {
        switch self {
        case .stayDirty: BACKSTAY_PAGES_STAY_DIRTY
        case .clean: BACKSTAY_PAGES_CLEAN
        case .reverted: BACKSTAY_PAGES_REVERTED
        case .partly: BACKSTAY_PAGES_PARTLY
        }
    }
}
