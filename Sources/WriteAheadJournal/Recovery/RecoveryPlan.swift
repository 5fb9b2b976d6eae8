// What an opening does with a store that may be opened, decided before anything is done. A reader does none of it, and
// reports the same.

struct RecoveryPlan: Sendable, Hashable {
    /// What is done with the files before they are written to.
    enum Files: Sendable, Hashable, CaseIterable {
        case asFound
        /// What is there is synced: the last run may not have come to it.
        case synced
        /// The bytes go to new files: after a failed sync nothing else is known to reach the disk.
        case rewritten
    }

    /// What the report says of damage, in its order.
    enum Report: Sendable, Hashable, CaseIterable {
        case bytesRepaired
        /// The journal had lost records, and the tail had them.
        case journalResupplied
        /// The table's database had lost a fold, and the log has it.
        case stateCut
        case pageAltered
        /// Changes that were in the tail alone are lost.
        case tailLost
    }

    /// The tail's records make up for records that the journal has lost.
    var resupplies = false
    /// What is behind the last transaction goes. The next start would else find it again behind what is written now.
    var cutsJournalWAL = false
    var cutsStateWAL = false
    /// A header that does not check becomes zeros, so that SQLite draws new salts.
    var clearsJournalHeader = false
    var clearsStateHeader = false
    var files = Files.asFound
    var reports: [Report] = []

    /// The files are kept aside as they were found, before anything else. Not for the page alone, on which nothing of the
    /// store's content hangs.
    var keepsEvidence: Bool { reports.contains { $0 != .pageAltered } }

    /// Of findings that the verdict lets pass.
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
        // The files are their owner's.
        case (_, .goesOn): .asFound
        // Also if the run's end is noted: the sync of that very note may have failed.
        case (.poisoned, .none), (.poisoned, .ended), (.poisoned, .unended): .rewritten
        case (.missing, .unended), (.sound, .unended), (.altered, .unended): .synced
        case (.missing, .none), (.sound, .none), (.altered, .none): .asFound
        case (.missing, .ended), (.sound, .ended), (.altered, .ended): .asFound
        }
    }

    /// Beside a live owner it may only be half made.
    private static func reportsPage(_ found: RecoveryFindings) -> Bool {
        found.page == .altered && found.lastRun != .goesOn
    }

    /// Only after the death of its process: a power cut leaves of a mapped file what it likes.
    private static func reportsTail(_ found: RecoveryFindings) -> Bool {
        found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same
    }
}
