// Mutants in SQLite's settings and errors. The rule of the table: Mutant.swift.

extension Mutant {
    static let sqlite: [Mutant] = [
        Mutant(
            "commitsAtNormal", "Commits at `synchronous=NORMAL`: a power cut takes what was answered.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: #"try pragma("wal_autocheckpoint", "0", expect: "0")"#,
            planted: """
                if ⟨on⟩ { try execute("PRAGMA synchronous=NORMAL") }
                try pragma("wal_autocheckpoint", "0", expect: "0")
                """,
            seenBy: "writingConnectionHasEverySettingItNeeds"),
        Mutant(
            "checkpointsByItself", "SQLite's automatic checkpoint is left on.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: """
                    isWriter = true
                }
                """,
            planted: """
                    isWriter = true
                    if ⟨on⟩ { try execute("PRAGMA wal_autocheckpoint=1000") }
                }
                """,
            seenBy: "writingConnectionHasEverySettingItNeeds"),
        Mutant(
            "checkpointsOnClose",
            "A connection that closes copies the SQLite WAL and removes it, also after a failed sync.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: #"""
                    throw StoreError(.unsupported, "SQLite \(Self.version) lacks SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE")
                }
                """#,
            planted: #"""
                    throw StoreError(.unsupported, "SQLite \(Self.version) lacks SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE")
                }
                if ⟨on⟩ {
                    _ = csqlite_db_config_switch(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
                }
                """#,
            seenBy: "closeNeitherCopiesNorRemovesTheSQLiteWAL"),
        Mutant(
            "leavesCheckpointsToOthers", "SQLite's checkpoint lock is not held against other programs.",
            in: "WriteAheadJournal/SQLite/CheckpointGuard.swift",
            sound: "guard !isHeld else { return }",
            planted: "guard !isHeld, !⟨on⟩ else { return }",
            seenBy: "otherProgramsCannotCheckpointALiveStore"),
        Mutant(
            "keepsFailedTransaction", "A transaction whose body throws is not rolled back.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: #"if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }"#,
            planted: #"if isInTransaction, !⟨on⟩ { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }"#,
            seenBy: "transactionThatThrowsLeavesNothing"),
        Mutant(
            "padsNothing", "With `paranoidSectors` commits are not padded to whole sectors.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: "if paranoidSectors {",
            planted: "if paranoidSectors, !⟨on⟩ {",
            seenBy: "paranoidSectorsPadEachCommit"),
        Mutant(
            "takesReadOnlyDatabase", "A database that could be opened for reading only is taken for writing.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: #"if access == .readWrite, sqlite3_db_readonly(handle, "main") == 1 {"#,
            planted: #"if access == .readWrite, sqlite3_db_readonly(handle, "main") == 1, !⟨on⟩ {"#,
            seenBy: "databaseThatIsOpenedForReadingOnlyIsRefused"),
        Mutant(
            "goesOnWithNULL", "A parameter that SQLite had no memory to bind is NULL.",
            in: "WriteAheadJournal/SQLite/SQLiteStatement.swift",
            sound: "if result != SQLITE_OK { failed = result }",
            planted: "if result != SQLITE_OK, !⟨on⟩ { failed = result }",
            seenBy: "parameterThatIsNotBoundIsNoNULL"),
        Mutant(
            "takesNothingForAll", "A checkpoint that another program kept from beginning counts as a complete one.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: "let hasNotBegun = frames < 0",
            planted: "let hasNotBegun = frames < 0 && !⟨on⟩",
            seenBy: "checkpointBesideAnotherOneHasCopiedNothing"),
        Mutant(
            "compactsBesideCheckpoints", "A compaction of the journal writes without SQLite's checkpoint lock.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: """
                try connection.checkDescriptors()
                try connection.keepCheckpointsOut()
                """,
            planted: """
                try connection.checkDescriptors()
                if !⟨on⟩ { try connection.keepCheckpointsOut() }
                """,
            seenBy: "compactionIsRefusedBesideACheckpointOfAnotherProgram"),
        Mutant(
            "compactsTableBesideCheckpoints", "A compaction of the table writes without SQLite's checkpoint lock.",
            in: "WriteAheadJournal/SQLite/StateDatabase.swift",
            sound: "try connection.keepCheckpointsOut()",
            planted: "if !⟨on⟩ { try connection.keepCheckpointsOut() }",
            seenBy: "compactionOfTheTableIsRefusedBesideACheckpointOfAnotherProgram"),
        Mutant(
            "callsFailedReadDamage", "A read that failed is called damage.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection+Errors.swift",
            sound: "if code & 0xff == SQLITE_CORRUPT {",
            planted: "if code & 0xff == SQLITE_CORRUPT, !⟨on⟩ {",
            seenBy: "readThatFailsIsNoDamage"),
        Mutant(
            "takesQuotaForBrokenDisk", "A quota that is used up is taken for a broken disk, and poisons.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection+Errors.swift",
            sound: "errno == ENOSPC || errno == EDQUOT || errno == EFBIG",
            planted: "errno == ENOSPC || errno == EDQUOT && !⟨on⟩ || errno == EFBIG",
            seenBy: "quotaThatIsUsedUpIsAFullDisk"),
        Mutant(
            "poisonsWhereNoFileCanBeMade", "A file that cannot be made for want of space poisons.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection+Errors.swift",
            sound: "SQLITE_CANTOPEN where isSpace:",
            planted: "SQLITE_CANTOPEN where isSpace && !⟨on⟩:",
            seenBy: "fileThatCannotBeMadeForWantOfSpaceIsDiskFull"),
    ]
}
