// Everything that was found of a store. It supplies the words for a verdict, and the numbers and places for errors and
// reports.
//
// Openings, readers and the survey fill it in as they find things, each in its own order. They ask for the verdict when
// they have read what they read anyway. If the verdict has to know more, this file finds it out, for all three alike.

/// What an opening, a reader or the survey has found of one store so far.
struct FoundStore {
    let folder: String
    /// A reader looks on while an owner holds the store. The owner's start has inspected the files already, so they are
    /// not inspected again.
    var isLive = false
    /// The machine's boot.
    let boot: String

    /// Both databases' files before SQLite saw them.
    private(set) var journalFile: DatabaseInspection?
    private(set) var stateFile: DatabaseInspection?
    /// Every byte that can be repaired has been repaired.
    var areBytesRepaired = false

    /// The last record that was trimmed away.
    var base = LSN.zero
    /// Where the journal ends, without the tail.
    var end = ChainPosition(lsn: .zero, chain: 0, epoch: 0)
    var lastRun: RunRow?
    private(set) var page: RunPage.Image?
    private(set) var isPageAltered = false
    private(set) var ring: TailImage?
    /// What the tail has after the journal's end.
    private(set) var tail: TailImage.Continuation?
    /// The journal has later records that should have been in the ring.
    private var isTailBehind = false
    /// The checkpoint of the table, once it is known.
    var checkpoint: LSN?
    /// Log and table differ in a record that both have.
    var isOfAnotherHistory = false
    var isOfAnotherStore = false
    /// What SQLite finds: empty if the database is whole, nil if SQLite was not asked.
    var journalFault: String?
    var stateFault: String?

    init(folder: String, boot: String? = nil) {
        self.folder = folder
        self.boot = boot ?? Machine.bootIdentity()
    }

    // MARK: For the verdict

    var syncMark: LSN { page?.syncMark ?? .zero }

    /// The last record there is, records of the tail included.
    var lastLSN: LSN { tail.flatMap { $0.records.isEmpty ? nil : $0.records.last } ?? end.lsn }

    var verdict: RecoveryVerdict { RecoveryVerdict(findings) }

    var findings: RecoveryFindings {
        var found = RecoveryFindings()
        found.journalWAL = .init(journalFile?.wal)
        found.stateWAL = .init(stateFile?.wal)
        let isAltered = [journalFile, stateFile].contains { $0?.wal?.repairs.isEmpty == false }
        found.bytes = !isAltered ? .none : areBytesRepaired ? .repaired : .altered
        found.logEnd = end.lsn < syncMark ? .beforeMark : .reachesMark
        found.tailRecords = .init(tail?.records, mark: syncMark)
        if let lastRun {
            found.tailEnd = .init(tail, ring: ring?.epoch, of: lastRun, page: page, isBehind: isTailBehind)
        }
        found.page = .init(page, isAltered: isPageAltered)
        found.lastRun = .init(lastRun, isLive: isLive)
        found.boot = .init(of: lastRun, now: boot)
        found.journalExamination = Self.examination(journalFault)
        found.stateExamination = Self.examination(stateFault)
        if isOfAnotherStore {
            found.table = .ofAnotherStore
        } else if isOfAnotherHistory {
            found.table = .ofAnotherHistory
        } else if let checkpoint {
            found.table = .init(checkpoint, base: base, end: lastLSN)
        }
        return found
    }

    private static func examination(_ fault: String?) -> RecoveryFindings.Examination {
        fault.map { $0.isEmpty ? .whole : .malformed } ?? .notAsked
    }

    // MARK: Finding

    /// Inspects both databases' files, before SQLite opens anything.
    mutating func inspectFiles() throws(StoreError) {
        _ = try inspectFile(JournalSchema.name)
        _ = try inspectFile(StateSchema.name)
    }

