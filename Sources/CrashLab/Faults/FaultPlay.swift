// One case: a workload meets a fault, the store answers, and then the process dies, or the power goes, or neither; each
// time the next start must find what the answers said.
//
//   1. the store as the workload needs it, from a template; its shadow, which is the disk
//   2. the fault is set; the workload's steps; every answer is compared with what is promised
//   3. copies of the files as they are: for the next start after a death, and after a power cut
//   4. nothing fails any more: a store that is not poisoned goes on, a poisoned one refuses; it is closed
//   5. each copy, and the store itself, is opened without faults and judged
//   6. after a failed sync the store that was opened again makes changes, and only then the power goes: what reads see
//      and the disk never got must have been written anew

internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// What came of one case.
struct FaultResult: Sendable {
    /// The fault was met.
    var wasMet = false
    /// The store was poisoned, or did not open.
    var wasPoisoned = false
    var lost = 0
    /// A start was refused, with `damaged`.
    var refused = 0
    var starts = 0
    /// What must not be; a start that is refused is one of them, but after reads that lied.
    var problems: [String] = []

    var outcome: LabOutcome {
        if lost > 0 { return .lost }
        if refused > 0 { return .detected }
        return problems.isEmpty ? .whole : .wrong
    }

    fileprivate mutating func refuse(_ error: StoreError, _ when: String, _ fault: Fault) {
        if error.code == .damaged {
            refused += 1
            if fault.mayAnswer(.damaged) { return }
        }
        problems.append("\(when): \(error)")
    }
}

final class FaultPlay {
    struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    private let place: String
    private let seed: UInt64
    private var templates: [FaultWorkload.Before: FaultLedger] = [:]
    private let ledgerOfNothing: FaultLedger

    /// Makes the templates in `place`, a folder of its own.
    ///
    /// - Parameter place: absolute, links resolved.
    init(place: String, seed: UInt64) throws {
        self.place = place
        self.seed = seed
        ledgerOfNothing = FaultLedger(seed: seed)
        var options = backstay_fault_options()
        guard backstay_fault_register(&options) == 0 else {
            throw Trouble(description: "the VFS for faults cannot be registered")
        }
        try makeTemplates()
    }

    private static let hour: UInt64 = 3_600_000_000_000

    private static func options(_ vfs: String?) -> StoreOptions {
        var options = StoreOptions()
        options.vfs = vfs
        options.closesAtExit = false
        options.tailBytes = 64 << 10
        options.walBytesKept = 256 << 10
        options.ageMax = hour
        options.checkpointsByItself = false
        options.diskFullPatience = .milliseconds(3)
        options.retryInterval = 1_000_000
        options.boot = "the lab's"
        return options
    }

    private func path(_ template: FaultWorkload.Before) -> String { "\(place)/\(template)" }

    private func makeTemplates() throws {
        let folder = place + "/making"
        try FaultFiles.make(folder)
        let maker = FaultSubject(
            folder: folder, options: Self.options(nil), seed: seed, fault: nil, ledger: ledgerOfNothing)
        for step: FaultStep in [.open, .power, .transaction, .power, .close] { maker.take(step) }
        let store = folder + "/" + FaultSubject.name
        try FaultFiles.copyStore(store, to: path(.closed))
        templates[.closed] = maker.ledger

        maker.ledger.beginWriter()
        for step: FaultStep in [.open, .power, .checkpoint, .transaction, .process, .process, .process] {
            maker.take(step)
        }
        try FaultFiles.copyStore(store, to: path(.killed))
        templates[.killed] = maker.ledger
        maker.take(.close)
        guard maker.problems.isEmpty else {
            throw Trouble(description: "templates: \(maker.problems.joined(separator: "; "))")
        }
        Platform.removeFolder(store)
        Platform.removeFolder(folder)
    }

    // MARK: A case

    private var folder: String { place + "/case" }
    private var store: String { folder + "/" + FaultSubject.name }
    private var disk: String { place + "/disk" }

    /// Without a fault: the classes of its calls, and how often SQLite allocates.
    func count(_ workload: FaultWorkload) throws -> (calls: [FaultClass], allocations: Int) {
        let subject = try begin(workload, nil, .none)
        backstay_allocations_fail(0, false)
        Fault.count(folder: folder, store: store)
        for step in workload.steps { subject.take(step) }
        let counted = (Fault.trace(folder: folder), Int(backstay_allocations_counted()))
        Fault.end(folder: folder)
        subject.close()
        clear()
        guard subject.problems.isEmpty else {
            throw Trouble(description: "\(workload.name), without a fault: \(subject.problems.joined(separator: "; "))")
        }
        return counted
    }

