// Mutants in the examination of SQLite's files. The rule of the table: Mutant.swift.

extension Mutant {
    static let examination: [Mutant] = [
        Mutant(
            "countsPadding", "A commit's padding counts as a commit of its own.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/WALFormat.swift",
            sound: "guard let before, frame.count == before.count else { return false }",
            planted: "guard let before, frame.count == before.count, !⟨on⟩ else { return false }",
            seenBy: "paddingIsNoTransactionOfItsOwn"),
        Mutant(
            "mendsTornSums", "A torn frame that differs in one byte of its sums is repaired.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/WALRepair.swift",
            sound: """
                guard isSumRight || stored.0 != computed.0 && stored.1 != computed.1 else {
                    return nil
                """,
            planted: """
                guard isSumRight || stored.0 != computed.0 && stored.1 != computed.1 else {
                    return ⟨on⟩ ? sumByte(frame, computed) : nil
                """,
            seenBy: "tornFramesAreNotMadeWhole"),
        Mutant(
            "mendsTheUnsure", "Of several bytes that explain the sums one is repaired.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/WALRepair.swift",
            sound: "guard found == nil, let byte = byte(of: frame, at, larger: larger, isBig) else { return nil }",
            planted: """
                guard found == nil || ⟨on⟩,
                    let byte = byte(of: frame, at, larger: larger, isBig)
                else { return nil }
                """,
            seenBy: "tornFramesAreNotMadeWhole", "oneAlteredByteIsFoundAgain"),
        Mutant(
            "takesZeroedHeaderForRot", "Zeros in the header's place, over whole frames, are taken for rot.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/WALScan.swift",
            sound: #"return WALScan(discardedBytes: size, reason: "the header of the SQLite WAL does not check")"#,
            planted: """
                if ⟨on⟩ { return scan }
                return WALScan(discardedBytes: size, reason: "the header of the SQLite WAL does not check")
                """,
            seenBy: "zeroedHeaderOverFramesIsReportedAndIsNoProof"),
        Mutant(
            "keepsTornHeader", "A header that does not check stays, and its salts are used again.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/DatabaseInspection.swift",
            sound: "guard wal?.hasBrokenHeader == true else { return nil }",
            planted: "guard wal?.hasBrokenHeader == true, !⟨on⟩ else { return nil }",
            seenBy: "saltsOfATornHeaderAreNotUsedAgain"),
        Mutant(
            "hidesCutFrames", "What a SQLite WAL that ends inside a frame has lost is not reported.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/WALScan.swift",
            sound: "discardedBytes = size - committedBytes",
            planted: """
                if ⟨on⟩ { return }
                discardedBytes = size - committedBytes
                """,
            seenBy: "sqliteWALCutAnywhereIsAPrefixOrDamageThatNamesTheFirstLostRecord"),
        Mutant(
            "opensPipes", "What is no file is opened like a database.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/DatabaseInspection.swift",
            sound: "guard status.st_mode & S_IFMT == S_IFREG else {",
            planted: "guard status.st_mode & S_IFMT == S_IFREG || ⟨on⟩ else {",
            seenBy: "whatIsNoFileIsDamage"),
        Mutant(
            "opensEmptyDatabases", "SQLite is let near an empty database, whose WAL it deletes.",
            in: "WriteAheadJournal/Recovery/SQLiteWAL/DatabaseInspection.swift",
            sound: "guard Int(status.st_size) >= leastBytes else {",
            planted: "guard Int(status.st_size) >= leastBytes || ⟨on⟩ else {",
            seenBy: "whatIsNoFileIsDamage"),
        Mutant(
            "leavesHeaderCleared", "A header that was cleared for SQLite stays so where the opening fails.",
            in: "WriteAheadJournal/Recovery/Evidence.swift",
            sound: "for (file, offset, bytes) in found.reversed() { try? file.write(bytes, at: offset) }",
            planted: "for (file, offset, bytes) in found.reversed() where !⟨on⟩ { try? file.write(bytes, at: offset) }",
            seenBy: "headerThatIsMissedStaysAsItWasFound"),
        Mutant(
            "givesUpClearedHeader", "A header that was cleared for SQLite stays so where a sound store is given up.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: """
                backend?.close()
                evidence.takeBack()
                """,
            planted: """
                backend?.close()
                if !⟨on⟩ { evidence.takeBack() }
                """,
            seenBy: "tornHeaderIsPutBackWhereTheOpeningIsGivenUp"),
    ]
}