    mutating func inspectFile(_ name: String) throws(StoreError) -> DatabaseInspection {
        let file = try DatabaseInspection(folder: folder, name: name)
        if name == JournalSchema.name { journalFile = file } else { stateFile = file }
        return file
    }

    /// Reads what the last run left beside the databases: the page `run` and the ring. Beside a live owner this comes
    /// before the journal's read transaction. The owner moves the sync mark on, and overwrites in the ring what is in
    /// the journal.
    ///
    /// - Throws: `ioError` if something is there and cannot be read. Going on would lose it: the next run replaces both
    ///   files.
    mutating func readTraces(storeID: String) throws(StoreError) {
        try readPage(storeID: storeID)
        try readRing(storeID: storeID)
    }

    mutating func readPage(storeID: String) throws(StoreError) {
        page = try RunPage.read(folder: folder, storeID: storeID)
        if page == nil { isPageAltered = try RunPage.isAltered(folder: folder) }
    }

    mutating func readRing(storeID: String) throws(StoreError) {
        ring = try TailImage.read(folder: folder, storeID: storeID)
    }

    /// Notes where the journal ends. The tail goes on from there.
    mutating func reached(_ position: ChainPosition, _ journal: SQLiteConnection) throws(StoreError) {
        end = position
        tail = ring?.continuation(of: position)
        guard let missing = tail?.missing, let ring else { return }
        // Rows that the log no longer has say nothing.
        let fitting = try journal.query(
            "SELECT count(*) FROM journal WHERE last_lsn>=? AND length(records)<=?",
            bind: {
                $0.bind(1, Int64(bitPattern: missing.value))
                $0.bind(2, Int64(ring.contentBytesMax))
            }
        ) { $0.int(0) }
        isTailBehind = fitting ?? 0 > 0
    }

    /// Asks for the verdict until there is a plan.
    ///
    /// - Parameter state: a connection to state.db. If it is nil and one is needed, one is made.
    /// - Throws: the first reason to refuse.
    mutating func plan(
        _ journal: SQLiteConnection, state: SQLiteConnection? = nil, vfs: String? = nil
    ) throws(StoreError) -> RecoveryPlan {
        while true {
            switch verdict.forReading {
            case .open(let plan): return plan
            case .refuse(let refusals): throw error(refusals[0])
            case .ask(.journalExamination): journalFault = try Self.faultOf(journal)
            case .ask(.stateExamination):
                if let state { try lookAtState(state) } else { try lookAtState(vfs: vfs) }
            case .ask(.repairedBytes): preconditionFailure("a reader is not asked for that")
            }
        }
    }

    /// - Throws: the first reason to refuse, if there is one by now.
    func refuseWhatIsRefused() throws(StoreError) {
        if case .refuse(let refusals) = verdict { throw error(refusals[0]) }
    }

    private mutating func lookAtState(vfs: String?) throws(StoreError) {
        let state = try SQLiteConnection(folder + "/" + StateSchema.name, .readPrivate, vfs: vfs)
        defer { state.close() }
        try lookAtState(state)
    }

    private mutating func lookAtState(_ state: SQLiteConnection) throws(StoreError) {
        checkpoint = try StateMeta.read(state).checkpoint.lsn
        stateFault = try Self.faultOf(state)
    }

    /// SQLite's own examination of a whole database.
    ///
    /// - Returns: what SQLite finds; empty if it finds nothing.
    private static func faultOf(_ connection: SQLiteConnection) throws(StoreError) -> String {
        do throws(StoreError) {
            let finding = try connection.query("PRAGMA integrity_check(1)") { $0.text(0) ?? "" }
            return finding == "ok" ? "" : "SQLite finds \(finding ?? "nothing")"
        } catch {
            guard error.code == .damaged else { throw error }
            return error.message
        }
    }

    // MARK: In words

