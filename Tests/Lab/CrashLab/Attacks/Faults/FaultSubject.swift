// The program in a store's process: takes its steps, notes each answer, and compares it with what the store promises
// while a call fails.

internal import Backstay
internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

final class FaultSubject {
    /// Where the store and its copy are; nothing else.
    private let folder: String
    private let options: StoreOptions
    private let seed: UInt64
    /// Nil while nothing is to fail.
    private let fault: Fault?
    /// A control: changes at `.power` count as acknowledged before they are made.
    var notesEarly = false
    private(set) var store: StateStore?
    var ledger: FaultLedger
    /// What was not as promised.
    private(set) var problems: [String] = []
    /// Steps that ended with an error.
    private(set) var failures = 0
    private(set) var failuresAtClose = 0
    private var lastError: StoreError?
    private(set) var isPoisoned = false
    /// Changing calls of SQLite once the store was poisoned.
    private var callsWhenPoisoned: UInt64 = 0
    /// What the copy must hold; nil where none was made.
    private(set) var backup: [String: String]?

    init(folder: String, options: StoreOptions, seed: UInt64, fault: Fault?, ledger: FaultLedger) {
        self.folder = folder
        self.options = options
        self.seed = seed
        self.fault = fault
        self.ledger = ledger
    }

    /// Nothing happens for its age or while the store is idle: the N-th call is the same in every run.
    static func options(vfs: String?) -> StoreOptions {
        var options = StoreOptions()
        options.vfs = vfs
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.walBytesKept = 256 << 10
        options.ageMax = 3_600_000_000_000
        options.checkpointsByItself = false
        options.diskFullPatience = .milliseconds(3)
        options.retryInterval = 1_000_000
        options.boot = "the lab's"
        return options
    }

    static let name = "app.backstay"
    static let backupName = "copy.backstay"

    private func complain(_ what: String) { problems.append(what) }

    // MARK: Steps

    func take(_ step: FaultStep) {
        if step == .open {
            open()
            return
        }
        guard let store else { return }
        switch step {
        case .open: break
        case .power: set(store, .power)
        case .process: set(store, .process)
        case .transaction: transact(store, ballast: 300)
        case .large: transact(store, ballast: 48_000)
        case .sync: sync(store)
        case .checkpoint: upkeep("checkpoint", store) { () throws(StoreError) in try store.checkpoint() }
        case .compact: upkeep("compact", store) { () throws(StoreError) in try store.compact() }
        case .backup: backUp(store)
        case .close: close()
        }
        if let store = self.store { noteHealth(store) }
        checkReading()
        checkQuiet("after \(step.rawValue)")
    }

    func open() {
        do throws(StoreError) {
            let opened = try StateStore.open(folder + "/" + Self.name, options: options)
            store = opened
            // What the run before left is in the journal now, synced together with this run's start.
            ledger.adopt(try opened.rows())
        } catch {
            failures += 1
            check(error, "open", [.ioError, .diskFull, .busy])
        }
    }

    private func set(_ store: StateStore, _ level: Durability) {
        let change = ledger.next()
        noteEarly(change, level, isTransaction: false)
        do throws(StoreError) {
            let receipt = try store.put(change, seed: seed, level)
            acknowledge(change, receipt, level, isTransaction: false)
        } catch {
            note(error, change, isTransaction: false)
        }
    }

    private func transact(_ store: StateStore, ballast: Int) {
        let change = ledger.next()
        noteEarly(change, .power, isTransaction: true)
        // There and gone again within the record: found in a store it would be half a record.
        let half = "half of \(change.key)"
        do {
            let receipt = try store.transaction { transaction in
                try transaction.set(half, String(repeating: "x", count: ballast))
                try transaction.put(change, seed: seed)
                try transaction.set(FaultLedger.newestKey, change.key)
                try transaction.remove(half)
            }.receipt
            acknowledge(change, receipt, .power, isTransaction: true)
        } catch let error as StoreError {
            note(error, change, isTransaction: true)
        } catch {
            complain("a transaction threw \(error)")
        }
    }

    private func sync(_ store: StateStore) {
        do throws(StoreError) {
            try store.sync()
            ledger.sync()
        } catch {
            failures += 1
            check(error, "sync", [.notYetDurable, .ioError])
            if error.outcome != .unknown { complain("sync answers rejected: \(error)") }
            noteHealth(store)
        }
    }

    private func upkeep(_ name: String, _ store: StateStore, _ body: () throws(StoreError) -> Void) {
        do throws(StoreError) {
            try body()
            ledger.sync()
        } catch {
            failures += 1
            check(error, name, [.diskFull, .busy, .notYetDurable, .ioError, .poisoned])
            noteHealth(store)
        }
    }

