// Faults that a test build can plant in the code, one at a time, to see that the tests notice: `lab mutants`.
//
// The rule: nothing is planted unless this module was compiled with -DPLANTED and the environment says which
// (BACKSTAY_PLANTED, read once). In any other build `isOn` is the constant false and nothing of a fault is left.
//
// Where a fault is read, the sound code stays in one piece: `guard isSound || Planted.fault.isOn`. Which tests must notice
// it: CrashLab/Mutants/MutantTable.swift. Each has a line of its own here, which the kill matrix in docs/testing.md quotes.

#if PLANTED
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif
#endif

package enum Planted: Sendable {
    // MARK: SQLite's settings

    /// Commits at `synchronous=NORMAL`: a power cut takes what was answered.
    case commitsAtNormal
    /// SQLite's automatic checkpoint is left on.
    case checkpointsByItself
    /// A connection that closes copies the SQLite WAL and removes it, also after a failed sync.
    case checkpointsOnClose
    /// SQLite's checkpoint lock is not held against other programs.
    case leavesCheckpointsToOthers
    /// A transaction whose body throws is not rolled back.
    case keepsFailedTransaction
    /// With `paranoidSectors` commits are not padded to whole sectors.
    case padsNothing
    /// A database that could be opened for reading only is taken for writing.
    case takesReadOnlyDatabase
    /// A parameter that SQLite had no memory to bind is NULL.
    case goesOnWithNULL
    /// A checkpoint that another program kept from beginning counts as a complete one.
    case takesNothingForAll
    /// A compaction of the journal writes without SQLite's checkpoint lock.
    case compactsBesideCheckpoints
    /// A compaction of the table writes without SQLite's checkpoint lock.
    case compactsTableBesideCheckpoints

    // MARK: SQLite's errors

    /// A read that failed is called damage.
    case callsFailedReadDamage
    /// A quota that is used up is taken for a broken disk, and poisons.
    case takesQuotaForBrokenDisk
    /// A file that cannot be made for want of space poisons.
    case poisonsWhereNoFileCanBeMade

    // MARK: Answers

    /// Callers are answered before the commit.
    case answersBeforeCommit
    /// Waiters are answered one LSN too early.
    case answersOneTooEarly
    /// `.process` is answered at once where the tail ends with the process.
    case answersFromMemory
    /// A change whose commit failed is called rejected, though it may appear.
    case callsUnknownRejected
    /// A read-only store says that all it has seen is durable and folded.
    case callsAllOfAViewDurable
    /// A transaction that outgrows a full tail is published on a full disk, too.
    case publishesOnFullDisk
    /// Where only the room for a next commit is missing, a close says that changes are not durable.
    case callsRoomPending

    // MARK: Commits and their errors

    /// A commit's error is ignored.
    case ignoresFailedCommit
    /// A failed sync does not poison: the next caller commits again.
    case goesOnAfterFailedSync
    /// A failed sync is tried again, as if it were a full disk.
    case retriesFailedSync
    /// The run's page does not say that a sync failed.
    case forgetsToNotePoison
    /// A commit that found the disk full counts as done.
    case takesFullDiskForDone
    /// A full disk poisons.
    case poisonsOnFullDisk
    /// The sync mark moves before the commit it speaks of.
    case marksBeforeCommit
    /// The sync mark is never moved.
    case forgetsSyncMark
    /// The tail's space is given back before the commit.
    case releasesTailBeforeCommit
    /// A record that goes by itself is committed in the place of those before it.
    case oversizeOvertakes
    /// Records are let into the tail behind one that goes by itself and is not committed.
    case admitsBehindOversize
    /// Writers are let in above the log's bound.
    case holdsNoLogBound
    /// Upkeep does not wait for the commit that is under way.
    case usesBackendBesideCommit
    /// Stopping leaves what is published uncommitted.
    case stopsWithoutDraining
    /// A clean end is noted though commits failed.
    case marksCleanEndAfterFailure
    /// A batch that is tried again is counted in the log's size at each try.
    case countsEveryTry
    /// A shortage does not wake the thread: it is tried again when some record is old.
    case leavesShortageToAge
    /// The thread that finds the backend taken waits to be called, which nobody does.
    case waitsToBeCalled
    /// A record that nobody waits for is not committed by its age.
    case forgetsAge
    /// A clean end is not noted where upkeep finds no room.
    case endsOnlyWithUpkeep
    /// Writers at the log's bound wait though a fold finds no space.
    case waitsForRoomThatCannotCome
    /// A commit that finds the disk full makes a poisoned journal a full one.
    case liftsPoison
    /// A file system that does not count its blocks is full.
    case takesUncountedForFull
    /// A clean end is not noted where only the room for a next commit is missing.
    case marksNoEndWithoutRoom
    /// A close goes by its first try, though the last one has committed all.
    case goesByFirstTry

    // MARK: The journal

    /// `data_version` of journal.db is not compared.
    case acceptsForeignWrites
    /// It is not seen that a file of the store was replaced.
    case acceptsReplacedFiles
    /// A trim takes one record more than it was told.
    case trimsOneRecordMore
    /// A `data_version` that changed is another program's writing, whatever the WAL's index says.
    case goesByVersionAlone
    /// A compaction whose end was not seen is taken for another program's writing.
    case takesCompactionForForeign
    /// With `paranoidSectors` a run goes on in the sector in which the last commit ends.
    case goesOnInLastSector

    // MARK: Descriptors

    /// It is not seen that SQLite's descriptors are another file's.
    case writesToAnyDescriptor
    /// Descriptors that are another file's are closed.
    case closesWhatIsNotItsOwn
    /// A file of the store takes the number of a standard stream that is closed.
    case takesStreamNumbers
    /// A journal that is closed keeps its statements, and with them its descriptors.
    case keepsStatements

    // MARK: The chain

    /// A record's checksum is not compared.
    case acceptsAlteredRecords
    /// A record's checksum does not cover the one before.
    case chainsToNothing
    /// The checksum that is chained over is not masked.
    case chainsUnmasked
    /// A gap in the LSNs is accepted.
    case acceptsGaps
    /// Records of another run's epoch are accepted.
    case acceptsAnyEpoch
    /// Bytes behind a batch's last record are accepted.
    case acceptsBytesBehindRecords
    /// Bits of a batch's header that mean nothing are not looked at.
    case acceptsReservedBits
    /// A row's last LSN and chain are not compared with its records.
    case believesRowNumbers

    // MARK: Examining the SQLite WAL

    /// A commit's padding counts as a commit of its own.
    case countsPadding
    /// A torn frame that differs in one byte of its sums is made whole.
    case mendsTornSums
    /// Of several bytes that explain the sums one is put right.
    case mendsTheUnsure
    /// Zeros in the header's place, over whole frames, are taken for rot.
    case takesZeroedHeaderForRot
    /// A header that does not check stays, and its salts are used again.
    case keepsTornHeader
    /// What a SQLite WAL that ends inside a frame has lost is not reported.
    case hidesCutFrames
    /// What is no file is opened like a database.
    case opensPipes
    /// SQLite is let near an empty database, whose WAL it deletes.
    case opensEmptyDatabases
    /// A header that was cleared for SQLite stays so where the opening fails.
    case leavesHeaderCleared
    /// A header that was cleared for SQLite stays so where a sound store is given up.
    case givesUpClearedHeader

    // MARK: Opening

    /// The journal's end is not compared with the sync mark.
    case ignoresSyncMark
    /// What only the tail has is not recovered.
    case ignoresTail
    /// Records of the tail are replayed, but not committed at the start.
    case keepsTailUncommitted
    /// After an unclean end what is there is not synced before it is built on.
    case settlesNothing
    /// After a failed sync the files are not rewritten.
    case keepsPoisonedFiles
    /// The end of the last run is judged, but not recorded.
    case forgetsEndOfLastRun
    /// What another run's page says about an end is believed.
    case believesPageOfAnotherRun
    /// A page of another store is believed.
    case believesPageOfAnotherStore
    /// A state newer than the journal is accepted.
    case takesNewerState
    /// A state older than the journal's beginning is accepted.
    case takesOlderState
    /// Chains of state and journal are not compared.
    case takesStateOfAnotherHistory
    /// A state.db of another store is accepted.
    case takesStateOfAnotherStore

    /// A tail or a page that cannot be read now is taken for one that is gone.
    case takesUnreadableForGone
    /// A pipe in the place of `tail` or `run` is waited at.
    case waitsAtPipes
    /// Numbers that no run gets to are believed.
    case believesAnyNumber
    /// A checkpoint before the newest one is believed that is behind it.
    case believesPreviousCheckpoint
    /// An opening whose commit failed does not say so in the page.
    case forgetsFailedOpening
    /// Half a copy of a database stays where rewriting it finds no space.
    case keepsHalfCopies
    /// A clean end whose sync failed is not noted as failed.
    case forgetsFailedEnd
    /// A page that says a sync failed is not heeded where an end is noted.
    case believesNotedEnd
    /// What was lost with an altered tail is not reported.
    case hidesTailLoss
    /// A tail of an earlier moment than the journal passes for a whole one.
    case takesStaleTail
    /// A kill for want of memory counts that was of an earlier process with the same id.
    case blamesEarlierKills
    /// Evidence is copied under its own name: half of it passes for the whole.
    case keepsEvidenceInPlace

    // MARK: Reading without opening

    /// An altered page is not reported.
    case readsPastAlteredPage
    /// Rows before the log's beginning are taken for a part of it.
    case readsRowsBeforeBase
    /// With an empty log, chains of state and journal are not compared.
    case readsStateOfAnotherHistory
    /// The sync mark is taken after the rows, when a live owner has moved it on.
    case readsMarkLast
    /// A lock on its way out passes for an owner's.
    case takesEveryLockForOwned
    /// Salvage ends at the first sector that cannot be read.
    case stopsAtBadSectors

    // MARK: The tail

    /// A tail of another run is taken.
    case takesTailOfAnyEpoch
    /// A tail of another store is taken.
    case takesTailOfAnyStore
    /// Checksums of the tail's records are not compared.
    case takesAlteredTailRecords
    /// The tail's header is not rewritten for a new run.
    case keepsOldTailHeader
    /// The tail has no anchors.
    case writesNoAnchors
    /// The end of the ring is not marked as left empty.
    case writesNoSkip
    /// The tail's space is given out before it is drained.
    case overwritesUndrained
    /// The segment of the oldest record, with its anchor, is given out.
    case givesOutOldestSegment
    /// The tail's header does not say which record was published.
    case marksNothingPublished
    /// The tail's end is not compared with its mark.
    case ignoresTailMark
    /// An anchor is followed that leads where no run gets to.
    case followsAnyAnchor
    /// A folder in the tail's place, or half of a tail, stays in the way.
    case clearsNoPlaceForTail
    /// A record that went by itself is not noted in the tail's mark.
    case notesNothingAlone

    // MARK: Folder, lock, fork

    /// The folder around a new store is not synced.
    case leavesParentUnsynced
    /// A new store whose folder could not be synced stays, though it is reported as not made.
    case keepsUnsyncedStore
    /// Databases are created without `synchronous=EXTRA`.
    case createsWithoutExtra
    /// It is not looked at whether the lock was got.
    case takesNoLock
    /// A lock file that was replaced meanwhile counts as locked.
    case locksReplacedFile
    /// A forked child keeps the lock.
    case leavesLockToChildren
    /// A forked child is not told from its parent.
    case overlooksFork
    /// A child that comes out of a transaction's body publishes its changes.
    case publishesInChildren
    /// A forked child that drops a snapshot takes a lock of its parent's threads.
    case releasesInChildren
    /// A lock file is made beside another program's journal.db.
    case locksForeignFolders
    /// A zero byte in a path cuts it short: the store comes to be elsewhere.
    case cutsPathsAtZero
    /// A link with the name of a leftover is followed, and what it points to is emptied.
    case followsLinks

    // MARK: state.db

    /// The log is trimmed up to the newest checkpoint.
    case trimsToNewestCheckpoint
    /// A fold does not move the checkpoint.
    case leavesCheckpointBehind
    /// A fold leaves out what was removed.
    case dropsRemovals
    /// A fold hands over keys with the same beginning in no order.
    case foldsUnsorted
    /// The table's digest is not compared.
    case skipsDigest
    /// The rows' checksums are not compared.
    case skipsRowChecksum
    /// `data_version` of state.db is not compared.
    case foldsOverForeignWrites
    /// A failed sync of state.db does not poison: the store goes on.
    case goesOnAfterFailedFold
    /// A fold into files that were taken away counts, and the log drops what it has.
    case foldsIntoTakenFiles
    /// A row whose hash is the old one's is not written, whatever its value.
    case goesByHashAlone
    /// A checkpoint that comes behind the close uses the files all the same.
    case usesClosedFiles

    // MARK: The store

    /// `sync` returns at once.
    case syncsNothing
    /// A change is seen before it is admitted, and stays when it is refused.
    case appliesBeforeAdmission
    /// A transaction's changes are seen at once, and stay when its body throws.
    case appliesInsideBody
    /// Who waited for the writer's lock is let in behind a close that has begun.
    case letsInBehindClose
    /// A close that is refused keeps the store from closing itself at exit.
    case forgetsExitByRefusedClose
    /// What a power cut leaves of a page `run` in the making is reported as altered.
    case takesBlankPageForAltered
    /// Keys that no call takes are taken from the log and the table.
    case takesAnyKey

    @inlinable @inline(__always) package var isOn: Bool {
        #if PLANTED
        return Self.chosen == self
        #else
        return false
        #endif
    }
}

#if PLANTED
extension Planted: CaseIterable {
    @usableFromInline package static let chosen: Planted? = {
        guard let name = getenv("BACKSTAY_PLANTED").map({ String(cString: $0) }) else { return nil }
        return allCases.first { "\($0)" == name }
    }()
}
#endif
