// Mutants in recovery. The rule of the table: Mutant.swift.

extension Mutant {
    static let opening: [Mutant] = [
        Mutant(
            "ignoresSyncMark", "The journal's end is not compared with the sync mark.",
            in: "WriteAheadJournal/Recovery/FoundStore.swift",
            sound: "found.logEnd = end.lsn < syncMark ? .beforeMark : .reachesMark",
            planted: "found.logEnd = end.lsn < syncMark && !⟨on⟩ ? .beforeMark : .reachesMark",
            seenBy: "newestRowsDeletedIsDamageByTheSyncMark"),
        Mutant(
            "ignoresTail", "What only the tail has is not recovered.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "private var tail: RecordBatch { found.tail?.records ?? RecordBatch() }",
            planted: "private var tail: RecordBatch { ⟨on⟩ ? RecordBatch() : found.tail?.records ?? RecordBatch() }",
            seenBy: "killedStoreHasWhatOnlyTheTailHad"),
        Mutant(
            "keepsTailUncommitted", "Records of the tail are replayed, but not committed at the start.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "for row in tail.split(after: found.checkpoint ?? .zero) { try backend.insertRow(row) }",
            planted:
                "for row in tail.split(after: found.checkpoint ?? .zero) where !⟨on⟩ { try backend.insertRow(row) }",
            seenBy: "killedStoreHasWhatOnlyTheTailHad"),
        Mutant(
            "settlesNothing", "After an unclean end what is there is not synced before it is built on.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "switch plan.files {",
            planted: """
                if ⟨on⟩ { return }
                switch plan.files {
                """,
            seenBy: "recoverySyncsWhatItFoundBeforeItWrites"),
        Mutant(
            "keepsPoisonedFiles", "After a failed sync the files are not rewritten.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "case .rewritten: try StoreFolder.rewriteFiles(folder)",
            planted: "case .rewritten: if ⟨on⟩ { try syncFoundFiles() } else { try StoreFolder.rewriteFiles(folder) }",
            seenBy: "poisonedStoreIsRewrittenIntoNewFiles"),
        Mutant(
            "forgetsEndOfLastRun", "The end of the last run is judged, but not recorded.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "if isUnended, let lastRun {",
            planted: "if isUnended, !⟨on⟩, let lastRun {",
            seenBy: "endOfAKilledRunIsJudgedOnceAndKept"),
        Mutant(
            "believesPageOfAnotherRun", "What another run's page says about an end is believed.",
            in: "WriteAheadJournal/Run/RunRow.swift",
            sound: "if let page, page.epoch == epoch {",
            planted: "if let page, page.epoch == epoch || ⟨on⟩ {",
            seenBy: "pageOfAnEarlierRunCountsForItsSyncMarkOnly"),
        Mutant(
            "believesPageOfAnotherStore", "A page of another store is believed.",
            in: "WriteAheadJournal/Run/RunPage.swift",
            sound: "word(storeOffset) == Self.hash(storeID)",
            planted: "word(storeOffset) == Self.hash(storeID) || ⟨on⟩",
            seenBy: "pageThatIsMissingOrNoPageIsHarmless"),
        Mutant(
            "takesNewerState", "A state newer than the journal is accepted.",
            in: "WriteAheadJournal/Recovery/RecoveryVerdict.swift",
            sound: "case .behindLog: found.lastRun == .goesOn ? .goOn : .refuse(.tableBehindLog)",
            planted: "case .behindLog: found.lastRun == .goesOn || ⟨on⟩ ? .goOn : .refuse(.tableBehindLog)",
            seenBy: "stateNewerThanTheJournalIsDamage"),
        Mutant(
            "takesOlderState", "A state older than the journal's beginning is accepted.",
            in: "WriteAheadJournal/Recovery/RecoveryVerdict.swift",
            sound: "case .beforeLog: .refuse(.tableBeforeLog)",
            planted: "case .beforeLog: ⟨on⟩ ? .goOn : .refuse(.tableBeforeLog)",
            seenBy: "stateTwoCheckpointsOldIsDamage"),
        Mutant(
            "takesStateOfAnotherHistory", "Chains of state and journal are not compared.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound:
                "guard let checkpoint, checkpoint.lsn == position.lsn, checkpoint.chain != position.chain else { return }",
            planted: """
                guard let checkpoint, checkpoint.lsn == position.lsn, checkpoint.chain != position.chain, !⟨on⟩
                else { return }
                """,
            seenBy: "stateOfAnotherHistoryOfTheStoreIsDamage"),
        Mutant(
            "takesStateOfAnotherStore", "A state.db of another store is accepted.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "found.isOfAnotherStore = storeID != nil && storeID != self.storeID",
            planted: "found.isOfAnotherStore = storeID != nil && storeID != self.storeID && !⟨on⟩",
            seenBy: "stateOfAnotherStoreIsNamedAsSuch"),
        Mutant(
            "takesUnreadableForGone", "A tail or a page that cannot be read now is taken for one that is gone.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "let isGone = [ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO].contains(code)",
            planted: "let isGone = [ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO].contains(code) || ⟨on⟩",
            seenBy: "fileThatCannotBeReadNowEndsTheOpening"),
        Mutant(
            "waitsAtPipes", "A pipe in the place of `tail` or `run` is waited at.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)",
            planted: "let descriptor = open(path, O_RDONLY | O_CLOEXEC | (⟨on⟩ ? 0 : O_NONBLOCK))",
            seenBy: "storeOpensAndGoesOn"),
        Mutant(
            "believesAnyNumber", "Numbers that no run gets to are believed.",
            in: "WriteAheadJournal/LSN.swift",
            sound: "number >= 0 && number < 1 << 62",
            planted: "number >= 0 && number < 1 << 62 || ⟨on⟩",
            seenBy: "numbersThatCannotBeAreDamage", "numbersOfTheTableThatCannotBeAreDamage"),
        Mutant(
            "believesPreviousCheckpoint", "A checkpoint before the newest one is believed that is behind it.",
            in: "WriteAheadJournal/SQLite/StateMeta.swift",
            sound: "let isBehind = previous >= 0 && previous <= lsn",
            planted: "let isBehind = previous >= 0 && previous <= lsn || ⟨on⟩",
            seenBy: "numbersOfTheTableThatCannotBeAreDamage"),
        Mutant(
            "forgetsFailedOpening", "An opening whose commit failed does not say so in the page.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "if error.code != .diskFull && error.code != .busy {",
            planted: "if error.code != .diskFull && error.code != .busy && !⟨on⟩ {",
            seenBy: "openingWhoseSyncFailedIsWrittenAnew"),
        Mutant(
            "keepsHalfCopies", "Half a copy of a database stays where rewriting it finds no space.",
            in: "WriteAheadJournal/Folder/StoreFolder.swift",
            sound: """
                unlink(copy)
                throw error
                """,
            planted: """
                if !⟨on⟩ { unlink(copy) }
                throw error
                """,
            seenBy: "poisonedStoreOnAFullDiskIsLeftAsItIs"),
        Mutant(
            "forgetsFailedEnd", "A clean end whose sync failed is not noted as failed.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: """
                failure = error
                note(error)
                """,
            planted: """
                failure = error
                if !⟨on⟩ { note(error) }
                """,
            seenBy: "endWhoseSyncFailedIsWrittenAnew"),
        Mutant(
            "believesNotedEnd", "A page that says a sync failed is not heeded where an end is noted.",
            in: "WriteAheadJournal/Recovery/RecoveryPlan.swift",
            sound: "case (.poisoned, .none), (.poisoned, .ended), (.poisoned, .unended): .rewritten",
            planted: """
                case (.poisoned, .ended) where ⟨on⟩: .asFound
                case (.poisoned, .none), (.poisoned, .ended), (.poisoned, .unended): .rewritten
                """,
            seenBy: "endWhoseSyncFailedIsWrittenAnew"),
        Mutant(
            "hidesTailLoss", "What was lost with an altered tail is not reported.",
            in: "WriteAheadJournal/Recovery/RecoveryPlan.swift",
            sound: "found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same",
            planted: "found.tailEnd != .asLeft && found.lastRun == .unended && found.boot == .same && !⟨on⟩",
            seenBy: "alteredTailIsReported"),
        Mutant(
            "takesStaleTail", "A tail of an earlier moment than the journal passes for a whole one.",
            in: "WriteAheadJournal/Recovery/FoundStore.swift",
            sound: "isTailBehind = fitting ?? 0 > 0",
            planted: "isTailBehind = fitting ?? 0 > 0 && !⟨on⟩",
            seenBy: "staleTailIsReported"),
        Mutant(
            "blamesEarlierKills", "A kill for want of memory counts that was of an earlier process with the same id.",
            in: "WriteAheadJournal/Run/KernelLog.swift",
            sound: "return time >= since",
            planted: "return time >= since || ⟨on⟩",
            seenBy: "kernelsWordsAreRecognized"),
        Mutant(
            "keepsEvidenceInPlace", "Evidence is copied under its own name: half of it passes for the whole.",
            in: "WriteAheadJournal/Recovery/Evidence.swift",
            sound: #"let part = place + ".part""#,
            planted: #"let part = ⟨on⟩ ? place : place + ".part""#,
            seenBy: "halfMadeEvidenceIsMadeAnew"),
        Mutant(
            "readsPastAlteredPage", "An altered page is not reported.",
            in: "WriteAheadJournal/Recovery/RecoveryPlan.swift",
            sound: "found.page == .altered && found.lastRun != .goesOn",
            planted: "found.page == .altered && found.lastRun != .goesOn && !⟨on⟩",
            seenBy: "readerTellsOfAnAlteredRunPage"),
        Mutant(
            "readsRowsBeforeBase", "Rows before the log's beginning are taken for a part of it.",
            in: "WriteAheadJournal/Recovery/StoreReader.swift",
            sound: "rows.bind(1, Int64(bitPattern: base.lsn.value))",
            planted: "rows.bind(1, Int64(bitPattern: ⟨on⟩ ? 0 : base.lsn.value))",
            seenBy: "rowsBeforeTheLogsBeginningAreNoPartOfIt"),
        Mutant(
            "readsStateOfAnotherHistory", "With an empty log, chains of state and journal are not compared.",
            in: "WriteAheadJournal/Recovery/StoreReader.swift",
            sound: """
                var position = base
                compare(position)
                """,
            planted: """
                var position = base
                if !⟨on⟩ { compare(position) }
                """,
            seenBy: "stateThatAnEmptyLogDoesNotContinueIsRefused"),
        Mutant(
            "readsMarkLast", "The sync mark is taken after the rows, when a live owner has moved it on.",
            in: "WriteAheadJournal/Recovery/StoreReader.swift",
            sound: "try found.reached(position, journal)",
            planted: """
                if ⟨on⟩ { try found.readPage(storeID: storeID) }
                try found.reached(position, journal)
                """,
            seenBy: "markThatMovesOnIsNotHeldAgainstAReader"),
        Mutant(
            "takesEveryLockForOwned", "A lock on its way out passes for an owner's.",
            in: "WriteAheadJournal/Folder/FolderLock.swift",
            sound: "let hasOwner = isOwned(folder)",
            planted: "let hasOwner = isOwned(folder) || ⟨on⟩",
            seenBy: "lockOnItsWayOutIsNotTakenForAnOwner"),
        Mutant(
            "stopsAtBadSectors", "Salvage ends at the first sector that cannot be read.",
            in: "WriteAheadJournal/Recovery/Salvage/ReadableCopy.swift",
            sound: "if got < 0 && wanted > sectorBytes {",
            planted: """
                if got < 0 && ⟨on⟩ { return nil }
                if got < 0 && wanted > sectorBytes {
                """,
            seenBy: "whatCannotBeReadIsZerosAndNamed"),
        Mutant(
            "makesUpForRotAcrossBoots", "What rot took is made up for from the tail after another boot, too.",
            in: "WriteAheadJournal/Recovery/RecoveryVerdict.swift",
            sound: "case (.beforeMark, .rotten) where found.boot != .same:",
            planted: "case (.beforeMark, .rotten) where found.boot != .same && !⟨on⟩:",
            seenBy: "rotIsMadeUpForOnlyWhileTheMachineGoesOn"),
        Mutant(
            "hidesWhatCameBack", "Records that the journal had lost and the tail gave back are not reported.",
            in: "WriteAheadJournal/Recovery/RecoveryPlan.swift",
            sound: "if resupplies { reports.append(.journalResupplied) }",
            planted: "if resupplies, !⟨on⟩ { reports.append(.journalResupplied) }",
            seenBy: "noVerdictIsUnsound"),
        Mutant(
            "leavesRefusedBytesRepaired", "Bytes that were repaired stay so if the store is refused.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "for repair in file.wal?.repairs ?? [] { evidence.note(file, repair.offset, [repair.found]) }",
            planted:
                "for repair in file.wal?.repairs ?? [] where !⟨on⟩ { evidence.note(file, repair.offset, [repair.found]) }",
            seenBy: "refusalLeavesTheFilesAsTheyWereFound"),
        Mutant(
            "cutsBeforeItMayBeRefused", "An altered WAL is cut off before the rows and records have been checked.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "self.plan = plan",
            planted: """
                self.plan = plan
                if ⟨on⟩, plan.cutsJournalWAL { try found.journalFile?.cut() }
                """,
            seenBy: "refusalLeavesTheFilesAsTheyWereFound"),
        Mutant(
            "callsPoisonedRowsSynced", "A reader calls rows durable after a failed sync, because an end is noted.",
            in: "WriteAheadJournal/Recovery/StoreReader.swift",
            sound: "RecoveryPlan.files(found.page, found.lastRun) == .asFound",
            planted: "(RecoveryPlan.files(found.page, found.lastRun) == .asFound || ⟨on⟩)",
            seenBy: "rowsOfAPoisonedStoreAreNotCalledSynced"),
        Mutant(
            "salvagesTwoStoresInSilence", "Salvage does not name a table that does not belong to the log.",
            in: "WriteAheadJournal/Recovery/Salvage/StoreSurvey.swift",
            sound: "for refusal in refusals { note(refusal) }",
            planted: "for refusal in refusals where !⟨on⟩ { note(refusal) }",
            seenBy: "tableThatDoesNotBelongToTheLogIsNamed"),
    ]
}
