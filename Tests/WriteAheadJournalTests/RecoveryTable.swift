@testable import WriteAheadJournal

/// One of the tables of docs/failure-model.md: what a part of the verdict depends on, and what it is. It is drawn from the
/// function with everything else as it is in a sound store.
struct RecoveryTable {
    private typealias Dimension = RecoveryWalk.Dimension

    private let title: String
    private let dimensions: [(RecoveryWalk.Dimension, String)]
    /// By the values of the dimensions, in their order.
    private let outcomes: [RecoveryBits]

    static func all(_ walk: RecoveryWalk) -> [RecoveryTable] {
        let all = RecoveryBits(rawValue: .max)
        let filesAndPage = RecoveryBits(.synced, .rewritten, .of(.pageAltered))
        return [
            RecoveryTable(
                walk, "Altered bytes of a `-wal`", [(.bytes, "bytes of which it is known what was written")], all),
            RecoveryTable(
                walk, "The journal",
                [
                    (.logEnd, "the log"), (.tailRecords, "records of the tail"), (.journalWAL, "`journal.db-wal`"),
                    (.boot, "boot"), (.journalExamination, "SQLite finds `journal.db`"),
                ], all),
            RecoveryTable(
                walk, "The table's database",
                [(.stateWAL, "`state.db-wal`"), (.stateExamination, "SQLite finds `state.db`")], all),
            RecoveryTable(walk, "Table and log", [(.table, "the table"), (.lastRun, "last run")], .refusals),
            RecoveryTable(walk, "Files and page", [(.lastRun, "last run"), (.page, "page `run`")], filesAndPage),
            RecoveryTable(
                walk, "The tail's end", [(.lastRun, "last run"), (.boot, "boot"), (.tailEnd, "the tail's end")],
                .of(.tailLost)),
        ]
    }

    /// - Parameter part: what of a verdict the table is about.
    private init(
        _ walk: RecoveryWalk, _ title: String, _ dimensions: [(RecoveryWalk.Dimension, String)], _ part: RecoveryBits
    ) {
        self.title = title
        self.dimensions = dimensions
        let sizes = dimensions.map { RecoveryWalk.sizes[$0.0.rawValue] }
        // Number 0 is a sound store: the first value of each dimension.
        outcomes = (0..<sizes.reduce(1, *)).map { key in
            var key = key
            var number = 0
            for (dimension, _) in dimensions.reversed() {
                let size = RecoveryWalk.sizes[dimension.rawValue]
                number += key % size * RecoveryWalk.strides[dimension.rawValue]
                key /= size
            }
            return walk[number].intersection(part)
        }
    }

    /// What the table says of a combination.
    func outcome(of digits: [Int]) -> RecoveryBits {
        var key = 0
        for (dimension, _) in dimensions {
            key = key * RecoveryWalk.sizes[dimension.rawValue] + digits[dimension.rawValue]
        }
        return outcomes[key]
    }

    // MARK: Printing

    var text: String {
        let heads = dimensions.map(\.1) + ["verdict"]
        let lines = rows(of: outcomes[...], from: 0).map { "| " + $0.joined(separator: " | ") + " |" }
        return "**\(title)**\n\n| " + heads.joined(separator: " | ") + " |\n"
            + "|" + String(repeating: "---|", count: heads.count) + "\n" + lines.joined(separator: "\n") + "\n"
    }

    /// One row for all values that lead to the same.
    private func rows(of outcomes: ArraySlice<RecoveryBits>, from at: Int) -> [[String]] {
        guard at < dimensions.count else { return [[outcomes[outcomes.startIndex].words]] }
        let dimension = dimensions[at].0
        let size = RecoveryWalk.sizes[dimension.rawValue]
        let step = outcomes.count / size
        var groups: [(values: [Int], outcomes: ArraySlice<RecoveryBits>)] = []
        for value in 0..<size {
            let start = outcomes.startIndex + value * step
            let part = outcomes[start..<start + step]
            if let same = groups.firstIndex(where: { $0.outcomes.elementsEqual(part) }) {
                groups[same].values.append(value)
            } else {
                groups.append(([value], part))
            }
        }
        return groups.flatMap { group in
            let isFound = dimension != .journalExamination && dimension != .stateExamination
            let cell =
                groups.count == 1
                ? isFound ? "any" : "not asked"
                : group.values.map { RecoveryWalk.word(dimension, $0) }.joined(separator: ", ")
            return rows(of: group.outcomes, from: at + 1).map { [cell] + $0 }
        }
    }
}