    private func backUp(_ store: StateStore) {
        do throws(StoreError) {
            try store.backup(to: folder + "/" + Self.backupName)
            ledger.sync()
            backup = try store.rows()
        } catch {
            failures += 1
            check(error, "backup", [.diskFull, .busy, .notYetDurable, .ioError])
            let left = Files.names(in: folder).filter { $0.contains(Self.backupName) }
            if !left.isEmpty { complain("a backup that failed left \(left)") }
            noteHealth(store)
        }
    }

    /// Returns once the store is closed, whatever that throws.
    func close() {
        guard let store else { return }
        do throws(StoreError) {
            try store.close()
            if isPoisoned { complain("a poisoned store closed without an error") }
            ledger.sync()
        } catch {
            failures += 1
            failuresAtClose += 1
            // What keeps the log from the disk, or only the end from being noted.
            check(error, "close", [.diskFull, .busy, .notYetDurable, .ioError, .poisoned])
        }
        checkQuiet("at close")
        self.store = nil
    }

    // MARK: Answers

    private func noteEarly(_ change: Change, _ level: Durability, isTransaction: Bool) {
        guard notesEarly && level == .power else { return }
        ledger.acknowledge(change, lsn: 0, .power, isTransaction: isTransaction)
    }

    private func acknowledge(
        _ change: Change, _ receipt: StateStore.Receipt, _ level: Durability, isTransaction: Bool
    ) {
        if isPoisoned { complain("\(change) was acknowledged by a poisoned store") }
        if level == .power && receipt.durability != .power { complain("\(change) asked for power, and got less") }
        if notesEarly && level == .power { return }
        ledger.acknowledge(change, lsn: receipt.lsn.value, receipt.durability, isTransaction: isTransaction)
    }

    private func note(_ error: StoreError, _ change: Change, isTransaction: Bool) {
        failures += 1
        lastError = error
        if isPoisoned && (error.code != .poisoned || error.outcome != .rejected) {
            complain("a poisoned store answers \(error) (\(error.outcome.rawValue))")
        }
        let isNoted = ledger.lastAcknowledged == change
        switch error.outcome {
        case .rejected:
            if !isNoted { ledger.reject(change) }
            check(error, "\(change), rejected", [.diskFull, .busy, .poisoned])
        case .unknown:
            if !isNoted { ledger.noteUnknown(change, isTransaction: isTransaction) }
            check(error, "\(change), unknown", [.notYetDurable, .ioError])
        }
        guard let store else { return }
        noteHealth(store)
        if error.code == .ioError && !isPoisoned { complain("an unknown outcome (\(error)) did not poison the store") }
    }

    /// The code is one that this call may answer, and one that may come of this fault.
    private func check(_ error: StoreError, _ what: String, _ codes: Set<StoreError.Code>) {
        let isAllowed = fault?.mayAnswer(error.code) ?? false
        if !isAllowed || !(codes.contains(error.code) || error.code == .damaged) {
            complain("\(what): \(error)")
        }
    }

    private func noteHealth(_ store: StateStore) {
        guard !isPoisoned, let trouble = store.statistics.trouble, ![.diskFull, .busy].contains(trouble.code) else {
            return
        }
        isPoisoned = true
        callsWhenPoisoned = backstay_fault_tally_of(folder).changing
        if let fault, fault.passes { complain("poisoned by what passes: \(trouble)") }
    }

    /// A poisoned store writes, syncs and deletes nothing any more.
    private func checkQuiet(_ when: String) {
        guard isPoisoned else { return }
        let calls = backstay_fault_tally_of(folder).changing
        if calls != callsWhenPoisoned {
            complain("\(calls - callsWhenPoisoned) writing calls \(when) of a store that was poisoned")
            callsWhenPoisoned = calls
        }
    }

    /// Reading goes on, from memory.
    private func checkReading() {
        guard let store, let change = ledger.lastAcknowledged else { return }
        do throws(StoreError) {
            let isRight: Bool
            switch change.value(seed: seed) {
            case .int(let value): isRight = try store.get(change.key, as: Int.self) == value
            case .text(let value): isRight = try store.get(change.key, as: String.self) == value
            }
            if !isRight { complain("\(change) reads as something else") }
        } catch {
            complain("reading \(change): \(error)")
        }
    }

    // MARK: Once nothing fails any more

    /// A store that is not poisoned goes on by itself; a poisoned one refuses, and says so.
    func goOn() {
        guard let store else { return }
        if isPoisoned {
            set(store, .process)
            set(store, .power)
            return
        }
        let end = Clock.monotonicNanoseconds() + 5_000_000_000
        while true {
            let before = ledger.acknowledged
            set(store, .power)
            if ledger.acknowledged > before || isPoisoned { return }
            guard Clock.monotonicNanoseconds() < end else {
                complain("it does not go on 5 s after nothing failed any more: \(lastError?.description ?? "")")
                return
            }
            Clock.sleep(nanoseconds: 300_000)
        }
    }
}
