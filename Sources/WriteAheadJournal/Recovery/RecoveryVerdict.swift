// The verdict on what was found of a store: whether it may be opened, and what has to be done first.
//
// It is a pure function of RecoveryFindings. Opening, reader and survey all ask it, so they cannot disagree. Every
// combination has an answer: RecoveryVerdictTests walks all of them, and prints the tables of docs/failure-model.md
// from them.
//
// What costs time is looked at only if the verdict depends on it. The verdict is a question then, and is asked for
// again with the answer.

/// What to do with a store: find out more, refuse it, or open it by a plan.
enum RecoveryVerdict: Sendable, Hashable {
    case ask(Question)
    /// Every known reason, the one that decides first.
    case refuse([Refusal])
    case open(RecoveryPlan)

    /// What has to be known, or done, before there is a verdict.
    enum Question: Sendable, Hashable, CaseIterable {
        /// Altered bytes have to be repaired: the content of a WAL shows only after that.
        case repairedBytes
        /// SQLite's examination of journal.db.
        case journalExamination
        /// SQLite's examination of state.db, and the checkpoint in it.
        case stateExamination
    }

    /// Why a store is not opened. Each reason is damage.
    enum Refusal: Sendable, Hashable, CaseIterable {
        /// A reader may not repair bytes.
        case bytesAltered
        /// Transactions of journal.db's WAL are lost, and nothing else is known to have them.
        case journalRotten
        /// A transaction of journal.db's WAL may be lost, and the database is not whole without it.
        case journalMalformed
        /// Durable records are gone, and the tail does not have them.
        case journalShort
        /// The tail reaches the mark. But both may be of an earlier moment than what the WAL lost.
        case journalShortAndRotten
        /// The tail has what is gone. But the database has pages of it already.
        case journalShortAndMalformed
        /// A transaction of state.db's WAL is lost, or may be, and the database is not whole without it.
        case stateMalformed
        case tableBeforeLog
        case tableBehindLog
        case tableOfAnotherHistory
        case tableOfAnotherStore
    }

    init(_ found: RecoveryFindings) {
        guard found.bytes != .altered else {
            self = .ask(.repairedBytes)
            return
        }
        var refusals: [Refusal] = []
        var question: Question?
        for part in [Self.journal(found), Self.state(found), Self.table(found)] {
            switch part {
            case .goOn: break
            case .ask(let next): question = question ?? next
            case .refuse(let why): refusals.append(why)
            }
        }
        if !refusals.isEmpty {
            self = .refuse(refusals)
        } else if let question {
            self = .ask(question)
        } else {
            self = .open(RecoveryPlan(found))
        }
    }

    /// The verdict for somebody who writes nothing: a reader sees what an opening would see, or is refused.
    var forReading: RecoveryVerdict { self == .ask(.repairedBytes) ? .refuse([.bytesAltered]) : self }

    // MARK: The tables

    /// The verdict of one table.
    private enum Part {
        case goOn
        case ask(Question)
        case refuse(Refusal)
    }

    /// The sync mark is the witness: everything up to it was in the journal once, and synced. The tail may replace what
    /// is gone on two conditions. It continues what is left without a gap, and SQLite finds the database whole. The
    /// second matters because pages of a lost transaction may have been copied into the database already.
    private static func journal(_ found: RecoveryFindings) -> Part {
        switch (found.logEnd, found.journalWAL) {
        case (.reachesMark, .sound), (.reachesMark, .torn), (.reachesMark, .headerBroken): return .goOn
        case (.reachesMark, .linked):
            return answered(found.journalExamination, ask: .journalExamination, refuse: .journalMalformed)
        case (.reachesMark, .rotten): return .refuse(.journalRotten)
        case (.beforeMark, _) where found.tailRecords != .reachMark: return .refuse(.journalShort)
        // Synced transactions are gone. Only while the machine has not gone down do mark and tail surely speak of all
        // of them: a power cut may leave both as they were before.
        case (.beforeMark, .rotten) where found.boot != .same: return .refuse(.journalShortAndRotten)
        case (.beforeMark, _):
            return answered(found.journalExamination, ask: .journalExamination, refuse: .journalShortAndMalformed)
        }
    }

    /// The log replaces a lost fold if it still has its records. Whether it has them is what `table` says.
    private static func state(_ found: RecoveryFindings) -> Part {
        switch found.stateWAL {
        case .sound, .torn, .headerBroken: .goOn
        case .linked, .rotten: answered(found.stateExamination, ask: .stateExamination, refuse: .stateMalformed)
        }
    }

    private static func answered(
        _ examination: RecoveryFindings.Examination, ask question: Question, refuse refusal: Refusal
    ) -> Part {
        switch examination {
        case .notAsked: .ask(question)
        case .whole: .goOn
        case .malformed: .refuse(refusal)
        }
    }

    private static func table(_ found: RecoveryFindings) -> Part {
        switch found.table {
        case .continued: .goOn
        case .beforeLog: .refuse(.tableBeforeLog)
        // Beside a live owner the table is read after the log. It may have what was committed in between.
        case .behindLog: found.lastRun == .goesOn ? .goOn : .refuse(.tableBehindLog)
        case .ofAnotherHistory: .refuse(.tableOfAnotherHistory)
        case .ofAnotherStore: .refuse(.tableOfAnotherStore)
        }
    }
}
