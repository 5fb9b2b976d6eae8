// Mutants in the table and the fold. The rule of the table: Mutant.swift.

extension Mutant {
    static let state: [Mutant] = [
        Mutant(
            "trimsToNewestCheckpoint", "The log is trimmed up to the newest checkpoint.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "next.previous = meta.checkpoint.lsn",
            planted: "next.previous = ⟨on⟩ ? fold.position.lsn : meta.checkpoint.lsn",
            seenBy: "stateOneCheckpointOldIsRepairedByReplay"),
        Mutant(
            "leavesCheckpointBehind", "A fold does not move the checkpoint.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "next.checkpoint = fold.position",
            planted: "if !⟨on⟩ { next.checkpoint = fold.position }",
            seenBy: "foldedStateAndTheRestOfTheLogAreTheWhole"),
        Mutant(
            "dropsRemovals", "A fold leaves out what was removed.",
            in: "WriteAheadJournal/SQLite/StateWriter.swift",
            sound: "guard old != nil else { continue }",
            planted: "guard old != nil, !⟨on⟩ else { continue }",
            seenBy: "tableIsWhatADictionaryHolds"),
        Mutant(
            "foldsUnsorted", "A fold hands over keys with the same beginning in no order.",
            in: "WriteAheadJournal/Log/FoldedChanges.swift",
            sound: "let x = entries[Int(a.index)], y = entries[Int(b.index)]",
            planted: """
                if ⟨on⟩ { return false }
                let x = entries[Int(a.index)], y = entries[Int(b.index)]
                """,
            seenBy: "everyFoldIsWhatADictionaryHolds"),
        Mutant(
            "skipsDigest", "The table's digest is not compared.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "let isWhole = count == meta.rows && digest == meta.digest",
            planted: "let isWhole = count == meta.rows && digest == meta.digest || ⟨on⟩",
            seenBy: "rowOfTheState"),
        Mutant(
            "skipsRowChecksum", "The rows' checksums are not compared.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "let isWhole = hash == stored",
            planted: "let isWhole = hash == stored || ⟨on⟩",
            seenBy: "rowOfTheState"),
        Mutant(
            "foldsOverForeignWrites", "`data_version` of state.db is not compared.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "guard !foreign.haveHappened(version: version, connection) else {",
            planted: "guard !foreign.haveHappened(version: version, connection) || ⟨on⟩ else {",
            seenBy: "foldIsRefusedAfterAForeignWrite"),
        Mutant(
            "goesOnAfterFailedFold", "A failed sync of state.db does not poison: the store goes on.",
            in: "Backstay/Engine/Checkpointer.swift",
            sound: "default: committer.poison(error)",
            planted: "default: if !⟨on⟩ { committer.poison(error) }",
            seenBy: "aForeignWriteToTheTablePoisonsAndNothingIsTriedAgain"),
        Mutant(
            "foldsIntoTakenFiles", "A fold into files that were taken away counts, and the log drops what it has.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "files = FileWatch(folder: folder, names: names)",
            planted: "files = FileWatch(folder: folder, names: ⟨on⟩ ? [] : names)",
            seenBy: "foldIntoFilesThatWereTakenAwayDoesNotCount"),
        Mutant(
            "goesByHashAlone", "A row whose hash is the old one's is not written, whatever its value.",
            in: "WriteAheadJournal/SQLite/StateWriter.swift",
            sound: "stored.bindText(1, borrowed: operation.name)",
            planted: """
                if ⟨on⟩ { return true }
                stored.bindText(1, borrowed: operation.name)
                """,
            seenBy: "valueWithTheHashOfTheOneBeforeIsFoldedAllTheSame"),
        Mutant(
            "usesClosedFiles", "A checkpoint that comes behind the close uses the files all the same.",
            in: "Backstay/Engine/Checkpointer.swift",
            sound: "if isClosed { throw StoreCore.closedError }",
            planted: "if isClosed, !⟨on⟩ { throw StoreCore.closedError }",
            seenBy: "upkeepThatComesBehindTheCloseIsRefused"),
    ]
}
