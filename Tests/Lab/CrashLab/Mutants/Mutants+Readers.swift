// Mutants in several readers at once: what one check misses another finds, so each of them alone would be seen by none. The
// rule of the table: Mutant.swift.

extension Mutant {
    static let readers: [Mutant] = [
        Mutant(
            "comparesNoChecksums", "Hashes of rows, their digest and the chain of records are not compared.",
            [
                Edit(
                    in: "WriteAheadJournal/Tail/TailImage.swift",
                    sound: "Self.crc(of: bytes, after: chain, epoch: epoch, lsn: lsn) == crc",
                    planted: "Self.crc(of: bytes, after: chain, epoch: epoch, lsn: lsn) == crc || ⟨on⟩"),
                Edit(
                    in: "WriteAheadJournal/Log/RecordReader.swift",
                    sound:
                        "RecordFormat.chain(after: position.chain, epoch: epoch, lsn: lsn.value, content: content) == stored",
                    planted:
                        "RecordFormat.chain(after: position.chain, epoch: epoch, lsn: lsn.value, content: content) == stored || ⟨on⟩"
                ),
                Edit(
                    in: "WriteAheadJournal/SQLite/StateDatabase.swift",
                    sound: "guard isWhole else { return false }",
                    planted: "guard isWhole || ⟨on⟩ else { return false }"),
                Edit(
                    in: "WriteAheadJournal/SQLite/StateDatabase.swift",
                    sound: "let isWhole = count == meta.rows && digest == meta.digest",
                    planted: "let isWhole = count == meta.rows && digest == meta.digest || ⟨on⟩"),
            ],
            seenBy: "flippedValuesAreNeverTaken", "flippedEndsAreNeverLost"),
        Mutant(
            "ignoresWitnesses", "SQLite's WAL, the sync mark and the tail are taken as they are.",
            [
                Edit(
                    in: "WriteAheadJournal/Recovery/SQLiteWAL/DatabaseInspection.swift",
                    sound: #"wal = WALScan.file(path + "-wal")"#,
                    planted: #"wal = ⟨on⟩ ? nil : WALScan.file(path + "-wal")"#),
                Edit(
                    in: "WriteAheadJournal/Recovery/FoundStore.swift",
                    sound: "tail = ring?.continuation(of: position)",
                    planted: """
                        tail = ring?.continuation(of: position)
                        if ⟨on⟩, position.lsn < syncMark { tail = nil }
                        """),
                Edit(
                    in: "WriteAheadJournal/Recovery/FoundStore.swift",
                    sound: "found.tailRecords = .init(tail?.records, mark: syncMark)",
                    planted: """
                        found.tailRecords = .init(tail?.records, mark: syncMark)
                        if ⟨on⟩ { found.logEnd = .reachesMark }
                        """),
                Edit(
                    in: "WriteAheadJournal/Recovery/RecoveryPlan.swift",
                    sound: "found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same",
                    planted: "found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same && !⟨on⟩"),
            ],
            seenBy: "flippedEndsAreNeverLost"),
    ]
}
