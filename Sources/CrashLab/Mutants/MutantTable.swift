// Which tests must notice which planted fault: the kill matrix as it is meant.
//
// The rule: every case of `Planted` and of `PlantedInHooks` has its line here, and each of the tests named must fail where
// the fault is planted, or at least one of them where there are several. A test that is not named does not count, even if
// it fails, too: a fault is noticed by the tests that are about it.

/// A planted fault, and the tests of which at least one must fail.
package struct Mutant: Sendable {
    package let fault: String
    package let tests: [String]

    init(_ fault: String, _ tests: String...) {
        self.fault = fault
        self.tests = tests
    }

    /// What the test bundle takes as its filter: these tests alone, whatever suite they are in.
    var filter: String { Self.filter(tests) }

    static func filter(_ tests: [String]) -> String { "/(\(tests.joined(separator: "|")))\\(" }

    package static let all = sqlite + answers + commits + chain + examination + opening + tail + folder + state + hooks

    private static let sqlite = [
        Mutant("commitsAtNormal", "writingConnectionHasEverySettingItNeeds"),
        Mutant("checkpointsByItself", "writingConnectionHasEverySettingItNeeds"),
        Mutant("checkpointsOnClose", "closeNeitherCopiesNorRemovesTheSQLiteWAL"),
        Mutant("leavesCheckpointsToOthers", "otherProgramsCannotCheckpointALiveStore"),
        Mutant("keepsFailedTransaction", "transactionThatThrowsLeavesNothing"),
        Mutant("padsNothing", "paranoidSectorsPadEachCommit"),
        Mutant("takesReadOnlyDatabase", "databaseThatIsOpenedForReadingOnlyIsRefused"),
        Mutant("goesOnWithNULL", "parameterThatIsNotBoundIsNoNULL"),
        Mutant("takesNothingForAll", "checkpointBesideAnotherOneHasCopiedNothing"),
        Mutant("compactsBesideCheckpoints", "compactionIsRefusedBesideACheckpointOfAnotherProgram"),
        Mutant("compactsTableBesideCheckpoints", "compactionOfTheTableIsRefusedBesideACheckpointOfAnotherProgram"),
        Mutant("callsFailedReadDamage", "readThatFailsIsNoDamage"),
        Mutant("takesQuotaForBrokenDisk", "quotaThatIsUsedUpIsAFullDisk"),
        Mutant("poisonsWhereNoFileCanBeMade", "fileThatCannotBeMadeForWantOfSpaceIsDiskFull"),
    ]

    private static let answers = [
        Mutant("answersBeforeCommit", "noAnswerComesBeforeTheCommit"),
        Mutant("answersOneTooEarly", "waiterBehindACommitGetsTheAnswerOfItsOwn"),
        Mutant("answersFromMemory", "processWaitsForTheCommitWhereNothingOutlivesTheProcess"),
        Mutant("callsUnknownRejected", "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant("callsAllOfAViewDurable", "readerTellsWhatIsNotDurable"),
        Mutant("publishesOnFullDisk", "transactionThatOutgrowsAFullTailOnAFullDiskIsRejected"),
        Mutant(
            "callsRoomPending", "stopSaysNothingOfAShortageThatKeepsNothingFromTheDisk",
            "closingOnAFullDiskWithEverythingOnItDoesNotSpeakOfChanges"),
        Mutant("syncsNothing", "syncMakesEverythingAnsweredDurable"),
        Mutant("appliesBeforeAdmission", "aForeignWriteToTheTablePoisonsAndNothingIsTriedAgain"),
        Mutant("appliesInsideBody", "bodysErrorComesBackUnchangedAndNothingIsKept"),
        Mutant("letsInBehindClose", "nobodyIsLetInBehindACloseThatHasBegun"),
        Mutant("forgetsExitByRefusedClose", "storeWhoseCloseWasRefusedStillClosesAtExit"),
        Mutant("takesAnyKey", "keysThatNoCallTakesAreDamage"),
        Mutant("takesBlankPageForAltered", "blankRunPageIsAMissingOne"),
    ]

    private static let commits = [
        Mutant("ignoresFailedCommit", "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant("goesOnAfterFailedSync", "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant("retriesFailedSync", "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant("forgetsToNotePoison", "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant("takesFullDiskForDone", "callerInBetweenGetsNotYetDurableAfterPatience"),
        Mutant("poisonsOnFullDisk", "whileTheDiskIsFullPowerIsRejectedAndProcessUntilTheTailIsFull"),
        Mutant("marksBeforeCommit", "syncMarkFollowsTheCommit", "markAndRingFollowTheCommit"),
        Mutant("forgetsSyncMark", "syncMarkFollowsTheCommit"),
        Mutant("releasesTailBeforeCommit", "spaceOfACommitUnderWayIsNotGivenOut"),
        Mutant("oversizeOvertakes", "oversizeRecordsBetweenSmallOnes"),
        Mutant("admitsBehindOversize", "nothingIsAdmittedBehindARecordThatGoesByItself"),
        Mutant("holdsNoLogBound", "boundThatCannotBeHeldRefusesWriters"),
        Mutant("usesBackendBesideCommit", "upkeepWaitsForTheCommitThatIsUnderWay"),
        Mutant("stopsWithoutDraining", "stoppingCommitsWhatIsInTheRing", "stopCommitsWhatIsPending"),
        Mutant("marksCleanEndAfterFailure", "stopTriesOnceMoreAndTellsWhatIsNotDurable"),
        Mutant("countsEveryTry", "batchThatIsTriedAgainCountsOnceInTheLog"),
        Mutant("leavesShortageToAge", "shortageWakesAThreadThatWaitsForAnOldRecord"),
        Mutant("waitsToBeCalled", "tryingGoesOnAfterTheBackendWasUsedForSomethingElse"),
        Mutant("forgetsAge", "recordsNobodyWaitsForAreCommittedWhenTheyAreOld"),
        Mutant("endsOnlyWithUpkeep", "endIsMarkedWhereUpkeepFindsNoRoom"),
        Mutant("waitsForRoomThatCannotCome", "boundThatCannotBeHeldRefusesWriters"),
        Mutant("liftsPoison", "fullDiskBehindAFailureDoesNotLiftThePoison"),
        Mutant("takesUncountedForFull", "fileSystemThatDoesNotCountIsNotFull"),
        Mutant("marksNoEndWithoutRoom", "stopSaysNothingOfAShortageThatKeepsNothingFromTheDisk"),
        Mutant("goesByFirstTry", "closingThatFindsRoomAtTheLastMomentIsClean"),
        Mutant("acceptsForeignWrites", "shellThatWritesToALiveJournalPoisonsIt"),
        Mutant("acceptsReplacedFiles", "commitToAFileThatWasTakenAwayIsNotAcknowledged"),
        Mutant("trimsOneRecordMore", "trimmedRecordsDoNotComeBackAndTheRestDo"),
        Mutant("goesByVersionAlone", "lockOfTheIndexThatIsNotToBeHadPasses"),
        Mutant("takesCompactionForForeign", "compactionWhoseEndIsNotSeenIsNoForeignWrite"),
        Mutant("goesOnInLastSector", "secondPowerCutDoesNotDamageTheCommitWhosePaddingTheFirstOneTook"),
        Mutant(
            "writesToAnyDescriptor", "nothingIsWrittenIntoAFileThatHasTheStoresDescriptors",
            "descriptorsThatAreClosedPoison"),
        Mutant("closesWhatIsNotItsOwn", "nothingIsWrittenIntoAFileThatHasTheStoresDescriptors"),
        Mutant("takesStreamNumbers", "printsDoNotGoIntoTheStoresFiles"),
        Mutant("keepsStatements", "closedStoreHoldsNoDescriptor"),
    ]

    private static let chain = [
        Mutant("acceptsAlteredRecords", "everyFlippedBitIsDetected"),
        Mutant("chainsToNothing", "maskedChainDependsOnEveryPredecessor"),
        Mutant("chainsUnmasked", "workedExampleOfThePageIsWhatTheWriterWrites"),
        Mutant("acceptsGaps", "gapInLSNIsReportedAtTheFirstMissingRecord"),
        Mutant("acceptsAnyEpoch", "epochChangeWithoutARunRecordIsDetected"),
        Mutant("acceptsBytesBehindRecords", "trailingBytesAreDetected"),
        Mutant("acceptsReservedBits", "everyFlippedBitIsDetected"),
        Mutant("believesRowNumbers", "rowOfTheJournal"),
    ]

    private static let examination = [
        Mutant("countsPadding", "paddingIsNoTransactionOfItsOwn"),
        Mutant("mendsTornSums", "tornFramesAreNotMadeWhole"),
        Mutant("mendsTheUnsure", "tornFramesAreNotMadeWhole", "oneAlteredByteIsFoundAgain"),
        Mutant("takesZeroedHeaderForRot", "zeroedHeaderOverFramesIsReportedAndIsNoProof"),
        Mutant("keepsTornHeader", "saltsOfATornHeaderAreNotUsedAgain"),
        Mutant("hidesCutFrames", "sqliteWALCutAnywhereIsAPrefixOrDamageThatNamesTheFirstLostRecord"),
        Mutant("opensPipes", "whatIsNoFileIsDamage"),
        Mutant("opensEmptyDatabases", "whatIsNoFileIsDamage"),
        Mutant("leavesHeaderCleared", "headerThatIsMissedStaysAsItWasFound"),
        Mutant("givesUpClearedHeader", "tornHeaderIsPutBackWhereTheOpeningIsGivenUp"),
    ]

    private static let opening = [
        Mutant("ignoresSyncMark", "newestRowsDeletedIsDamageByTheSyncMark"),
        Mutant("ignoresTail", "killedStoreHasWhatOnlyTheTailHad"),
        Mutant("keepsTailUncommitted", "killedStoreHasWhatOnlyTheTailHad"),
        Mutant("settlesNothing", "recoverySyncsWhatItFoundBeforeItWrites"),
        Mutant("keepsPoisonedFiles", "poisonedStoreIsRewrittenIntoNewFiles"),
        Mutant("forgetsEndOfLastRun", "endOfAKilledRunIsJudgedOnceAndKept"),
        Mutant("believesPageOfAnotherRun", "pageOfAnEarlierRunCountsForItsSyncMarkOnly"),
        Mutant("believesPageOfAnotherStore", "pageThatIsMissingOrNoPageIsHarmless"),
        Mutant("takesNewerState", "stateNewerThanTheJournalIsDamage"),
        Mutant("takesOlderState", "stateTwoCheckpointsOldIsDamage"),
        Mutant("takesStateOfAnotherHistory", "stateOfAnotherHistoryOfTheStoreIsDamage"),
        Mutant("takesStateOfAnotherStore", "stateOfAnotherStoreIsNamedAsSuch"),
        Mutant("takesUnreadableForGone", "fileThatCannotBeReadNowEndsTheOpening"),
        Mutant("waitsAtPipes", "storeOpensAndGoesOn"),
        Mutant("believesAnyNumber", "numbersThatCannotBeAreDamage", "numbersOfTheTableThatCannotBeAreDamage"),
        Mutant("believesPreviousCheckpoint", "numbersOfTheTableThatCannotBeAreDamage"),
        Mutant("forgetsFailedOpening", "openingWhoseSyncFailedIsWrittenAnew"),
        Mutant("keepsHalfCopies", "poisonedStoreOnAFullDiskIsLeftAsItIs"),
        Mutant("forgetsFailedEnd", "endWhoseSyncFailedIsWrittenAnew"),
        Mutant("believesNotedEnd", "endWhoseSyncFailedIsWrittenAnew"),
        Mutant("hidesTailLoss", "alteredTailIsReported"),
        Mutant("takesStaleTail", "staleTailIsReported"),
        Mutant("blamesEarlierKills", "kernelsWordsAreRecognized"),
        Mutant("keepsEvidenceInPlace", "halfMadeEvidenceIsMadeAnew"),
        Mutant("readsPastAlteredPage", "readerTellsOfAnAlteredRunPage"),
        Mutant("readsRowsBeforeBase", "rowsBeforeTheLogsBeginningAreNoPartOfIt"),
        Mutant("readsStateOfAnotherHistory", "stateThatAnEmptyLogDoesNotContinueIsRefused"),
        Mutant("readsMarkLast", "markThatMovesOnIsNotHeldAgainstAReader"),
        Mutant("takesEveryLockForOwned", "lockOnItsWayOutIsNotTakenForAnOwner"),
        Mutant("stopsAtBadSectors", "whatCannotBeReadIsZerosAndNamed"),
    ]

    private static let tail = [
        Mutant("takesTailOfAnyEpoch", "ringThatDoesNotContinueTheJournalGivesNothing"),
        Mutant("takesTailOfAnyStore", "otherStoresFilesAndOtherVersionsAreNoTail"),
        Mutant("takesAlteredTailRecords", "flippedBitIsNeverTakenForARecord"),
        Mutant("keepsOldTailHeader", "killedStoreHasWhatOnlyTheTailHad", "earlierRunsRecordsAreGone"),
        Mutant("writesNoAnchors", "fileHasExactlyWhatWasPublished"),
        Mutant("writesNoSkip", "recordsThatMeetTheEndOfTheRing"),
        Mutant("overwritesUndrained", "fullRingKeepsTheSegmentOfItsOldestRecord", "ringThatIsOverrunLosesNothing"),
        Mutant("givesOutOldestSegment", "fullRingKeepsTheSegmentOfItsOldestRecord"),
        Mutant("marksNothingPublished", "newestRecordsThatAreGoneAreMissed"),
        Mutant("ignoresTailMark", "newestRecordsThatAreGoneAreMissed", "alteredTailIsReported"),
        Mutant("followsAnyAnchor", "anchorsThatLeadNowhereAreHarmless"),
        Mutant("clearsNoPlaceForTail", "storeOpensAndGoesOn"),
        Mutant("notesNothingAlone", "transactionThatFoundTheRingFullIsNoLoss"),
    ]

    private static let folder = [
        Mutant("leavesParentUnsynced", "creationSyncsEachStepBeforeTheNext"),
        Mutant("keepsUnsyncedStore", "storeWhoseFolderCannotBeSyncedIsNotMade"),
        Mutant("createsWithoutExtra", "creationSyncsEachStepBeforeTheNext"),
        Mutant("takesNoLock", "secondLockInTheProcessIsBusyNamingItself"),
        Mutant("locksReplacedFile", "fileReplacedBeforeItIsLockedIsNotTheLock"),
        Mutant("leavesLockToChildren", "childThatOutlivesItsKilledOwnerDoesNotKeepTheStore"),
        Mutant("overlooksFork", "forkedChildIsRefusedAndDoesNoHarm"),
        Mutant("publishesInChildren", "childForkedInsideATransactionIsRefusedAtItsEnd"),
        Mutant("releasesInChildren", "forkedChildMayDropASnapshotBesideABusyWriter"),
        Mutant("locksForeignFolders", "databaseOfAnotherProgramIsLeftAlone"),
        Mutant("cutsPathsAtZero", "pathWithAZeroByteIsRefused"),
        Mutant("followsLinks", "linkWithTheNameOfALeftoverIsNotFollowed"),
    ]

    private static let state = [
        Mutant("trimsToNewestCheckpoint", "stateOneCheckpointOldIsRepairedByReplay"),
        Mutant("leavesCheckpointBehind", "foldedStateAndTheRestOfTheLogAreTheWhole"),
        Mutant("dropsRemovals", "tableIsWhatADictionaryHolds"),
        Mutant("foldsUnsorted", "everyFoldIsWhatADictionaryHolds"),
        Mutant("skipsDigest", "rowOfTheState"),
        Mutant("skipsRowChecksum", "rowOfTheState"),
        Mutant("foldsOverForeignWrites", "foldIsRefusedAfterAForeignWrite"),
        Mutant("goesOnAfterFailedFold", "aForeignWriteToTheTablePoisonsAndNothingIsTriedAgain"),
        Mutant("foldsIntoTakenFiles", "foldIntoFilesThatWereTakenAwayDoesNotCount"),
        Mutant("goesByHashAlone", "valueWithTheHashOfTheOneBeforeIsFoldedAllTheSame"),
        Mutant("usesClosedFiles", "upkeepThatComesBehindTheCloseIsRefused"),
    ]

    private static let hooks = [
        Mutant("runsFirstRegisteredFirst", "returnFromMainRunsHooksLastRegisteredFirst"),
        Mutant("runsHooksTwice", "exitRunsHooksAndKeepsItsStatus"),
        Mutant("ignoresBudget", "hangingHookIsAbandonedAfterItsBudget"),
        Mutant("keepsHooksInChildren", "forkedChildRunsOnlyItsOwnHooks"),
        Mutant("movesDeadlineOfHooks", "hookThatSetsALongerDeadlineDoesNotStopTheOthers"),
        Mutant("waitsAwayFinalizersTime", "storeClosesThoughAHookOfAScopeHangs"),
        Mutant("holdsExitsOwnThread", "hookThatHangsOnTheExitThreadDoesNotHoldExit"),
        Mutant("listsGateOnce", "exitFromManyThreadsAtOnceRunsEachHookOnce"),
        Mutant("flushesUnderSIGPIPE", "stdoutWhoseReaderIsGoneDoesNotChangeTheEnd"),
        Mutant("ignoresSecondSignal", "sameSignalAgainKillsWhileAHookBlocks"),
        Mutant("forgetsPreviousHandler", "removalRestoresThePreviousHandler"),
        Mutant("takesOverIgnored", "ignoredOnEntryStaysIgnored"),
        Mutant("marksNoCrash", "crashMarksItsSignalAndDiesByIt"),
        Mutant("keepsSignalOfScope", "signalThatAScopeHasDealtWithIsNotWhatEndedTheProcess"),
        Mutant("interruptsSystemCalls", "systemCallsGoOnAfterAFatalSignalThatEndsNothing"),
        Mutant("blocksSIGPROF", "ownThreadsDoNotBlockSIGPROF"),
    ]
}

/// The planted faults as their source lists them, with the line that says what each is.
package enum PlantedSource {
    package static let files = ["Sources/WriteAheadJournal/Planted.swift", "Sources/ExitHooks/Planted.swift"]

    /// Of one source file's text.
    package static func faults(_ text: String) -> [(name: String, what: String)] {
        var faults: [(name: String, what: String)] = []
        var what = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.drop { $0 == " " }
            if words.hasPrefix("/// ") {
                what = String(words.dropFirst(4))
            } else if words.hasPrefix("case ") {
                faults.append((String(words.dropFirst(5)), what))
                what = ""
            } else {
                what = ""
            }
        }
        return faults
    }
}
