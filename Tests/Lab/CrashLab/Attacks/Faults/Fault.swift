// One fault: which call fails, how, for how long, and what becomes of the pages of a sync that failed. And what a store
// may answer to it.
//
// Which kinds a call can end with is said once, by the VFS (CFaultVFS.h); here they are given names and an order, by which
// cases are numbered.

internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal

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
