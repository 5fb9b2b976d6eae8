// Mutants in commits and their errors. The rule of the table: Mutant.swift.

extension Mutant {
    static let commits: [Mutant] = [
        Mutant(
            "ignoresFailedCommit", "A commit's error is ignored.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: """
                    shortage = try reserve()
                } catch {
                    failure = error
                """,
            planted: """
                    shortage = try reserve()
                } catch {
                    failure = error
                    if ⟨on⟩ { failure = nil }
                """,
            seenBy: "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant(
            "goesOnAfterFailedSync", "A failed sync does not poison: the next caller commits again.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "case .diskFull, .busy:",
            planted: """
                case .ioError where ⟨on⟩: break
                case .diskFull, .busy:
                """,
            seenBy: "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant(
            "retriesFailedSync", "A failed sync is tried again, as if it were a full disk.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "case .diskFull, .busy:",
            planted: """
                case .ioError where ⟨on⟩: health = .stalled(error, retryAt: 0)
                case .diskFull, .busy:
                """,
            seenBy: "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant(
            "forgetsToNotePoison", "The run's page does not say that a sync failed.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "page?.notePoisoned()",
            planted: "if !⟨on⟩ { page?.notePoisoned() }",
            seenBy: "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant(
            "takesFullDiskForDone", "A commit that found the disk full counts as done.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: """
                    shortage = try reserve()
                } catch {
                    failure = error
                """,
            planted: """
                    shortage = try reserve()
                } catch {
                    failure = error
                    if ⟨on⟩ && error.code == .diskFull { failure = nil }
                """,
            seenBy: "callerInBetweenGetsNotYetDurableAfterPatience"),
        Mutant(
            "poisonsOnFullDisk", "A full disk poisons.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "case .diskFull, .busy:",
            planted: """
                case .diskFull where ⟨on⟩: health = .poisoned(error)
                case .diskFull, .busy:
                """,
            seenBy: "whileTheDiskIsFullPowerIsRejectedAndProcessUntilTheTailIsFull"),
        Mutant(
            "marksBeforeCommit", "The sync mark moves before the commit it speaks of.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "try backend.append(inflight.batch)",
            planted: """
                if ⟨on⟩ { page?.markSynced(inflight.batch.last) }
                try backend.append(inflight.batch)
                """,
            seenBy: "syncMarkFollowsTheCommit", "markAndRingFollowTheCommit"),
        Mutant(
            "forgetsSyncMark", "The sync mark is never moved.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "page?.markSynced(inflight.batch.last)",
            planted: "if !⟨on⟩ { page?.markSynced(inflight.batch.last) }",
            seenBy: "syncMarkFollowsTheCommit"),
        Mutant(
            "releasesTailBeforeCommit", "The tail's space is given back before the commit.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "try backend.append(inflight.batch)",
            planted: """
                if ⟨on⟩ { tail.release(through: inflight.end) }
                try backend.append(inflight.batch)
                """,
            seenBy: "spaceOfACommitUnderWayIsNotGivenOut"),
        Mutant(
            "oversizeOvertakes", "A record that goes by itself is committed in the place of those before it.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound:
                "inflight.end = tail.copy(to: &inflight.batch, after: lsn, through: oversize?.end, bytesMax: tail.capacity / 2)",
            planted: """
                if ⟨on⟩, let oversize { tail.release(through: oversize.end) }
                inflight.end = tail.copy(to: &inflight.batch, after: lsn, through: oversize?.end, bytesMax: tail.capacity / 2)
                """,
            seenBy: "oversizeRecordsBetweenSmallOnes"),
        Mutant(
            "admitsBehindOversize",
            "Records are let into the tail behind one that goes by itself and is not committed.",
            in: "WriteAheadJournal/Commit/Committer.swift",
            sound: "let hasNoOversize = oversize == nil",
            planted: "let hasNoOversize = oversize == nil || ⟨on⟩",
            seenBy: "nothingIsAdmittedBehindARecordThatGoesByItself"),
        Mutant(
            "holdsNoLogBound", "Writers are let in above the log's bound.",
            in: "WriteAheadJournal/Commit/Committer.swift",
            sound: "guard logBytes >= logBound else { return (stall, oversize != nil) }",
            planted: "guard logBytes >= logBound, !⟨on⟩ else { return (stall, oversize != nil) }",
            seenBy: "boundThatCannotBeHeldRefusesWriters"),
        Mutant(
            "usesBackendBesideCommit", "Upkeep does not wait for the commit that is under way.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: """
                backendWaiters += 1
                while isCommitting { commitEnded.wait(lock) }
                """,
            planted: """
                backendWaiters += 1
                while isCommitting && !⟨on⟩ { commitEnded.wait(lock) }
                """,
            seenBy: "upkeepWaitsForTheCommitThatIsUnderWay"),
        Mutant(
            "stopsWithoutDraining", "Stopping leaves what is published uncommitted.",
            in: "WriteAheadJournal/Commit/Committer+Thread.swift",
            sound: "case .sound where hasRecords:",
            planted: "case .sound where hasRecords && !⟨on⟩:",
            seenBy: "stoppingCommitsWhatIsInTheRing", "stopCommitsWhatIsPending"),
        Mutant(
            "marksCleanEndAfterFailure", "A clean end is noted though commits failed.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: "if isSound, let end {",
            planted: "if isSound || ⟨on⟩, let end {",
            seenBy: "stopTriesOnceMoreAndTellsWhatIsNotDurable"),
        Mutant(
            "countsEveryTry", "A batch that is tried again is counted in the log's size at each try.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: "logBytes = logBytesBefore",
            planted: "if !⟨on⟩ { logBytes = logBytesBefore }",
            seenBy: "batchThatIsTriedAgainCountsOnceInTheLog"),
        Mutant(
            "leavesShortageToAge", "A shortage does not wake the thread: it is tried again when some record is old.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: """
                beginPatience()
                // It may be asleep until some record is old.
                work.signal()
                """,
            planted: """
                beginPatience()
                // It may be asleep until some record is old.
                if !⟨on⟩ { work.signal() }
                """,
            seenBy: "shortageWakesAThreadThatWaitsForAnOldRecord"),
        Mutant(
            "waitsToBeCalled", "The thread that finds the backend taken waits to be called, which nobody does.",
            in: "WriteAheadJournal/Commit/Committer+Thread.swift",
            sound: "work.wait(lock, until: look)",
            planted: "work.wait(lock, until: ⟨on⟩ ? .max : look)",
            seenBy: "tryingGoesOnAfterTheBackendWasUsedForSomethingElse"),
        Mutant(
            "forgetsAge", "A record that nobody waits for is not committed by its age.",
            in: "WriteAheadJournal/Commit/Committer+Thread.swift",
            sound: "if hasRecords && pendingSince == 0 { pendingSince = now }",
            planted: "if hasRecords && (pendingSince == 0 || ⟨on⟩) { pendingSince = now }",
            seenBy: "recordsNobodyWaitsForAreCommittedWhenTheyAreOld"),
        Mutant(
            "endsOnlyWithUpkeep", "A clean end is not noted where upkeep finds no room.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: "guard isHarmless else { throw error }",
            planted: "guard isHarmless, !⟨on⟩ else { throw error }",
            seenBy: "endIsMarkedWhereUpkeepFindsNoRoom"),
        Mutant(
            "waitsForRoomThatCannotCome", "Writers at the log's bound wait though a fold finds no space.",
            in: "WriteAheadJournal/Commit/Committer.swift",
            sound: "if let foldStall { throw foldStall }",
            planted: "if let foldStall, !⟨on⟩ { throw foldStall }",
            seenBy: "boundThatCannotBeHeldRefusesWriters"),
        Mutant(
            "liftsPoison", "A commit that finds the disk full makes a poisoned journal a full one.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "if case .poisoned = health { return }",
            planted: "if case .poisoned = health, !⟨on⟩ { return }",
            seenBy: "fullDiskBehindAFailureDoesNotLiftThePoison"),
        Mutant(
            "takesUncountedForFull", "A file system that does not count its blocks is full.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "guard statvfs(path, &space) == 0, space.f_blocks > 0 else {",
            planted: "guard statvfs(path, &space) == 0, space.f_blocks > 0 || ⟨on⟩ else {",
            seenBy: "fileSystemThatDoesNotCountIsNotFull"),
        Mutant(
            "marksNoEndWithoutRoom", "A clean end is not noted where only the room for a next commit is missing.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: "case .stalled: !hasRecords",
            planted: "case .stalled: !hasRecords && !⟨on⟩",
            seenBy: "stopSaysNothingOfAShortageThatKeepsNothingFromTheDisk"),
        Mutant(
            "goesByFirstTry", "A close goes by its first try, though the last one has committed all.",
            in: "Backstay/Engine/StoreCore+Close.swift",
            sound: "if reason == nil, end != nil, let checkpointer {",
            planted: """
                if ⟨on⟩ { failure = reason }
                if reason == nil, end != nil, let checkpointer {
                """,
            seenBy: "closingThatFindsRoomAtTheLastMomentIsClean"),
        Mutant(
            "acceptsForeignWrites", "`data_version` of journal.db is not compared.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: "guard !isForeign else {",
            planted: "guard !isForeign || ⟨on⟩ else {",
            seenBy: "shellThatWritesToALiveJournalPoisonsIt"),
        Mutant(
            "acceptsReplacedFiles", "It is not seen that a file of the store was replaced.",
            in: "WriteAheadJournal/SQLite/FileWatch.swift",
            sound: "guard files == nil || files == found else {",
            planted: "guard files == nil || files == found || ⟨on⟩ else {",
            seenBy: "commitToAFileThatWasTakenAwayIsNotAcknowledged"),
        Mutant(
            "trimsOneRecordMore", "A trim takes one record more than it was told.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: """
                    "SELECT first_lsn, last_lsn, chain, length(records) FROM journal WHERE last_lsn<=? ORDER BY first_lsn")
                rows.bind(1, Int64(bitPattern: lsn.value))
                """,
            planted: """
                    "SELECT first_lsn, last_lsn, chain, length(records) FROM journal WHERE last_lsn<=? ORDER BY first_lsn")
                rows.bind(1, Int64(bitPattern: (⟨on⟩ ? lsn.next : lsn).value))
                """,
            seenBy: "trimmedRecordsDoNotComeBackAndTheRestDo"),
        Mutant(
            "goesByVersionAlone",
            "A `data_version` that changed is another program's writing, whatever the WAL's index says.",
            in: "WriteAheadJournal/SQLite/ForeignWrites.swift",
            sound: "guard let commits, connection.commitsInWALIndex == commits else {",
            planted: "guard let commits, connection.commitsInWALIndex == commits, !⟨on⟩ else {",
            seenBy: "lockOfTheIndexThatIsNotToBeHadPasses"),
        Mutant(
            "takesCompactionForForeign", "A compaction whose end was not seen is taken for another program's writing.",
            in: "WriteAheadJournal/SQLite/ForeignWrites.swift",
            sound: "mutating func disregard() { isUnknown = true }",
            planted: "mutating func disregard() { isUnknown = !⟨on⟩ }",
            seenBy: "compactionWhoseEndIsNotSeenIsNoForeignWrite"),
        Mutant(
            "goesOnInLastSector", "With `paranoidSectors` a run goes on in the sector in which the last commit ends.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: "if paranoidSectors { try checkpointSQLiteIfPossible() }",
            planted: "if paranoidSectors, !⟨on⟩ { try checkpointSQLiteIfPossible() }",
            seenBy: "secondPowerCutDoesNotDamageTheCommitWhosePaddingTheFirstOneTook"),
        Mutant(
            "writesToAnyDescriptor", "It is not seen that SQLite's descriptors are another file's.",
            in: "WriteAheadJournal/SQLite/HeldFile.swift",
            sound: #"guard !descriptors.allSatisfy(\.isStillHeld) else { return }"#,
            planted: #"guard !descriptors.allSatisfy(\.isStillHeld), !⟨on⟩ else { return }"#,
            seenBy: "nothingIsWrittenIntoAFileThatHasTheStoresDescriptors", "descriptorsThatAreClosedPoison"),
        Mutant(
            "closesWhatIsNotItsOwn", "Descriptors that are another file's are closed.",
            in: "WriteAheadJournal/SQLite/SQLiteConnection.swift",
            sound: #"guard descriptors.allSatisfy(\.isStillHeld) else { return }"#,
            planted: #"guard descriptors.allSatisfy(\.isStillHeld) || ⟨on⟩ else { return }"#,
            seenBy: "nothingIsWrittenIntoAFileThatHasTheStoresDescriptors"),
        Mutant(
            "takesStreamNumbers", "A file of the store takes the number of a standard stream that is closed.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "guard descriptor >= 0, descriptor <= STDERR_FILENO else { return descriptor }",
            planted: "guard descriptor >= 0, descriptor <= STDERR_FILENO, !⟨on⟩ else { return descriptor }",
            seenBy: "printsDoNotGoIntoTheStoresFiles"),
        Mutant(
            "keepsStatements", "A journal that is closed keeps its statements, and with them its descriptors.",
            in: "WriteAheadJournal/SQLite/SQLiteJournal.swift",
            sound: "for statement in [begin, commit, rollback, insert, dataVersion] {",
            planted: "for statement in [begin, commit, rollback, insert, dataVersion] where !⟨on⟩ {",
            seenBy: "closedStoreHoldsNoDescriptor"),
    ]
}
