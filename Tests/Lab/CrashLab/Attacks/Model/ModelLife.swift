// One random life of a store, step by step beside a dictionary (ModelTable): changes and reads of every kind, checkpoints,
// backups, readers, snapshots, other options at each start, deaths, and calls of SQLite's that fail.
//
// One thread does everything, and the store neither commits for age nor checkpoints by itself, so the seed fixes the life. A
// death is a copy of the files while the store is open, on which the life goes on. A change of unknown fate is there
// or is not, at the next start, which comes at once.

internal import Backstay
internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

struct ModelLife {
    /// Bytes of `.process` changes that may be in the tail alone: well below the half of it at which the store commits by
    /// itself, which would change files while they are copied.
    private static let pendingBytesMax = 24 << 10

    private let place: String
    private var random: SeededRandom
    private let keys: [String]
    /// A control: this change is made in the dictionary and not in the store.
    private var forgetsAt: Int?

    private var table = ModelTable()
    private var store: StateStore?
    /// Folders the store was in, of which the last is its own now.
    private var folders = 0
    private var options = StoreOptions()
    private var snapshots: [(snapshot: StateStore.Snapshot, table: ModelTable)] = []
    private var lastLSN = LSN.zero
    private var pendingBytes = 0
    private var changes = 0
    private var fault: ModelFault

    /// What was not as it must be. The first of them ends the life.
    private(set) var problems: [String] = []
    private(set) var counts: [String: Int] = [:]

    init(in place: String, seed: UInt64, number: Int, forgets: Bool = false) {
        self.place = place
        fault = ModelFault(place: place)
        random = SeededRandom(seed: seed, name: "model \(number)")
        keys = ModelDraw.keys(&random)
        if forgets { forgetsAt = Int.random(in: 3...8, using: &random) }
    }

    private var path: String { "\(place)/s\(folders)" }

    /// Lives it to its end, or to the first problem.
    mutating func live() {
        do {
            try goOn()
        } catch {
            complain("the life met an error that it does not expect: \(error)")
        }
        release()
    }

    private mutating func goOn() throws {
        try open()
        let steps = Int.random(in: 20...160, using: &random)
        for _ in 0..<steps where problems.isEmpty { try step() }
        guard problems.isEmpty else { return }
        fault.lift()
        try reopen()
    }

    private mutating func release() {
        snapshots = []
        if let store { _ = Result { () throws(StoreError) in try store.close() } }
        store = nil
        fault.end()
        counts["faults set"] = fault.set
        counts["faults met"] = fault.met
    }

    private mutating func count(_ what: String) { counts[what, default: 0] += 1 }

    private mutating func complain(_ what: String) { problems.append("\(what), after \(changes) changes") }

    // MARK: Steps

    private mutating func step() throws {
        if Int.random(in: 0..<25, using: &random) == 0 { fault.arm(store: path, &random) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<28: try set()
        case 28..<38: try remove()
        case 38..<46: try update()
        case 46..<60: try transact(throwing: false)
        case 60..<64: try transact(throwing: true)
        case 64..<74: try look()
        case 74..<78: try list()
        case 78..<81: try takeSnapshot()
        case 81..<84: try lookAtSnapshots()
        case 84..<86: try upkeep("sync") { (store) throws(StoreError) in try store.sync() }
        case 86..<90: try upkeep("checkpoint") { (store) throws(StoreError) in try store.checkpoint() }
        case 90: try upkeep("compact") { (store) throws(StoreError) in try store.compact() }
        case 91..<93: try backUp()
        case 93..<95: try readBeside()
        case 95..<97: try reopen()
        case 97..<99: try die()
        default: try ask()
        }
        // Nobody folds by himself here, and writers would wait at the log's bound.
        if let store, store.statistics.logBytes > 300 << 10 {
            try upkeep("checkpoint") { (store) throws(StoreError) in try store.checkpoint() }
        }
    }

    private mutating func key() -> String { keys.randomElement(using: &random) ?? "a" }

    /// The level of a change of so many bytes.
    private mutating func level(_ bytes: Int) throws -> Durability? {
        let level = [Durability.power, .process, .process, nil].randomElement(using: &random) ?? nil
        let isProcess = (level ?? options.durability) == .process
        if isProcess && bytes > Self.pendingBytesMax { return .power }
        if isProcess && pendingBytes + bytes > Self.pendingBytesMax {
            try upkeep("sync") { (store) throws(StoreError) in try store.sync() }
        }
        return level
    }

    private mutating func set() throws {
        let key = key(), value = ModelValue.random(&random)
        let level = try level(value.size + key.utf8.count)
        try change("set", level, bytes: value.size + key.utf8.count, { $0[key] = value }) {
            try $0.put(key, value, level)
        }
    }

    private mutating func remove() throws {
        let key = key()
        let level = try level(key.utf8.count)
        try change("remove", level, bytes: key.utf8.count, { $0[key] = nil }) { try $0.remove(key, durability: level) }
    }

