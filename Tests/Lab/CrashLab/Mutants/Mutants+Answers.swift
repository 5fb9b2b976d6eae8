// Mutants in what callers are told, and what they see. The rule of the table: Mutant.swift.

extension Mutant {
    static let answers: [Mutant] = [
        Mutant(
            "answersBeforeCommit", "Callers are answered before the commit.",
            [
                Edit(
                    in: "WriteAheadJournal/Commit/Committer+Waiters.swift",
                    sound: "package func waitDurable(_ lsn: LSN) throws(StoreError) {",
                    planted: """
                        package func waitDurable(_ lsn: LSN) throws(StoreError) {
                            if ⟨on⟩ { return }
                        """),
                Edit(
                    in: "WriteAheadJournal/Commit/Committer+Waiters.swift",
                    sound: "package func waitDurable(_ lsn: LSN) async throws(StoreError) {",
                    planted: """
                        package func waitDurable(_ lsn: LSN) async throws(StoreError) {
                            if ⟨on⟩ { return }
                        """),
            ],
            seenBy: "noAnswerComesBeforeTheCommit"),
        Mutant(
            "answersOneTooEarly", "Waiters are answered one LSN too early.",
            in: "WriteAheadJournal/Commit/Committer+Waiters.swift",
            sound: "if waiter.lsn <= durable {",
            planted: "if waiter.lsn <= (⟨on⟩ ? durable.next : durable) {",
            seenBy: "waiterBehindACommitGetsTheAnswerOfItsOwn"),
        Mutant(
            "answersFromMemory", "`.process` is answered at once where the tail ends with the process.",
            in: "WriteAheadJournal/Commit/Committer.swift",
            sound: """
                package func acknowledge(_ published: Published, _ level: Durability) throws(StoreError) -> Durability {
                    if level == .process && published.outlivesProcess { return .process }
                """,
            planted: """
                package func acknowledge(_ published: Published, _ level: Durability) throws(StoreError) -> Durability {
                    if level == .process && (published.outlivesProcess || ⟨on⟩) { return .process }
                """,
            seenBy: "processWaitsForTheCommitWhereNothingOutlivesTheProcess"),
        Mutant(
            "callsUnknownRejected", "A change whose commit failed is called rejected, though it may appear.",
            in: "WriteAheadJournal/Commit/Committer+Errors.swift",
            sound: """
                cause: error.cause, location: error.location,
                outcome: .unknown)
                """,
            planted: """
                cause: error.cause, location: error.location,
                outcome: ⟨on⟩ ? .rejected : .unknown)
                """,
            seenBy: "ioErrorIsUnknownAndNothingIsEverAppendedAgain"),
        Mutant(
            "callsAllOfAViewDurable", "A read-only store says that all it has seen is durable and folded.",
            in: "Backstay/Engine/StoreCore+Opening.swift",
            sound: "viewed: (min(durable, position.lsn), reader.stateMeta.checkpoint.lsn)",
            planted: "viewed: ⟨on⟩ ? nil : (min(durable, position.lsn), reader.stateMeta.checkpoint.lsn)",
            seenBy: "readerTellsWhatIsNotDurable"),
        Mutant(
            "publishesOnFullDisk", "A transaction that outgrows a full tail is published on a full disk, too.",
            in: "WriteAheadJournal/Commit/Committer.swift",
            sound: "if let stall = health.stall { throw stall }",
            planted: "if let stall = health.stall, !⟨on⟩ { throw stall }",
            seenBy: "transactionThatOutgrowsAFullTailOnAFullDiskIsRejected"),
        Mutant(
            "callsRoomPending",
            "Where only the room for a next commit is missing, a close says that changes are not durable.",
            in: "WriteAheadJournal/Commit/Committer+Close.swift",
            sound: "case .stalled(let error, _): reason = hasRecords ? Self.notYet(error) : nil",
            planted: "case .stalled(let error, _): reason = hasRecords || ⟨on⟩ ? Self.notYet(error) : nil",
            seenBy: "stopSaysNothingOfAShortageThatKeepsNothingFromTheDisk",
            "closingOnAFullDiskWithEverythingOnItDoesNotSpeakOfChanges"),
        Mutant(
            "syncsNothing", "`sync` returns at once.",
            in: "Backstay/Engine/StoreCore.swift",
            sound: "try committer.waitDurable(committer.last)",
            planted: """
                if ⟨on⟩ { return }
                try committer.waitDurable(committer.last)
                """,
            seenBy: "syncMakesEverythingAnsweredDurable"),
        Mutant(
            "appliesBeforeAdmission", "A change is seen before it is admitted, and stays when it is refused.",
            in: "Backstay/Engine/StoreCore.swift",
            sound: "let bytes = OperationCodec.setBytes(key: key.count, value: value.count)",
            planted: """
                if ⟨on⟩ {
                    memory.set(key: key, kind: kind.rawValue, value: value, of: lastPublished)
                }
                let bytes = OperationCodec.setBytes(key: key.count, value: value.count)
                """,
            seenBy: "aForeignWriteToTheTablePoisonsAndNothingIsTriedAgain"),
        Mutant(
            "appliesInsideBody", "A transaction's changes are seen at once, and stay when its body throws.",
            in: "Backstay/StateStore+Transaction.swift",
            sound: "try checkRoom(key.count + value.count)",
            planted: """
                try checkRoom(key.count + value.count)
                if ⟨on⟩ {
                    value.withUnsafeBytes { memory.set(key: key, kind: kind.rawValue, value: $0, of: memory.lastApplied) }
                }
                """,
            seenBy: "bodysErrorComesBackUnchangedAndNothingIsKept"),
        Mutant(
            "letsInBehindClose", "Who waited for the writer's lock is let in behind a close that has begun.",
            in: "Backstay/Engine/StoreCore.swift",
            sound: "if isOver { throw Self.closedError }",
            planted: "if isOver, !⟨on⟩ { throw Self.closedError }",
            seenBy: "nobodyIsLetInBehindACloseThatHasBegun"),
        Mutant(
            "forgetsExitByRefusedClose", "A close that is refused keeps the store from closing itself at exit.",
            in: "Backstay/StateStore.swift",
            sound: "defer { if core.isOver { exit?.cancel() } }",
            planted: "defer { if core.isOver || ⟨on⟩ { exit?.cancel() } }",
            seenBy: "storeWhoseCloseWasRefusedStillClosesAtExit"),
        Mutant(
            "takesAnyKey", "Keys that no call takes are taken from the log and the table.",
            in: "WriteAheadJournal/Log/OperationCodec.swift",
            sound: "!name.isEmpty || key.count >= 1 && key.count <= keyBytesMax && value.count <= valueBytesMax",
            planted: """
                !name.isEmpty || key.count >= 1 && key.count <= keyBytesMax && value.count <= valueBytesMax
                    || ⟨on⟩
                """,
            seenBy: "keysThatNoCallTakesAreDamage"),
        Mutant(
            "takesBlankPageForAltered", "What a power cut leaves of a page `run` in the making is reported as altered.",
            in: "WriteAheadJournal/Run/RunPage.swift",
            sound: "return try Files.contentsIfThere(path, limit: size)?.contains { $0 != 0 } ?? true",
            planted: """
                if ⟨on⟩ { return true }
                return try Files.contentsIfThere(path, limit: size)?.contains { $0 != 0 } ?? true
                """,
            seenBy: "blankRunPageIsAMissingOne"),
    ]
}
