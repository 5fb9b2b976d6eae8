// Faults, as the VFS and the allocations take them.

internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal

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
