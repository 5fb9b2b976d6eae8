@testable import WriteAheadJournal

/// Every combination of what may be found of a store, with its verdict.
struct RecoveryWalk: Sendable {
    /// What is looked at; the last one changes first.
    enum Dimension: Int, CaseIterable, Sendable {
        case journalWAL, stateWAL, bytes, logEnd, tailRecords, tailEnd, page, lastRun, boot, journalExamination
        case stateExamination, table
    }

    static let wals = RecoveryFindings.WAL.allCases
    static let bytes = RecoveryFindings.Bytes.allCases
    static let logEnds = RecoveryFindings.LogEnd.allCases
    static let tailRecords = RecoveryFindings.TailRecords.allCases
    static let tailEnds = RecoveryFindings.TailEnd.allCases
    static let pages = RecoveryFindings.Page.allCases
    static let lastRuns = RecoveryFindings.LastRun.allCases
    static let boots = RecoveryFindings.Boot.allCases
    static let examinations = RecoveryFindings.Examination.allCases
    static let tables = RecoveryFindings.Table.allCases

    static let sizes = [
        wals.count, wals.count, bytes.count, logEnds.count, tailRecords.count, tailEnds.count, pages.count,
        lastRuns.count, boots.count, examinations.count, examinations.count, tables.count,
    ]
    /// How far apart two combinations are that differ by one step of a dimension.
    static let strides = sizes.indices.map { sizes[($0 + 1)...].reduce(1, *) }
    static let count = sizes.reduce(1, *)

    static func set(_ dimension: Dimension, _ value: Int, _ found: inout RecoveryFindings) {
        switch dimension {
        case .journalWAL: found.journalWAL = wals[value]
        case .stateWAL: found.stateWAL = wals[value]
        case .bytes: found.bytes = bytes[value]
        case .logEnd: found.logEnd = logEnds[value]
        case .tailRecords: found.tailRecords = tailRecords[value]
        case .tailEnd: found.tailEnd = tailEnds[value]
        case .page: found.page = pages[value]
        case .lastRun: found.lastRun = lastRuns[value]
        case .boot: found.boot = boots[value]
        case .journalExamination: found.journalExamination = examinations[value]
        case .stateExamination: found.stateExamination = examinations[value]
        case .table: found.table = tables[value]
        }
    }

    /// By their number.
    private let verdicts: [RecoveryBits]

    init() {
        var verdicts: [RecoveryBits] = []
        verdicts.reserveCapacity(Self.count)
        Self.eachFinding { found, _ in verdicts.append(RecoveryBits(RecoveryVerdict(found))) }
        self.verdicts = verdicts
    }

    subscript(number: Int) -> RecoveryBits { verdicts[number] }

    /// - Parameter body: gets the values by their numbers, too, in the order of the dimensions.
    func each(_ body: (_ found: RecoveryFindings, _ verdict: RecoveryBits, _ digits: [Int]) -> Void) {
        var number = 0
        Self.eachFinding {
            body($0, verdicts[number], $1)
            number += 1
        }
    }

    /// The combination with that number.
    static func found(_ number: Int) -> RecoveryFindings {
        var found = RecoveryFindings()
        for dimension in Dimension.allCases {
            set(dimension, number / strides[dimension.rawValue] % sizes[dimension.rawValue], &found)
        }
        return found
    }

    static func eachFinding(_ body: (RecoveryFindings, _ digits: [Int]) -> Void) {
        var found = RecoveryFindings()
        let dimensions = Dimension.allCases
        for dimension in dimensions { set(dimension, 0, &found) }
        var digits = [Int](repeating: 0, count: sizes.count)
        while true {
            body(found, digits)
            var at = digits.count - 1
            while at >= 0 {
                digits[at] += 1
                if digits[at] == sizes[at] { digits[at] = 0 }
                set(dimensions[at], digits[at], &found)
                if digits[at] > 0 { break }
                at -= 1
            }
            if at < 0 { return }
        }
    }

    /// A value as the page calls it.
    static func word(_ dimension: Dimension, _ value: Int) -> String {
        let words =
            switch dimension {
            case .journalWAL, .stateWAL:
                ["sound", "ends torn", "one transaction behind a break", "two or more behind a break", "header broken"]
            case .bytes: ["none", "some", "some, repaired"]
            case .logEnd: ["reaches the sync mark", "ends before it"]
            case .tailRecords: ["none", "end before the mark", "reach the mark"]
            case .tailEnd: ["as left", "altered", "missing"]
            case .page: ["missing or blank", "sound", "altered", "poisoned"]
            case .lastRun: ["none", "ended", "left no end", "goes on"]
            case .boot: ["same", "another", "unknown"]
            case .journalExamination, .stateExamination: ["not asked yet", "whole", "malformed"]
            case .table:
                [
                    "is continued by the log", "is older than the log's beginning", "is newer than the log's end",
                    "is of another history", "is of another store",
                ]
            }
        return words[value]
    }
}
