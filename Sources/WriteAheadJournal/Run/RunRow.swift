// The table `runs`: every run of the application and how it ended.

/// One run.
public struct RunRow: Sendable, Hashable {
    /// Counts up from 1.
    public var id: Int64
    /// The run's random number in the record chain.
    public var epoch: UInt64
    /// When the store was opened: microseconds since 1970.
    public var started: Int64
    /// The process.
    public var pid: Int32
    /// The machine's name.
    public var host: String
    /// The machine's boot.
    public var boot: String
    /// When the end was noted: microseconds since 1970. Nil for a run whose end the next start had to judge.
    public var ended: Int64?
    /// How it ended; nil while it goes on.
    public var end: RunEnd?

    var memoryGroup: MemoryGroup?

    static func all(_ connection: SQLiteConnection) throws(StoreError) -> [RunRow] {
        try select(connection, "ORDER BY id")
    }

    static func newest(_ connection: SQLiteConnection) throws(StoreError) -> RunRow? {
        try select(connection, "ORDER BY id DESC LIMIT 1").first
    }

    private static func select(_ connection: SQLiteConnection, _ tail: String) throws(StoreError) -> [RunRow] {
        let rows = try connection.prepare(
            """
            SELECT id,epoch,started,pid,host,boot,memory_group,memory_kills,ended,how,status,evidence,confidence
            FROM runs \(tail)
            """)
        var runs: [RunRow] = []
        while try rows.step() {
            var run = RunRow(
                id: rows.int(0), epoch: UInt64(bitPattern: rows.int(1)), started: rows.int(2),
                pid: Int32(truncatingIfNeeded: rows.int(3)), host: rows.text(4) ?? "", boot: rows.text(5) ?? "")
            if let path = rows.text(6) { run.memoryGroup = MemoryGroup(path: path, kills: rows.int(7)) }
            if !rows.isNull(8) { run.ended = rows.int(8) }
            if let how = rows.text(9) {
                run.end = RunEnd(
                    RunEnd.Kind(rawValue: how), status: rows.isNull(10) ? nil : Int32(truncatingIfNeeded: rows.int(10)),
                    evidence: rows.text(11) ?? "",
                    confidence: RunEnd.Confidence(rawValue: rows.text(12) ?? "") ?? .possible)
            }
            runs.append(run)
        }
        return runs
    }

    /// What there is to judge a run by that did not note its end.
    ///
    /// - Parameter boot: the machine's boot as the crash lab has it; nil asks the system, and for what its kernel says.
    func traces(page: RunPage.Image?, boot now: String? = nil) -> RunTraces {
        var traces = RunTraces()
        if let page, page.epoch == epoch {
            traces.pageIsItsOwn = true
            traces.fatalSignal = page.fatalSignal
            traces.fatalCode = page.fatalCode
            traces.handledSignal = page.handledSignal
            traces.marksArmed = page.marksArmed
            traces.poisoned = page.poisoned
        }
        traces.bootThen = boot
        traces.bootNow = now ?? Platform.bootIdentity()
        guard now == nil else { return traces }
        if traces.bootThen == traces.bootNow {
            traces.pidIsTheKernels = KernelLog.knowsOurNumbers && host == Platform.hostName()
            traces.kernelKilledForMemory = KernelLog.namesMemoryKill(of: pid, since: started)
        }
        if let now = MemoryGroup.current(), let then = memoryGroup, host == Platform.hostName() {
            traces.sameMemoryGroup = now.path == then.path
            traces.memoryKillsThen = then.kills
            traces.memoryKillsNow = now.kills
        }
        return traces
    }

    /// Why changes that were in this run's tail alone are lost; nil where none are, or where nobody can tell.
    ///
    /// Only after the death of its process: a power cut leaves of a mapped file what it likes.
    func tailLoss(
        page: RunPage.Image?, _ tail: TailImage?, _ found: TailImage.Continuation?, _ journal: SQLiteConnection,
        boot now: String? = nil
    ) throws(StoreError) -> String? {
        let boot = now ?? Platform.bootIdentity()
        guard end == nil, self.boot == boot, !boot.isEmpty, !Sabotage.ignoresWitnesses
        else { return nil }
        guard let tail, tail.epoch == epoch, let found else {
            guard let page, page.epoch == epoch, page.keepsTail else { return nil }
            return "the tail of the last run is missing or altered: changes that were in it alone are lost"
        }
        var why = found.why
        if let missing = found.missing {
            // Rows the log no longer has say nothing.
            let fitting = try journal.query(
                "SELECT count(*) FROM journal WHERE last_lsn>=? AND length(records)<=?",
                bind: {
                    $0.bind(1, Int64(bitPattern: missing.value))
                    $0.bind(2, Int64(tail.contentBytesMax))
                }
            ) { $0.int(0) }
            if fitting ?? 0 > 0 {
                why = "the tail is of an earlier moment than the journal"
            }
        }
        let last = found.records.isEmpty ? found.after : found.records.last
        return why.map { "\($0): changes behind LSN \(last) that were in the tail alone are lost" }
    }
}
