// Opens one state after another with the product itself, and says what is wrong with what it finds.
//
// Within the assumptions of docs/failure-model.md every state must open whole: being refused as damaged, or repaired, is a
// failure here.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

final class CrashStateJudge {
    let folder: CrashStateFolder

    init(_ folder: CrashStateFolder) { self.folder = folder }

    /// What a start is expected to find.
    struct Expected {
        /// Changes that must be, and may be, in the state.
        var allowed: ClosedRange<Int>
        /// The digest it must have, where an earlier start has already found one.
        var digest: UInt64?
        /// How the last run may be said to have ended; nil for any way.
        var ends: [RunEnd.Kind]?
    }

    struct Found {
        var fault: CrashStateFault?
        /// Of what the store held, where it opened.
        var digest: UInt64?
    }

    static func ends(_ survival: Survival) -> [RunEnd.Kind] {
        switch survival {
        case .process: [.killed, .clean, .none]
        case .power: [.machineDown, .clean, .none]
        }
    }

    /// Opens what is in the folder, and closes it as a process that dies does: nothing is checkpointed, no end noted.
    func open(
        _ options: StoreOptions, _ oracle: CrashStateOracle, _ expected: Expected,
        then use: (StateStore) throws(StoreError) -> Void = { _ in }
    ) -> Found {
        do throws(StoreError) {
            let store = try StateStore.open(folder.path, options: options)
            let digest = try CrashStateOracle.read(store)
            var found = Found(fault: try Self.fault(store, digest, oracle, expected), digest: digest)
            if found.fault == nil && store.recovery.recordsResupplied > 0 {
                found.fault = CrashStateFault(outcome: .detected, what: store.recovery.discardReason)
            }
            if found.fault == nil, let untrue = NextStart.untrue(store.recovery.damage).first {
                found.fault = CrashStateFault(outcome: .detected, what: untrue)
            }
            try use(store)
            return found
        } catch {
            let outcome: LabOutcome = error.code == .damaged ? .detected : .wrong
            return Found(fault: CrashStateFault(outcome: outcome, what: "\(error.code): \(error.message)"))
        }
    }

    private static func fault(
        _ store: StateStore, _ digest: UInt64, _ oracle: CrashStateOracle, _ expected: Expected
    ) throws(StoreError) -> CrashStateFault? {
        if let before = expected.digest, before != digest {
            func place(_ digest: UInt64) -> String {
                oracle.digests.firstIndex(of: digest).map { "that after change \($0)" } ?? "none that ever was"
            }
            return CrashStateFault(
                outcome: .wrong,
                what: "a second recovery finds another state than the first: \(place(digest)), not \(place(before))")
        }
        let entries = oracle.digests[expected.allowed].contains(digest) ? [:] : try CrashStateOracle.entries(store)
        if let finding = oracle.judge(digest, expected.allowed, entries: entries) {
            if case .lost = finding { return CrashStateFault(outcome: .lost, what: "\(finding)") }
            return CrashStateFault(outcome: .wrong, what: "\(finding)")
        }
        let end = store.recovery.lastEnd
        if let ends = expected.ends, !ends.contains(end.kind) {
            return CrashStateFault(outcome: .wrong, what: "the last run is said to have ended so: \(end)")
        }
        return nil
    }

    /// A store that was recovered takes a change, and the next start finds that and everything else.
    func goesOn(_ options: StoreOptions, _ oracle: CrashStateOracle, _ allowed: ClosedRange<Int>) -> CrashStateFault? {
        var digest: UInt64?
        let first = open(options, oracle, Expected(allowed: allowed)) { (store) throws(StoreError) in
            try store.set("after the crash", 1)
            digest = try CrashStateOracle.read(store)
        }
        if let fault = first.fault { return fault }
        let second = open(options, oracle, Expected(allowed: 0...(oracle.digests.count - 1)))
        guard let found = second.digest else { return second.fault }
        guard found == digest else {
            return CrashStateFault(
                outcome: .lost, what: "what was set after the recovery is not there at the next start")
        }
        return nil
    }
}
