// What an opening does with a store that may be opened, decided before anything is done. A reader does none of it and
// reports the same.

/// What is to be done with the files, and what is to be reported.
struct RecoveryPlan: Sendable, Hashable {
    /// What is done with the files before they are written to.
    enum Files: Sendable, Hashable, CaseIterable {
        case asFound
        /// The files are synced: the last run may not have synced them.
        case synced
        /// The bytes are copied to new files. After a failed sync no other way is known to reach the disk.
        case rewritten
    }

    /// What the report says of damage, in its order.
    enum Report: Sendable, Hashable, CaseIterable {
        case bytesRepaired
        /// The journal had lost records, and the tail had them.
        case journalResupplied
        /// The table's database had lost a fold, and the log has its records.
        case stateCut
        case pageAltered
        /// Changes that only the tail had are lost.
        case tailLost
    }

    /// The tail's records replace records that the journal has lost.
    var resupplies = false
    /// What lies after the last transaction in the WAL is cut off. Otherwise the next start would find it again, after
    /// what is written now.
    var cutsJournalWAL = false
    var cutsStateWAL = false
    /// A header that does not check is overwritten with zeros, so that SQLite draws new salts.
    var clearsJournalHeader = false
    var clearsStateHeader = false
    var files = Files.asFound
    var reports: [Report] = []

    /// Whether the files are kept aside as they were found, before anything else is done. An altered page is no reason:
    /// nothing of the store's content depends on it.
    var keepsEvidence: Bool { reports.contains { $0 != .pageAltered } }

    /// The plan for findings that the verdict lets pass.
    init(_ found: RecoveryFindings) {
        resupplies = found.logEnd == .beforeMark
        cutsJournalWAL = found.journalWAL == .rotten
        cutsStateWAL = found.stateWAL == .rotten
        clearsJournalHeader = found.journalWAL == .headerBroken
        clearsStateHeader = found.stateWAL == .headerBroken
        files = Self.files(found.page, found.lastRun)
        if found.bytes == .repaired { reports.append(.bytesRepaired) }
        if resupplies { reports.append(.journalResupplied) }
        if cutsStateWAL { reports.append(.stateCut) }
        if Self.reportsPage(found) { reports.append(.pageAltered) }
        if Self.reportsTail(found) { reports.append(.tailLost) }
    }

    static func files(_ page: RecoveryFindings.Page, _ lastRun: RecoveryFindings.LastRun) -> Files {
        switch (page, lastRun) {
        // The files belong to their owner.
        case (_, .goesOn): .asFound
        // Also if the run's end is noted: the sync of that very note may have failed.
        case (.poisoned, .none), (.poisoned, .ended), (.poisoned, .unended): .rewritten
        case (.missing, .unended), (.sound, .unended), (.altered, .unended): .synced
        case (.missing, .none), (.sound, .none), (.altered, .none): .asFound
        case (.missing, .ended), (.sound, .ended), (.altered, .ended): .asFound
        }
    }

    /// Beside a live owner a page that does not check may be one that is only half made.
    private static func reportsPage(_ found: RecoveryFindings) -> Bool {
        found.page == .altered && found.lastRun != .goesOn
    }

    /// Only after the death of the process alone: a power cut keeps any part of a mapped file.
    private static func reportsTail(_ found: RecoveryFindings) -> Bool {
        found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same
    }
}