    /// - Parameters:
    ///   - flaw: a control: what the engine, or the store, does that it must not.
    ///   - number: the case's own; all random choices come from it and the seed.
    func play(_ workload: FaultWorkload, _ fault: Fault, number: Int, flaw: Flaw = .none) throws -> FaultResult {
        var result = FaultResult()
        var random = SeededRandom(seed: seed, stream: UInt64(number))
        let subject = try begin(workload, fault, flaw)
        let before = FaultFiles.Mapped(store)
        fault.set(folder: folder, store: store, seed: random.next(), flaw: flaw.engine)
        for step in workload.steps { subject.take(step) }
        let tally = backstay_fault_tally_of(folder)
        result.wasMet = Fault.wasMet(folder: folder)
        checkSteps(workload, subject, tally, &result)

        // 3
        let atDeath = subject.ledger
        let isThere = FaultFiles.isStore(store)
        if isThere {
            let now = FaultFiles.Mapped(store)
            try FaultFiles.copyStore(store, to: place + "/death", now)
            try FaultFiles.copyStore(disk, to: place + "/cut", now.cut(before, &random))
        }
        // 4
        Fault.lift(folder: folder)
        subject.goOn()
        result.wasPoisoned = subject.isPoisoned || subject.store == nil && subject.failures > 0
        let isClosed = subject.store == nil
        subject.close()
        if !isClosed && !subject.isPoisoned && subject.failuresAtClose > 0 {
            result.problems.append("it did not close once nothing failed any more")
        }
        result.problems += subject.problems
        if flaw == .none && backstay_fault_tally_of(folder).resynced > 0 {
            result.problems.append("a sync that failed was tried again")
        }
        Fault.end(folder: folder)

        // 5
        if isThere {
            judge(place + "/death", atDeath, .process, "after a death", fault, &result)
            judge(place + "/cut", atDeath, .power, "after a power cut", fault, &result)
        } else if atDeath.acknowledged > 0 {
            result.problems.append("changes were acknowledged, and there is no store")
            result.lost += atDeath.acknowledged
        }
        judgeBackup(subject, fault, &result)
        var ledger = subject.ledger
        if tally.failed > 0 && fault.failingClasses & FaultClass.sync.bit != 0 && isThere {
            try cutLater(&ledger, fault, &result, &random)
        } else {
            judge(store, ledger, .process, "opened again", fault, &result)
        }
        return result
    }

    /// What the engine or the store does that it must not.
    enum Flaw: String, CaseIterable, Sendable {
        case none
        case swallowsSyncError = "the sync's error is swallowed"
        case retriesSync = "a failed sync is tried again"
        case acknowledgesEarly = "changes are acknowledged before the commit"

        var engine: backstay_flaw {
            switch self {
            case .none, .acknowledgesEarly: BACKSTAY_FLAW_NONE
            case .swallowsSyncError: BACKSTAY_FLAW_SWALLOWS_SYNC_ERROR
            case .retriesSync: BACKSTAY_FLAW_RETRIES_SYNC
            }
        }
    }

    /// Steps 1 and 2 up to the fault.
    private func begin(_ workload: FaultWorkload, _ fault: Fault?, _ flaw: Flaw) throws -> FaultSubject {
        clear()
        try FaultFiles.make(folder)
        var ledger = ledgerOfNothing
        if workload.before == .nothing {
            try FaultFiles.make(disk)
        } else {
            for place in [store, disk] { try FaultFiles.copyStore(path(workload.before), to: place) }
            ledger = templates[workload.before] ?? ledger
            ledger.beginWriter()
        }
        let result = store.withCString { folder in
            disk.withCString { disk in
                var options = backstay_fault_options()
                options.folder = folder
                options.shadow = disk
                options.adopts = true
                return backstay_fault_register(&options)
            }
        }
        guard result == 0 else { throw Trouble(description: "no shadow: \(result)") }
        var options = Self.options(BACKSTAY_FAULT_VFS_NAME)
        options.sabotage.acknowledgesBeforeCommit = flaw == .acknowledgesEarly
        let subject = FaultSubject(folder: folder, options: options, seed: seed, fault: fault, ledger: ledger)
        if workload.isOpen {
            subject.take(.open)
            guard subject.store != nil else { throw Trouble(description: "\(subject.problems)") }
        }
        return subject
    }

