// One fault: which call fails, how, for how long, and what becomes of the pages of a sync that failed. And what a store
// may answer to it.
//
// Which kinds a call can end with is said once, by the VFS (CFaultVFS.h); here they are given names and an order, by which
// cases are numbered.

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

/// A class of calls, by its number in CFaultVFS.h.
struct FaultClass: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    var rawValue: UInt8

    var bit: UInt32 { 1 << UInt32(rawValue) }

    static let sync = FaultClass(rawValue: UInt8(BACKSTAY_FAULT_SYNC.rawValue))
    static let count = Int(BACKSTAY_FAULT_CLASSES.rawValue)

    private static let names = [
        "open", "read", "write", "truncate", "sync", "file size", "delete", "access", "lock", "shm map", "shm lock",
    ]

    var description: String { Self.names.indices.contains(Int(rawValue)) ? Self.names[Int(rawValue)] : "allocation" }
}

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

struct Fault: Hashable, Sendable, CustomStringConvertible {
    enum Lasting: String, Sendable {
        case once
        /// From then on calls of the same class fail.
        case itsClass = "from then on"
        /// From then on every call that can fail so does.
        case all = "from then on, every call"
    }

    /// What fails: SQLite's N-th call of its VFS, or its N-th allocation.
    enum Target: Hashable, Sendable {
        case call(FaultClass, FaultKind, FaultPages)
        case allocation
    }

    var target: Target
    /// 1 is the first.
    var index: Int
    var lasting: Lasting

    var description: String {
        switch target {
        case .allocation: return "allocation \(index) fails, \(lasting.rawValue)"
        case .call(let kind, let how, let pages):
            let more = kind == .sync ? ", \(pages.rawValue)" : ""
            return "call \(index) (\(kind)): \(how.rawValue), \(lasting.rawValue)\(more)"
        }
    }

    /// Every way in which a call of this class may fail, in a fixed order.
    static func ways(_ kind: FaultClass) -> [(Target, Lasting)] {
        var ways: [(Target, Lasting)] = []
        for how in FaultKind.allCases where how.classes & kind.bit != 0 {
            // What becomes of the pages does not depend on the error's number.
            let models: [FaultPages] = kind != .sync ? [.stayDirty] : how == .eio ? FaultPages.allCases : [.clean]
            for pages in models {
                ways.append((.call(kind, how, pages), .once))
                ways.append((.call(kind, how, pages), .itsClass))
                if how.classes != kind.bit { ways.append((.call(kind, how, pages), .all)) }
            }
        }
        return ways
    }

    // MARK: What may come of it

    /// The classes whose calls fail, as bits; 0 for allocations.
    var failingClasses: UInt32 {
        switch target {
        case .allocation: 0
        case .call(let kind, let how, _): lasting == .all ? how.classes : kind.bit
        }
    }

    /// Space, or a lock, and no sync: the store goes on when that is over, and is not poisoned.
    var passes: Bool {
        guard case .call(_, let how, _) = target else { return false }
        return (how.isSpace || how == .busy) && failingClasses & FaultClass.sync.bit == 0
    }

    /// Whether an answer may have this code (docs/durability.md). `damaged` never comes of a mere error, but a file that
    /// ends in the middle of a page is not one.
    func mayAnswer(_ code: StoreError.Code) -> Bool {
        switch target {
        case .allocation: return [.ioError, .poisoned].contains(code)
        case .call(_, let how, _):
            if how == .busy { return [.busy, .notYetDurable].contains(code) }
            if how.isSpace {
                if [.diskFull, .notYetDurable].contains(code) { return failingClasses != FaultClass.sync.bit }
                return !passes && [.ioError, .poisoned].contains(code)
            }
            if how == .short && code == .damaged { return true }
            return [.ioError, .poisoned].contains(code)
        }
    }
}

extension Fault {
    /// Sets it for the files in `folder`; the store is one of the folders there.
    func set(folder: String, store: String, seed: UInt64, flaw: backstay_flaw) {
        guard case .call(_, let how, let pages) = target else {
            backstay_allocations_fail(UInt64(index), lasting != .once)
            // Counts what a poisoned store does, and keeps SQLite from sleeping.
            Self.count(folder: folder, store: store)
            return
        }
        folder.withCString { folder in
            store.withCString { store in
                var fault = backstay_fault()
                fault.folder = folder
                fault.store = store
                fault.call = UInt64(index)
                fault.kind = how.code
                fault.lasts = lasting != .once
                fault.lasting_classes = failingClasses
                fault.pages = pages.code
                fault.seed = seed
                fault.flaw = flaw
                backstay_fault_set(&fault)
            }
        }
    }

    /// Counts calls; none fails.
    static func count(folder: String, store: String) {
        folder.withCString { folder in
            store.withCString { store in
                var none = backstay_fault()
                none.folder = folder
                none.store = store
                backstay_fault_set(&none)
            }
        }
    }

    /// Nothing fails any more.
    static func lift(folder: String) {
        backstay_fault_lift(folder)
        backstay_allocations_lift()
    }

    static func end(folder: String) {
        backstay_fault_end(folder)
        backstay_allocations_end()
    }

    /// Whether the fault has been met.
    static func wasMet(folder: String) -> Bool {
        backstay_fault_tally_of(folder).failed > 0 || backstay_allocations_failed() > 0
    }

    /// The classes of the calls since `count`.
    static func trace(folder: String) -> [FaultClass] {
        var bytes = [UInt8](repeating: 0, count: Int(backstay_fault_tally_of(folder).calls))
        let got = backstay_fault_trace(folder, &bytes, UInt64(bytes.count))
        return bytes[..<Int(got)].map { FaultClass(rawValue: $0) }
    }
}
