// The ways in which a call can fail.

internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal

enum FaultKind: String, CaseIterable, Sendable {
    case eio = "EIO"
    case enospc = "ENOSPC"
    case edquot = "EDQUOT"
    case eintr = "EINTR"
    case enomem = "ENOMEM"
    case emfile = "EMFILE"
    case erofs = "EROFS"
    case busy = "busy"
    case short = "short read"
    case halfEIO = "half written, EIO"
    case halfENOSPC = "half written, ENOSPC"
    case folderEIO = "deleted, EIO of the folder"

    var code: backstay_fault_kind {
        switch self {
        case .eio: BACKSTAY_FAULT_EIO
        case .enospc: BACKSTAY_FAULT_ENOSPC
        case .edquot: BACKSTAY_FAULT_EDQUOT
        case .eintr: BACKSTAY_FAULT_EINTR
        case .enomem: BACKSTAY_FAULT_ENOMEM
        case .emfile: BACKSTAY_FAULT_EMFILE
        case .erofs: BACKSTAY_FAULT_EROFS
        case .busy: BACKSTAY_FAULT_BUSY
        case .short: BACKSTAY_FAULT_SHORT
        case .halfEIO: BACKSTAY_FAULT_HALF_EIO
        case .halfENOSPC: BACKSTAY_FAULT_HALF_ENOSPC
        case .folderEIO: BACKSTAY_FAULT_FOLDER_EIO
        }
    }

    /// Classes of calls that can end so, as bits.
    var classes: UInt32 { backstay_fault_applies_to(code) }

    var isSpace: Bool { self == .enospc || self == .edquot || self == .halfENOSPC }
}
