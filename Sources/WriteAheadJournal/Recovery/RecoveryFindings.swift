// What was found of a store, in one word for each thing that was looked at: the question that RecoveryVerdict answers.
//
// Pure: a value, and how it is told from what was read. Numbers, places and texts are FoundStore.swift's part.

struct RecoveryFindings: Sendable, Hashable {
    /// What a scan says of an SQLite WAL before SQLite opens it, as it is with the bytes repaired that can be.
    enum WAL: Sendable, Hashable, CaseIterable {
        /// It ends as one that was written whole, or is not there.
        case sound
        /// It ends as a crash leaves it, inside a transaction.
        case torn
        /// One transaction hangs behind a break. A crash leaves that, and so does rot.
        case linked
        /// Two or more do, which no crash leaves so: it was altered, and they are lost.
        case rotten
        /// Its header does not check. All of it is dropped.
        case headerBroken
    }

    /// Altered bytes of either WAL of which it is known what was written.
    enum Bytes: Sendable, Hashable, CaseIterable {
        case none
        /// They are there. SQLite would take less of the WAL than there is.
        case altered
        /// They were, and have been repaired.
        case repaired
    }

    /// Where the log ends, beside what the page `run` proves.
    enum LogEnd: Sendable, Hashable, CaseIterable {
        /// At the sync mark or behind it, or there is no mark.
        case reachesMark
        /// Something is gone that was durable once.
        case beforeMark
    }

    /// The records of the tail that continue the log.
    enum TailRecords: Sendable, Hashable, CaseIterable {
        /// There are none, or no tail, or it is another run's.
        case none
        /// The log with them still ends before the sync mark.
        case endBeforeMark
        /// The log with them reaches the sync mark.
        case reachMark
    }

    /// Whether the last run's tail has all that was published, as far as that shows.
    enum TailEnd: Sendable, Hashable, CaseIterable {
        /// Nothing says otherwise.
        case asLeft
        /// There was more, or the tail is of an earlier moment.
        case altered
        /// There is none, and the run's own page says that there was one.
        case missing
    }

    enum Page: Sendable, Hashable, CaseIterable {
        /// Not there, or blank, as a power cut leaves one in the making.
        case missing
        case sound
        /// It does not check, or is another store's.
        case altered
        /// It is sound, and says that an I/O error left the files in an unknown state.
        case poisoned
    }

    enum LastRun: Sendable, Hashable, CaseIterable {
        /// None is on record.
        case none
        case ended
        /// It left no note of its end.
        case unended
        /// Its process has the store now: a reader looks on.
        case goesOn
    }

    /// The machine's boot, beside that of the last run.
    enum Boot: Sendable, Hashable, CaseIterable {
        case same
        case other
        /// The system does not tell one from another, or there was no run.
        case unknown
    }

    /// SQLite's own examination of a whole database, as it is without what was dropped.
    enum Examination: Sendable, Hashable, CaseIterable {
        case notAsked
        case whole
        case malformed
    }

    /// The table `state`, beside the log with the tail's records.
    enum Table: Sendable, Hashable, CaseIterable {
        /// The log continues it; or there is no table, or it has not been looked at yet.
        case continued
        /// It is as of an earlier record than the log's first: those between are gone.
        case beforeLog
        /// It is as of a later record than the log's last.
        case behindLog
        /// Log and table differ at the checkpoint.
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
    /// - Parameter isBehind: the log has later records that would have been in the ring.
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
    /// - Parameter end: the log's last record, those of the tail included.
    init(_ checkpoint: LSN, base: LSN, end: LSN) {
        if checkpoint < base { self = .beforeLog } else { self = checkpoint > end ? .behindLog : .continued }
    }
}
