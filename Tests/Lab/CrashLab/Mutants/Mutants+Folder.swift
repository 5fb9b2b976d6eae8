// Mutants in the store's folder, its lock and its files. The rule of the table: Mutant.swift.

extension Mutant {
    static let folder: [Mutant] = [
        Mutant(
            "leavesParentUnsynced", "The folder around a new store is not synced.",
            in: "WriteAheadJournal/Folder/StoreFolder.swift",
            sound: "try Files.synchronize(path: parent, isFolder: true)",
            planted: "if !⟨on⟩ { try Files.synchronize(path: parent, isFolder: true) }",
            seenBy: "creationSyncsEachStepBeforeTheNext"),
        Mutant(
            "keepsUnsyncedStore",
            "A new store whose folder could not be synced stays, though it is reported as not made.",
            in: "WriteAheadJournal/Folder/StoreFolder.swift",
            sound: "made = path",
            planted: "if !⟨on⟩ { made = path }",
            seenBy: "storeWhoseFolderCannotBeSyncedIsNotMade"),
        Mutant(
            "createsWithoutExtra", "Databases are created without `synchronous=EXTRA`.",
            in: "WriteAheadJournal/Folder/StoreFolder.swift",
            sound: #"try connection.pragma("page_size", "4096", expect: "4096")"#,
            planted: """
                if ⟨on⟩ { try connection.execute("PRAGMA synchronous=FULL") }
                try connection.pragma("page_size", "4096", expect: "4096")
                """,
            seenBy: "creationSyncsEachStepBeforeTheNext"),
        Mutant(
            "takesNoLock", "It is not looked at whether the lock was got.",
            in: "WriteAheadJournal/Folder/FolderLock.swift",
            sound: "if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {",
            planted: "if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || ⟨on⟩ {",
            seenBy: "secondLockInTheProcessIsBusyNamingItself"),
        Mutant(
            "locksReplacedFile", "A lock file that was replaced meanwhile counts as locked.",
            in: "WriteAheadJournal/Folder/FolderLock.swift",
            sound: "if isStill(path, descriptor) {",
            planted: "if isStill(path, descriptor) || ⟨on⟩ {",
            seenBy: "fileReplacedBeforeItIsLockedIsNotTheLock"),
        Mutant(
            "leavesLockToChildren", "A forked child keeps the lock.",
            in: "WriteAheadJournal/Folder/FolderLock.swift",
            sound: "isKeptFromChildren = cfilesystem_close_in_children(descriptor) != 0",
            planted: "isKeptFromChildren = !⟨on⟩ && cfilesystem_close_in_children(descriptor) != 0",
            seenBy: "childThatOutlivesItsKilledOwnerDoesNotKeepTheStore"),
        Mutant(
            "overlooksFork", "A forked child is not told from its parent.",
            in: "WriteAheadJournal/Folder/ForkGuard.swift",
            sound: "if let word { return word.pointee == 0 }",
            planted: """
                if ⟨on⟩ { return false }
                if let word { return word.pointee == 0 }
                """,
            seenBy: "forkedChildIsRefusedAndDoesNoHarm"),
        Mutant(
            "publishesInChildren", "A child that comes out of a transaction's body publishes its changes.",
            in: "Backstay/Engine/StoreCore.swift",
            sound: "if fork.isForked { throw Self.forkedError }",
            planted: "if fork.isForked, !⟨on⟩ { throw Self.forkedError }",
            seenBy: "childForkedInsideATransactionIsRefusedAtItsEnd"),
        Mutant(
            "releasesInChildren", "A forked child that drops a snapshot takes a lock of its parent's threads.",
            in: "Backstay/StateStore+Snapshot.swift",
            sound: "if !fork.isForked { memory.release(view) }",
            planted: "if !fork.isForked || ⟨on⟩ { memory.release(view) }",
            seenBy: "forkedChildMayDropASnapshotBesideABusyWriter"),
        Mutant(
            "locksForeignFolders", "A lock file is made beside another program's journal.db.",
            in: "WriteAheadJournal/Recovery/StoreFolder+Foreign.swift",
            sound: #"guard !Files.exists(path + "/" + StateSchema.name) else { return }"#,
            planted: #"guard !Files.exists(path + "/" + StateSchema.name), !⟨on⟩ else { return }"#,
            seenBy: "databaseOfAnotherProgramIsLeftAlone"),
        Mutant(
            "cutsPathsAtZero", "A zero byte in a path cuts it short: the store comes to be elsewhere.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "guard !path.utf8.contains(0) else {",
            planted: "guard !path.utf8.contains(0) || ⟨on⟩ else {",
            seenBy: "pathWithAZeroByteIsRefused"),
        Mutant(
            "followsLinks", "A link with the name of a leftover is followed, and what it points to is emptied.",
            in: "WriteAheadJournal/System/Files.swift",
            sound: "return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR",
            planted: "return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR || ⟨on⟩",
            seenBy: "linkWithTheNameOfALeftoverIsNotFollowed"),
    ]
}
