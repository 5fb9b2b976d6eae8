// What was found of a store, in one word for each thing that was looked at. RecoveryVerdict answers it.
//
// Pure: a value, and the functions that derive it from what was read. Numbers, places and texts are in
// FoundStore.swift.

/// The input of the verdict: one combination of what can be found.
struct RecoveryFindings: Sendable, Hashable {
    /// What a scan says of an SQLite WAL before SQLite opens it. Bytes that can be repaired count as repaired.
    enum WAL: Sendable, Hashable, CaseIterable {
        /// It ends as one that was written whole, or it is not there.
        case sound
        /// It ends inside a transaction, as a crash leaves it.
        case torn
        /// One transaction links after a break. A crash leaves that, and so does rot.
        case linked
        /// Two or more transactions link after a break. No crash leaves that: the WAL was altered, and they are lost.
        case rotten
        /// Its header does not check. SQLite drops all of it.
        case headerBroken
    }

    /// Altered bytes of either WAL, if it is known what was written.
    enum Bytes: Sendable, Hashable, CaseIterable {
        case none
        /// There are such bytes. SQLite would take less of the WAL than there is.
        case altered
        /// There were such bytes, and they have been repaired.
        case repaired
    }

    /// Where the log ends, compared with what the page `run` proves.
    enum LogEnd: Sendable, Hashable, CaseIterable {
        /// It reaches the sync mark, or there is no mark.
        case reachesMark
        /// It ends before the sync mark: records are gone that were durable once.
        case beforeMark
    }

    /// The tail's records that continue the log.
    enum TailRecords: Sendable, Hashable, CaseIterable {
        /// There are none: no record continues the log, there is no tail, or the tail is another run's.
        case none
        /// Even with them the log ends before the sync mark.
        case endBeforeMark
        /// With them the log reaches the sync mark.
        case reachMark
    }

    /// Whether the last run's tail has everything that was published, as far as that shows.
    enum TailEnd: Sendable, Hashable, CaseIterable {
        /// Nothing speaks against it.
        case asLeft
        /// There were more records, or the tail is of an earlier moment.
        case altered
        /// There is no tail, and the run's own page says that there was one.
        case missing
    }

    /// The page `run`.
    enum Page: Sendable, Hashable, CaseIterable {
        /// It is not there, or it is blank, as a power cut leaves a page that was being made.
        case missing
        case sound
        /// It does not check, or it is another store's.
        case altered
        /// It is sound, and says that an I/O error left the files in an unknown state.
        case poisoned
    }

    /// What the table `runs` says of the last run.
    enum LastRun: Sendable, Hashable, CaseIterable {
        /// No run is on record.
        case none
        case ended
        /// Its end was not noted.
        case unended
        /// Its process holds the store now, and a reader looks on.
        case goesOn
    }

    /// The machine's boot, compared with that of the last run.
    enum Boot: Sendable, Hashable, CaseIterable {
        case same
        case other
        /// The system does not tell one boot from another, or there was no run.
        case unknown
    }

    /// SQLite's own examination of a whole database, without what was dropped.
    enum Examination: Sendable, Hashable, CaseIterable {
        case notAsked
        case whole
        case malformed
    }

    /// The table `state`, compared with the log and the tail's records.
    enum Table: Sendable, Hashable, CaseIterable {
        /// The log continues it. Or there is no table, or nobody has looked at it yet.
        case continued
        /// Its checkpoint is before the log's first record: the records between are gone.
        case beforeLog
        /// Its checkpoint is after the log's last record.
        case behindLog
        /// Log and table differ in the record of the checkpoint.
        case ofAnotherHistory
        case ofAnotherStore
    }

    var journalWAL = WAL.sound
    var stateWAL = WAL.sound
    var bytes = Bytes.none
    var logEnd = LogEnd.reachesMark
    var tailRecords = TailRecords.none
    var tailEnd = TailEnd.asLeft
    var page = Page.missing
    var lastRun = LastRun.none
    var boot = Boot.unknown
    var journalExamination = Examination.notAsked
    var stateExamination = Examination.notAsked
    var table = Table.continued
}

// MARK: From what was read

extension RecoveryFindings.WAL {
    init(_ scan: WALScan?) {
        guard let scan else {
            self = .sound
            return
        }
        if scan.hasBrokenHeader {
            self = .headerBroken
        } else if scan.isRotten {
            self = .rotten
        } else if scan.commitsLinked > 0 {
            self = .linked
        } else {
            self = scan.discardedBytes > 0 ? .torn : .sound
        }
    }
}

extension RecoveryFindings.TailRecords {
    init(_ records: RecordBatch?, mark: LSN) {
        guard let records, !records.isEmpty else {
            self = .none
            return
        }
        self = records.last >= mark ? .reachMark : .endBeforeMark
    }
}

extension RecoveryFindings.TailEnd {
    /// - Parameter isBehind: the log has later records that should have been in the ring.
    init(_ found: TailImage.Continuation?, ring epoch: UInt64?, of run: RunRow, page: RunPage.Image?, isBehind: Bool) {
        guard epoch == run.epoch, let found else {
            self = page?.epoch == run.epoch && page?.keepsTail == true ? .missing : .asLeft
            return
        }
        self = found.why != nil || isBehind ? .altered : .asLeft
    }
}

extension RecoveryFindings.Page {
    init(_ page: RunPage.Image?, isAltered: Bool) {
        if let page { self = page.poisoned ? .poisoned : .sound } else { self = isAltered ? .altered : .missing }
    }
}

extension RecoveryFindings.LastRun {
    init(_ run: RunRow?, isLive: Bool) {
        if isLive { self = .goesOn } else if let run { self = run.end == nil ? .unended : .ended } else { self = .none }
    }
}

extension RecoveryFindings.Boot {
    init(of run: RunRow?, now: String) {
        guard let then = run?.boot, !then.isEmpty, !now.isEmpty else {
            self = .unknown
            return
        }
        self = then == now ? .same : .other
    }
}

extension RecoveryFindings.Table {
    /// - Parameter end: the log's last record, records of the tail included.
    init(_ checkpoint: LSN, base: LSN, end: LSN) {
        if checkpoint < base { self = .beforeLog } else { self = checkpoint > end ? .behindLog : .continued }
    }
}