    /// The error for one reason to refuse.
    func error(_ refusal: RecoveryVerdict.Refusal) -> StoreError {
        let journal = folder + "/" + JournalSchema.name
        let state = folder + "/" + StateSchema.name
        func damage(_ message: String, _ file: String, _ lsn: LSN? = nil) -> StoreError {
            StoreError(.damaged, message, location: .init(file: file, lsn: lsn))
        }
        switch refusal {
        case .bytesAltered:
            let file = [journalFile, stateFile].compactMap { $0 }.first { $0.wal?.repairs.isEmpty == false }
            return file?.error("; open the store, which repairs it") ?? damage("bytes are altered", journal)
        case .journalRotten:
            return journalFile?.error("; what it says of them is lost") ?? damage("the SQLite WAL is altered", journal)
        case .journalMalformed: return damage("\(journal) is malformed: \(journalFault ?? "")", journal)
        case .journalShort:
            let rest = lastLSN > end.lsn ? "; the tail has it up to LSN \(lastLSN) only" : ""
            return damage(shortage + rest, journal, lastLSN.next)
        case .journalShortAndRotten:
            return damage(
                "\(shortage); the tail has it up to LSN \(lastLSN), and nothing proves that this is all; "
                    + (journalFile?.error("").message ?? ""), journal, end.lsn.next)
        case .journalShortAndMalformed:
            return damage("\(shortage); \(journal) is malformed: \(journalFault ?? "")", journal, end.lsn.next)
        case .stateMalformed: return damage("\(state) is malformed: \(stateFault ?? "")", state)
        case .tableBeforeLog:
            if let stateFile, stateFile.wal?.commitsLinked ?? 0 > 0 {
                return stateFile.error("; the log begins behind what is left")
            }
            return damage(
                "the state is as of LSN \(tableLSN), but the journal begins behind LSN \(base): records are missing",
                journal, tableLSN.next)
        case .tableBehindLog:
            return damage(
                "the state is as of LSN \(tableLSN), but the journal ends at LSN \(lastLSN): its end was lost", journal,
                lastLSN.next)
        case .tableOfAnotherHistory:
            return damage(
                "state and journal do not belong together: their chains differ at LSN \(tableLSN)", journal, tableLSN)
        case .tableOfAnotherStore: return damage("state.db belongs to another store than journal.db", state)
        }
    }

    private var tableLSN: LSN { checkpoint ?? .zero }

    private var shortage: String {
        "the journal ends at LSN \(end.lsn), but everything up to LSN \(syncMark) was made durable: its end was lost or altered"
    }

    /// One line of text for each thing that the plan reports.
    func text(_ report: RecoveryPlan.Report) -> String {
        switch report {
        case .bytesRepaired:
            return [journalFile, stateFile].compactMap { $0?.repairsText }.joined(separator: "; ") + ": repaired"
        case .journalResupplied: return "\(shortage); the tail still had it"
        case .stateCut: return (stateFile?.error("").message ?? "") + "; the log still has what is lost"
        case .pageAltered: return RunPage.alteration(folder: folder)
        case .tailLost:
            guard findings.tailEnd == .altered else {
                return "the tail of the last run is missing or altered: changes that were in it alone are lost"
            }
            let why = tail?.why ?? "the tail is of an earlier moment than the journal"
            return "\(why): changes behind LSN \(lastLSN) that were in the tail alone are lost"
        }
    }

    /// The same as an entry of the survey's list: the check that finds it, and its file.
    func finding(_ report: RecoveryPlan.Report) -> StoreSurvey.Finding {
        let (check, name) =
            switch report {
            case .bytesRepaired:
                ("sqlite", (journalFile?.repairsText == nil ? StateSchema.name : JournalSchema.name) + "-wal")
            case .journalResupplied: ("journal", JournalSchema.name)
            case .stateCut: ("sqlite", StateSchema.name + "-wal")
            case .pageAltered: ("run", RunPage.fileName)
            case .tailLost: ("tail", TailFormat.fileName)
            }
        return StoreSurvey.Finding(check: check, message: text(report), location: .init(file: folder + "/" + name))
    }
}
