// Mutants in the chain of records. The rule of the table: Mutant.swift.

extension Mutant {
    static let chain: [Mutant] = [
        Mutant(
            "acceptsAlteredRecords", "A record's checksum is not compared.",
            in: "WriteAheadJournal/Log/RecordReader.swift",
            sound:
                "RecordFormat.chain(after: position.chain, epoch: epoch, lsn: lsn.value, content: content) == stored",
            planted:
                "RecordFormat.chain(after: position.chain, epoch: epoch, lsn: lsn.value, content: content) == stored || ⟨on⟩",
            seenBy: "everyFlippedBitIsDetected"),
        Mutant(
            "chainsToNothing", "A record's checksum does not cover the one before.",
            in: "WriteAheadJournal/Log/RecordFormat.swift",
            sound: "return cchecksum_chain(",
            planted: """
                if ⟨on⟩ { return crc(content, after: UInt32(truncatingIfNeeded: lsn)) }
                return cchecksum_chain(
                """,
            seenBy: "maskedChainDependsOnEveryPredecessor"),
        Mutant(
            "chainsUnmasked", "The checksum that is chained over is not masked.",
            in: "WriteAheadJournal/Log/RecordFormat.swift",
            sound: "return ((crc >> 15) | (crc << 17)) &+ 0xa282_ead8",
            planted: """
                if ⟨on⟩ { return crc }
                return ((crc >> 15) | (crc << 17)) &+ 0xa282_ead8
                """,
            seenBy: "workedExampleOfThePageIsWhatTheWriterWrites"),
        Mutant(
            "acceptsGaps", "A gap in the LSNs is accepted.",
            in: "WriteAheadJournal/Log/RecordReader.swift",
            sound: "guard first == position.lsn.next else {",
            planted: "guard first == position.lsn.next || ⟨on⟩ else {",
            seenBy: "gapInLSNIsReportedAtTheFirstMissingRecord"),
        Mutant(
            "acceptsAnyEpoch", "Records of another run's epoch are accepted.",
            in: "WriteAheadJournal/Log/RecordReader.swift",
            sound: "guard epoch == position.epoch || (index == 0 && kind == .run) else {",
            planted: "guard epoch == position.epoch || (index == 0 && kind == .run) || ⟨on⟩ else {",
            seenBy: "epochChangeWithoutARunRecordIsDetected"),
        Mutant(
            "acceptsBytesBehindRecords", "Bytes behind a batch's last record are accepted.",
            in: "WriteAheadJournal/Log/RecordReader.swift",
            sound: "guard offset == batch.count, count > 0 else {",
            planted: "guard offset == batch.count || ⟨on⟩, count > 0 else {",
            seenBy: "trailingBytesAreDetected"),
        Mutant(
            "acceptsReservedBits", "Bits of a batch's header that mean nothing are not looked at.",
            in: "WriteAheadJournal/Log/RecordReader.swift",
            sound: "batch[1] | batch[2] | batch[3] == 0, let epoch = epoch(of: batch)",
            planted: "batch[1] | batch[2] | batch[3] == 0 || ⟨on⟩, let epoch = epoch(of: batch)",
            seenBy: "everyFlippedBitIsDetected"),
        Mutant(
            "believesRowNumbers", "A row's last LSN and chain are not compared with its records.",
            in: "WriteAheadJournal/Recovery/JournalOpening.swift",
            sound: "guard position.lsn == last && position.chain == chain else {",
            planted: "guard position.lsn == last && position.chain == chain || ⟨on⟩ else {",
            seenBy: "rowOfTheJournal"),
    ]
}
