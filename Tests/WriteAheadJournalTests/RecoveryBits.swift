@testable import WriteAheadJournal

/// A verdict, or a part of one, as a set. Not an `OptionSet`, whose methods take ten times as long in a debug build.
struct RecoveryBits: Hashable, Sendable {
    let rawValue: UInt32

    private static let firstQuestion = RecoveryVerdict.Refusal.allCases.count
    private static let firstAct = firstQuestion + RecoveryVerdict.Question.allCases.count
    private static let firstReport = firstAct + 7
    private static let refusalBits = Dictionary(
        uniqueKeysWithValues: RecoveryVerdict.Refusal.allCases.enumerated().map { ($1, Self(bit: $0)) })
    private static let questionBits = Dictionary(
        uniqueKeysWithValues: RecoveryVerdict.Question.allCases.enumerated().map { ($1, Self(bit: firstQuestion + $0)) }
    )
    private static let reportBits = Dictionary(
        uniqueKeysWithValues: RecoveryPlan.Report.allCases.enumerated().map { ($1, Self(bit: firstReport + $0)) })

    static let resupplies = Self(bit: firstAct)
    static let cutsJournal = Self(bit: firstAct + 1)
    static let cutsState = Self(bit: firstAct + 2)
    static let clearsJournal = Self(bit: firstAct + 3)
    static let clearsState = Self(bit: firstAct + 4)
    static let synced = Self(bit: firstAct + 5)
    static let rewritten = Self(bit: firstAct + 6)
    static let refusals = Self(rawValue: 1 << firstQuestion - 1)
    static let questions = Self(rawValue: 1 << firstAct - 1).subtracting(refusals)
    static let acts = Self(rawValue: 1 << firstReport - 1).subtracting(refusals).subtracting(questions)
    static let reports = Self(rawValue: RecoveryPlan.Report.allCases.reduce(0) { $0 | of($1).rawValue })

    init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    private init(bit: Int) { rawValue = 1 << UInt32(bit) }

    init(_ parts: RecoveryBits...) { rawValue = parts.reduce(0) { $0 | $1.rawValue } }

    func union(_ other: Self) -> Self { Self(rawValue: rawValue | other.rawValue) }
    func intersection(_ other: Self) -> Self { Self(rawValue: rawValue & other.rawValue) }
    func subtracting(_ other: Self) -> Self { Self(rawValue: rawValue & ~other.rawValue) }
    func contains(_ other: Self) -> Bool { rawValue & other.rawValue == other.rawValue }
    func has(anyOf other: Self) -> Bool { rawValue & other.rawValue != 0 }

    static func of(_ refusal: RecoveryVerdict.Refusal) -> Self { refusalBits[refusal] ?? Self() }
    static func of(_ question: RecoveryVerdict.Question) -> Self { questionBits[question] ?? Self() }
    static func of(_ report: RecoveryPlan.Report) -> Self { reportBits[report] ?? Self() }

    init(_ verdict: RecoveryVerdict) {
        var bits = Self()
        switch verdict {
        case .ask(let question): bits = .of(question)
        case .refuse(let refusals): for refusal in refusals { bits = bits.union(.of(refusal)) }
        case .open(let plan):
            if plan.resupplies { bits = bits.union(.resupplies) }
            if plan.cutsJournalWAL { bits = bits.union(.cutsJournal) }
            if plan.cutsStateWAL { bits = bits.union(.cutsState) }
            if plan.clearsJournalHeader { bits = bits.union(.clearsJournal) }
            if plan.clearsStateHeader { bits = bits.union(.clearsState) }
            if plan.files == .synced { bits = bits.union(.synced) }
            if plan.files == .rewritten { bits = bits.union(.rewritten) }
            for report in plan.reports { bits = bits.union(.of(report)) }
        }
        self = bits
    }

    var isRefusal: Bool { has(anyOf: .refusals) }
    var isQuestion: Bool { has(anyOf: .questions) }
    /// The store is opened.
    var opens: Bool { !isRefusal && !isQuestion }

    /// What tables say together: a question about bytes comes before all, a reason to refuse before any other question, and
    /// of the questions the first one first.
    var composed: Self {
        if contains(.of(.repairedBytes)) { return .of(.repairedBytes) }
        if isRefusal { return intersection(.refusals) }
        guard isQuestion else { return self }
        let questions = intersection(.questions)
        return Self(rawValue: questions.rawValue & ~(questions.rawValue - 1))
    }

    /// Whether it lets pass, leaves undone or leaves unsaid what the other does not.
    func isLaxer(than other: Self) -> Bool {
        guard opens else { return false }
        guard other.opens else { return true }
        let files = intersection(Self(.synced, .rewritten)), otherFiles = other.intersection(Self(.synced, .rewritten))
        return files.rawValue < otherFiles.rawValue || !contains(other.intersection(.reports))
    }

    // MARK: In words, as on the page

    private static let words: [(Self, String)] = [
        (.of(.repairedBytes), "repair them, look again; a reader refuses"),
        (.of(.journalExamination), "ask SQLite"), (.of(.stateExamination), "ask SQLite"),
        (.of(.bytesAltered), "refuse"),
        (.of(.journalRotten), "refuse: transactions are lost"),
        (.of(.journalMalformed), "refuse: the database is not whole"),
        (.of(.journalShort), "refuse: durable records are lost"),
        (.of(.journalShortAndRotten), "refuse: more may be lost than the tail has"),
        (.of(.journalShortAndMalformed), "refuse: the database is not whole"),
        (.of(.stateMalformed), "refuse: the database is not whole"),
        (.of(.tableBeforeLog), "refuse: records are missing in between"),
        (.of(.tableBehindLog), "refuse: the log's end is lost"),
        (.of(.tableOfAnotherHistory), "refuse: they do not belong together"),
        (.of(.tableOfAnotherStore), "refuse: they do not belong together"),
        (.resupplies, "the tail makes up for it"), (.cutsJournal, "cut the WAL"), (.cutsState, "cut the WAL"),
        (.clearsJournal, "clear the header"), (.clearsState, "clear the header"), (.synced, "sync the files"),
        (.rewritten, "write the bytes to new files"),
        (.of(.bytesRepaired), "report it"), (.of(.journalResupplied), "report it"), (.of(.stateCut), "report it"),
        (.of(.pageAltered), "report the page"), (.of(.tailLost), "report it"),
    ]

    var words: String {
        let words = Self.words.filter { contains($0.0) }.map(\.1)
        return words.isEmpty ? "go on" : words.joined(separator: "; ")
    }
}
