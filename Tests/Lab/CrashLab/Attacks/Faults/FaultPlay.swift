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
internal import Drill
internal import WriteAheadJournal
internal import SystemC

final class FaultPlay {
    private let place: String
    private let seed: UInt64
    private let templates: FaultTemplates

    /// Makes the templates in `place`, a folder of its own.
    ///
    /// - Parameter place: absolute, links resolved.
    init(place: String, seed: UInt64) throws {
        self.place = place
        self.seed = seed
        try FaultVFS.register()
        templates = try FaultTemplates(in: place, seed: seed)
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
    func play(_ workload: FaultWorkload, _ fault: Fault, number: Int, flaw: FaultFlaw = .none) throws -> FaultResult {
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

    /// Steps 1 and 2 up to the fault.
    private func begin(_ workload: FaultWorkload, _ fault: Fault?, _ flaw: FaultFlaw) throws -> FaultSubject {
        clear()
        try ScratchFiles.make(folder: folder)
        let ledger = try templates.copy(workload.before, to: store, disk: disk)
        try FaultVFS.register(folder: store, shadow: disk) { $0.adopts = true }
        let options = FaultSubject.options(vfs: FaultVFS.name)
        let subject = FaultSubject(folder: folder, options: options, seed: seed, fault: fault, ledger: ledger)
        subject.notesEarly = flaw == .acknowledgesEarly
        if workload.isOpen {
            subject.take(.open)
            guard subject.store != nil else { throw Trouble(description: "\(subject.problems)") }
        }
        return subject
    }

    private static let folders = ["case", "disk", "death", "cut"]

    /// Moves what is left of the case aside. The copies have been opened since.
    func keep(at kept: String) throws {
        try ScratchFiles.make(folder: kept)
        for name in Self.folders { rename(place + "/" + name, kept + "/" + name) }
    }

    /// What is left of a case goes.
    func clear() {
        store.withCString { backstay_fault_unshadow($0) }
        for name in Self.folders { Files.removeFolder(place + "/" + name) }
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
            let left = Files.names(in: folder)
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
            let store = try StateStore.open(folder, options: FaultSubject.options(vfs: nil))
            let verdict = ledger.judge(try store.rows(), survival)
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
            let copy = try StateStore.open(
                folder + "/" + FaultSubject.backupName, options: FaultSubject.options(vfs: nil))
            if try copy.rows() != expected { result.problems.append("the copy holds something else") }
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
            folder: folder, options: FaultSubject.options(vfs: FaultVFS.name), seed: seed, fault: nil, ledger: ledger)
        next.take(.open)
        if let opened = next.store {
            result.starts += 1
            do throws(StoreError) {
                let verdict = ledger.judge(try opened.rows(), .process)
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
            Files.removeFolder(place + "/cut")
            try FaultFiles.copyStore(disk, to: place + "/cut", now.cut(before, &random))
            ledger = next.ledger
            judge(place + "/cut", ledger, .power, "opened again, then a power cut", fault, &result)
            next.take(.close)
        }
        if next.problems.contains(where: { $0.contains("damaged: ") }) { result.refused += 1 }
        result.problems += next.problems.map { "opened again: \($0)" }
    }
}