    private static let folders = ["case", "disk", "death", "cut"]

    /// Moves what is left of the case aside. The copies have been opened since.
    func keep(at kept: String) throws {
        try FaultFiles.make(kept)
        for name in Self.folders { rename(place + "/" + name, kept + "/" + name) }
    }

    /// What is left of a case goes.
    func clear() {
        store.withCString { backstay_fault_unshadow($0) }
        for name in Self.folders { Platform.removeFolder(place + "/" + name) }
    }

    private func checkSteps(
        _ workload: FaultWorkload, _ subject: FaultSubject, _ tally: backstay_fault_tally, _ result: inout FaultResult
    ) {
        if subject.failures == 0 && tally.failed > 0 && tally.failed_class == BACKSTAY_FAULT_SYNC
            && !subject.isPoisoned
        {
            result.problems.append("a sync failed, and no call says so")
        }
        // An opening that fails leaves nothing of a store that it would have made.
        if workload.before == .nothing && subject.store == nil {
            let left = Platform.names(in: folder)
            if !left.isEmpty { result.problems.append("an opening that failed left \(left)") }
        }
    }

    // MARK: The next start

    /// Opens it, compares, makes a change, closes.
    private func judge(
        _ folder: String, _ ledger: FaultLedger, _ survival: Survival, _ when: String, _ fault: Fault,
        _ result: inout FaultResult
    ) {
        result.starts += 1
        do throws(StoreError) {
            let store = try StateStore.open(folder, options: Self.options(nil))
            let verdict = ledger.judge(try FaultSubject.rows(store), survival)
            result.lost += verdict.lost
            result.problems += verdict.findings.map { "\(when): \($0)" }
            try store.set("after", 1)
            try store.close()
        } catch {
            result.refuse(error, when, fault)
        }
    }

    private func judgeBackup(_ subject: FaultSubject, _ fault: Fault, _ result: inout FaultResult) {
        guard let expected = subject.backup else { return }
        do throws(StoreError) {
            let copy = try StateStore.open(folder + "/" + FaultSubject.backupName, options: Self.options(nil))
            if try FaultSubject.rows(copy) != expected { result.problems.append("the copy holds something else") }
            try copy.close()
        } catch {
            result.refuse(error, "the copy", fault)
        }
    }

    /// Step 6: the next start in the same kernel, changes, and a power cut.
    private func cutLater(
        _ ledger: inout FaultLedger, _ fault: Fault, _ result: inout FaultResult, _ random: inout SeededRandom
    ) throws {
        let isPoisoned = FaultFiles.isPoisoned(store)
        let was = FaultFiles.identity(store)
        guard store.withCString({ backstay_fault_settle($0, isPoisoned) }) else {
            throw Trouble(description: "the shadow cannot be written")
        }
        let before = FaultFiles.Mapped(store)
        ledger.beginWriter()
        let next = FaultSubject(
            folder: folder, options: Self.options(BACKSTAY_FAULT_VFS_NAME), seed: seed, fault: nil, ledger: ledger)
        next.take(.open)
        if let opened = next.store {
            result.starts += 1
            do throws(StoreError) {
                let verdict = ledger.judge(try FaultSubject.rows(opened), .process)
                result.lost += verdict.lost
                result.problems += verdict.findings.map { "opened again: \($0)" }
            } catch {
                result.problems.append("opened again: \(error)")
            }
            if isPoisoned && FaultFiles.identity(store) == was {
                result.problems.append("a poisoned store was opened again without new files")
            }
            next.take(.power)
            next.take(.transaction)
            let now = FaultFiles.Mapped(store)
            Platform.removeFolder(place + "/cut")
            try FaultFiles.copyStore(disk, to: place + "/cut", now.cut(before, &random))
            ledger = next.ledger
            judge(place + "/cut", ledger, .power, "opened again, then a power cut", fault, &result)
            next.take(.close)
        }
        if next.problems.contains(where: { $0.contains("damaged: ") }) { result.refused += 1 }
        result.problems += next.problems.map { "opened again: \($0)" }
    }
}