    private mutating func update() throws {
        let key = key()
        let more = Int.random(in: 1...9, using: &random)
        let level = try level(key.utf8.count + 8)
        switch table[key] {
        case .int(let now):
            try change("update", level, bytes: 8 + key.utf8.count, { $0[key] = .int(now &+ more) }) {
                try $0.update(key, default: 0, durability: level) { $0 &+= more }.receipt
            }
        case nil:
            try change("update", level, bytes: 8 + key.utf8.count, { $0[key] = .int(more) }) {
                try $0.update(key, default: 0, durability: level) { $0 &+= more }.receipt
            }
        default: break
        }
    }

    private struct Abandoned: Error {}

    /// Several changes as one, or none where the body throws.
    private mutating func transact(throwing: Bool) throws {
        var changes: [(key: String, value: ModelValue?)] = []
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            changes.append((key(), Int.random(in: 0..<4, using: &random) == 0 ? nil : ModelValue.random(&random)))
        }
        let bytes = changes.reduce(0) { $0 + $1.key.utf8.count + ($1.value?.size ?? 0) }
        let level = try level(bytes)
        var after = table
        var wrong: String?
        let body = { (store: StateStore) throws -> StateStore.Receipt in
            try store.transaction(durability: level) { tx in
                for (key, value) in changes {
                    if let value { try tx.put(key, value) } else { try tx.remove(key) }
                    after[key] = value
                    // It sees its own changes.
                    wrong = try wrong ?? after.difference(tx, key, contains: try tx.contains(key))
                }
                do throws(StoreError) {
                    _ = try store.contains("a")
                    wrong = wrong ?? "a call on the store inside a transaction is answered"
                } catch {
                    if error.code != .reentrant {
                        wrong = wrong ?? "a call inside a transaction is \(error.code.rawValue)"
                    }
                }
                if throwing { throw Abandoned() }
            }.receipt
        }
        guard throwing else {
            try change(
                "transaction", level, bytes: bytes, { table in for (key, value) in changes { table[key] = value } },
                body)
            if let wrong { complain("in a transaction: \(wrong)") }
            return
        }
        count("abandoned transactions")
        guard let store else { return }
        do {
            _ = try body(store)
            complain("a transaction whose body throws is answered")
        } catch is Abandoned {
            if let wrong { complain("in a transaction: \(wrong)") }
        } catch let error as StoreError {
            try failed("transaction", error, [table])
        }
    }

    /// Makes a change in the store and in the dictionary.
    private mutating func change(
        _ what: String, _ level: Durability?, bytes: Int, _ apply: (inout ModelTable) -> Void,
        _ body: (StateStore) throws -> StateStore.Receipt
    ) throws {
        guard let store else { return }
        count("changes")
        changes += 1
        var after = table
        apply(&after)
        if changes == forgetsAt {
            table = after
            return
        }
        do {
            let receipt = try body(store)
            let asked = level ?? options.durability
            if receipt.lsn <= lastLSN && after.count != table.count {
                complain("\(what) was answered with LSN \(receipt.lsn) behind \(lastLSN)")
            }
            if asked == .power && receipt.durability != .power { complain("\(what) was answered below its level") }
            lastLSN = max(lastLSN, receipt.lsn)
            table = after
            pendingBytes = asked == .power ? 0 : pendingBytes + bytes + 100
        } catch let error as StoreError {
            try failed(what, error, error.outcome == .unknown ? [table, after] : [table])
        }
    }

    // MARK: Reading

    private mutating func look() throws {
        for _ in 0..<4 {
            let key = key()
            try reading("a read") { (store, table) throws(StoreError) in
                try table.difference(store, key, contains: try store.contains(key))
            }
        }
    }

    private mutating func list() throws {
        let prefix = ["", "user/", "row/1", "e", "é", "none/"].randomElement(using: &random) ?? ""
        try reading("entries") { (store, table) throws(StoreError) in
            try table.difference(try store.entries(prefix: prefix), prefix: prefix)
        }
    }

    private mutating func takeSnapshot() throws {
        guard let store else { return }
        if snapshots.count >= 3 { snapshots.removeFirst() }
        snapshots.append((try store.snapshot(), table))
    }

    private mutating func lookAtSnapshots() throws {
        count("snapshots compared")
        for (snapshot, table) in snapshots {
            if snapshot.count != table.count {
                complain("a snapshot has \(snapshot.count) keys in place of \(table.count)")
            }
            if let wrong = try table.difference(snapshot.entries()) { complain("a snapshot: \(wrong)") }
            let key = key()
            if let wrong = try table.difference(snapshot, key, contains: try snapshot.contains(key)) {
                complain("a snapshot: \(wrong)")
            }
        }
    }

    private mutating func reading(
        _ what: String, _ body: (StateStore, ModelTable) throws(StoreError) -> String?
    ) throws {
        guard let store else { return }
        count("reads")
        // Reading is from memory: it has no error.
        if let wrong = try body(store, table) { complain("\(what): \(wrong)") }
    }

    // MARK: Upkeep, copies and readers

    private mutating func upkeep(_ what: String, _ body: (StateStore) throws(StoreError) -> Void) throws {
        guard let store else { return }
        count(what)
        do throws(StoreError) {
            try body(store)
            if what == "sync" { pendingBytes = 0 }
        } catch {
            return try failed(what, error, [table])
        }
    }

    private mutating func backUp() throws {
        guard let store else { return }
        count("backups")
        let copy = "\(place)/copy"
        defer { Files.removeFolder(copy) }
        do throws(StoreError) {
            try store.backup(to: copy)
            let opened = try StateStore.open(copy, options: ModelDraw.options(durability: .power))
            if let wrong = try table.difference(opened) { complain("a backup: \(wrong)") }
            try opened.close()
        } catch {
            try failed("backup", error, [table])
        }
    }

    /// A reader beside the store sees every change that was answered.
    private mutating func readBeside() throws {
        count("readers beside")
        do throws(StoreError) {
            let reader = try StateStore.openReadOnly(path)
            if let wrong = try table.difference(reader) { complain("a reader beside the store: \(wrong)") }
            try reader.close()
        } catch {
            try failed("a reader", error, [table])
        }
    }

    /// What is out of bounds is refused, and changes nothing.
    private mutating func ask() throws {
        guard let store else { return }
        count("refusals asked for")
        for complaint in ModelRefusals.complaints(store, key: key(), mayBePoisoned: fault.hasStruck) {
            complain(complaint)
        }
        try look()
    }

    // MARK: Starts and ends

    /// Opens what must open.
    private mutating func open() throws {
        options = ModelDraw.options(&random)
        count("starts")
        fault.end()
        pendingBytes = 0
        do throws(StoreError) {
            let opened = try StateStore.open(path, options: options)
            store = opened
            // A frame of which a failed write left a single byte as it was looks like one with an altered byte
            // (docs/failure-model.md).
            let damage = opened.recovery.damage.filter { !fault.hasStruckBefore || !$0.contains(": repaired; ") }
            if damage.count < opened.recovery.damage.count { count("torn frames taken for altered ones") }
            if !damage.isEmpty { complain("a start reports \(damage)") }
            // What a failed write has left is discarded, now or at a later start.
            if opened.recovery.bytesDiscarded > 0 && !fault.hasStruckBefore {
                complain("a start discards bytes: \(opened.recovery.discardReason)")
            }
        } catch {
            complain("the store does not open: \(error)")
        }
    }

    private mutating func compare(_ what: String) throws {
        if let store, let wrong = try table.difference(store) { complain("\(what): \(wrong)") }
    }

    private mutating func reopen() throws {
        guard let store else { return }
        count("clean ends")
        snapshots = []
        do throws(StoreError) {
            try store.close()
        } catch {
            return try failed("close", error, [table])
        }
        do throws(StoreError) {
            try store.sync()
            complain("a store that is closed answers")
        } catch {
            if error.code != .closed { complain("a store that is closed says \(error.code.rawValue)") }
        }
        fault.lift()
        try survey()
        try open()
        try compare("after a clean end")
    }

    /// The process dies: what it leaves is what its files are now.
    private mutating func die() throws {
        fault.lift()
        guard let store, !fault.hasStruck else { return }
        count("deaths")
        snapshots = []
        let files = try ScratchFiles.filesOfLiveStore(path)
        let old = path
        folders += 1
        try ScratchFiles.write(files, to: path)
        self.store = nil
        do throws(StoreError) { try store.close() } catch {
            complain("the store that was left does not close: \(error)")
        }
        Files.removeFolder(old)
        try open()
        try compare("after a death")
    }

    /// Every row, record, chain and digest of a store that is closed.
    private mutating func survey() throws {
        let survey = StoreSurvey(folder: path, isLive: false)
        _ = survey.state { _, _, _, _ in }
        _ = try survey.records { _ in }
        if let finding = survey.findings.first { complain("after a clean end: \(finding.check): \(finding.message)") }
    }

    /// A call ended with an error. Where a fault was met that is right, and the next start has one of these tables.
    private mutating func failed(_ what: String, _ error: StoreError, _ candidates: [ModelTable]) throws {
        fault.note()
        guard fault.hasStruck else { return complain("\(what) without any fault: \(error)") }
        count("errors")
        snapshots = []
        fault.lift()
        // A store that is poisoned says so here; what it could not do it does not do now.
        if let store { _ = Result { () throws(StoreError) in try store.close() } }
        store = nil
        try open()
        guard let store else { return }
        var differences: [String] = []
        for candidate in candidates {
            guard let wrong = try candidate.difference(store) else {
                table = candidate
                return
            }
            differences.append(wrong)
        }
        complain(
            "after \(what) failed (\(error.code.rawValue), \(error.outcome)): \(differences.joined(separator: "; or: "))"
        )
    }
}
