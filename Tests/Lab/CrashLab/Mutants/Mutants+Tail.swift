// Mutants in the mapped tail. The rule of the table: Mutant.swift.

extension Mutant {
    static let tail: [Mutant] = [
        Mutant(
            "takesTailOfAnyEpoch", "A tail of another run is taken.",
            in: "WriteAheadJournal/Tail/TailImage.swift",
            sound: "guard end.epoch == epoch else { return result }",
            planted: "guard end.epoch == epoch || ⟨on⟩ else { return result }",
            seenBy: "ringThatDoesNotContinueTheJournalGivesNothing"),
        Mutant(
            "takesTailOfAnyStore", "A tail of another store is taken.",
            in: "WriteAheadJournal/Tail/TailImage.swift",
            sound: "header.store == TailFormat.Header.hash(storeID),",
            planted: "header.store == TailFormat.Header.hash(storeID) || ⟨on⟩,",
            seenBy: "otherStoresFilesAndOtherVersionsAreNoTail"),
        Mutant(
            "takesAlteredTailRecords", "Checksums of the tail's records are not compared.",
            in: "WriteAheadJournal/Tail/TailImage.swift",
            sound: "Self.crc(of: bytes, after: chain, epoch: epoch, lsn: lsn) == crc",
            planted: "Self.crc(of: bytes, after: chain, epoch: epoch, lsn: lsn) == crc || ⟨on⟩",
            seenBy: "flippedBitIsNeverTakenForARecord"),
        Mutant(
            "keepsOldTailHeader", "The tail's header is not rewritten for a new run.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "try Self.populate(map, TailFormat.headerBytes + 8, path)",
            planted: """
                try Self.populate(map, TailFormat.headerBytes + 8, path)
                if ⟨on⟩ { return }
                """,
            seenBy: "killedStoreHasWhatOnlyTheTailHad", "earlierRunsRecordsAreGone"),
        Mutant(
            "writesNoAnchors", "The tail has no anchors.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "anchor(TailFormat.Anchor(position: start, lsn: lsn.value, chain: chain))",
            planted: """
                if !⟨on⟩ {
                    anchor(TailFormat.Anchor(position: start, lsn: lsn.value, chain: chain))
                }
                """,
            seenBy: "fileHasExactlyWhatWasPublished"),
        Mutant(
            "writesNoSkip", "The end of the ring is not marked as left empty.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "if start != before { store(UInt64(TailFormat.skip), data + Int(before & mask)) }",
            planted: "if start != before, !⟨on⟩ { store(UInt64(TailFormat.skip), data + Int(before & mask)) }",
            seenBy: "recordsThatMeetTheEndOfTheRing"),
        Mutant(
            "overwritesUndrained", "The tail's space is given out before it is drained.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "return floor(drained.load(ordering: .acquiring)) + UInt64(capacity)",
            planted: """
                if ⟨on⟩ { return floor(published.load(ordering: .acquiring)) + UInt64(capacity) }
                return floor(drained.load(ordering: .acquiring)) + UInt64(capacity)
                """,
            seenBy: "fullRingKeepsTheStripeOfItsOldestRecord", "ringThatIsOverrunLosesNothing"),
        Mutant(
            "givesOutOldestStripe", "The stripe of the oldest record, with its anchor, is given out.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "return floor(drained.load(ordering: .acquiring)) + UInt64(capacity)",
            planted: """
                if ⟨on⟩ { return drained.load(ordering: .acquiring) + UInt64(capacity) }
                return floor(drained.load(ordering: .acquiring)) + UInt64(capacity)
                """,
            seenBy: "fullRingKeepsTheStripeOfItsOldestRecord"),
        Mutant(
            "marksNothingPublished", "The tail's header does not say which record was published.",
            in: "WriteAheadJournal/Tail/Tail.swift",
            sound: "let slot = map + TailFormat.highWaterOffset + Int(lsn.value & 1) * 16",
            planted: """
                if ⟨on⟩ { return }
                let slot = map + TailFormat.highWaterOffset + Int(lsn.value & 1) * 16
                """,
            seenBy: "newestRecordsThatAreGoneAreMissed"),
        Mutant(
            "ignoresTailMark", "The tail's end is not compared with its mark.",
            in: "WriteAheadJournal/Tail/TailImage.swift",
            sound: "if highWater >= max(walk.lsn, end.lsn.value + 1) {",
            planted: "if highWater >= max(walk.lsn, end.lsn.value + 1), !⟨on⟩ {",
            seenBy: "newestRecordsThatAreGoneAreMissed", "alteredTailIsReported"),
        Mutant(
            "followsAnyAnchor", "An anchor is followed that leads where no run gets to.",
            in: "WriteAheadJournal/Tail/TailFormat.swift",
            sound: "let isPossible = position < 1 << 62 && lsn > 0",
            planted: "let isPossible = position < 1 << 62 && lsn > 0 || ⟨on⟩",
            seenBy: "anchorsThatLeadNowhereAreHarmless"),
        Mutant(
            "clearsNoPlaceForTail", "A folder in the tail's place, or half of a tail, stays in the way.",
            in: "WriteAheadJournal/Tail/TailFile.swift",
            sound: "guard case .mapped = verdict(folder: folder), hasPlace(path) else {",
            planted: "guard case .mapped = verdict(folder: folder), ⟨on⟩ || hasPlace(path) else {",
            seenBy: "storeOpensAndGoesOn"),
        Mutant(
            "notesNothingAlone", "A record that went by itself is not noted in the tail's mark.",
            in: "WriteAheadJournal/Commit/Committer+Batch.swift",
            sound: "if inflight.isOversize { tail.noteOversizeCommitted(inflight.batch.last) }",
            planted: "if inflight.isOversize, !⟨on⟩ { tail.noteOversizeCommitted(inflight.batch.last) }",
            seenBy: "transactionThatFoundTheRingFullIsNoLoss"),
    ]
}
