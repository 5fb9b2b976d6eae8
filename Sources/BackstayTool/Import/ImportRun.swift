#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

/// One import under way.
struct ImportRun {
    let store: StateStore
    let input: ImportInput
    let out: Output
    let job: String?
    let durability: Durability
    let acknowledges: Bool
    let json: Bool

    private var position = ImportPosition()
    private var resumedAt = 0
    private var setCount = 0
    private var removedCount = 0
    private var lastLSN = LSN.zero
    private var progress = ImportProgress()
    /// The line being read, its buffers used again.
    private var line = ImportLine()
    /// The keys of a batch, escaped, one behind the other, and where each ends.
    private var ackKeys: [UInt8] = []
    private var ackEnds: [Int] = []

    init(
        store: StateStore, input: ImportInput, out: Output, job: String?, durability: Durability,
        acknowledges: Bool,
        json: Bool
    ) {
        self.store = store
        self.input = input
        self.out = out
        self.job = job
        self.durability = durability
        self.acknowledges = acknowledges
        self.json = json
    }

    mutating func perform(resuming: Bool) throws {
        defer { progress.clear() }
        if resuming, let job, let last = try ImportPosition.of(job: job, in: store) {
            position = try ImportPosition.advance(input, to: last, job: job)
            resumedAt = position.linesBegun
        }
        while true {
            while try importBatch() {}
            if input.isAtEnd { break }
            progress.show(setCount + removedCount)
            try input.fill()
        }
    }

    /// Imports the lines at hand, up to a batch.
    ///
    /// - Returns: false where there was nothing at hand.
    /// - Throws: what is wrong with a line; those before it are imported then.
    private mutating func importBatch() throws -> Bool {
        var batch = Batch(position: position)
        ackKeys.removeAll(keepingCapacity: true)
        ackEnds.removeAll(keepingCapacity: true)
        let receipt: StateStore.Receipt
        do {
            receipt = try store.transaction(durability: durability) { transaction in
                while batch.rejection == nil, batch.position.bytes - position.bytes < ImportInput.batchBytes {
                    let wasTaken: Void? = try input.nextLine { try take($0, &batch, transaction) }
                    if wasTaken == nil { break }
                }
                if batch.changes > 0, let job {
                    let stored = try batch.position.encoded()
                    try transaction.setNamed(ImportPosition.stateName, job, stored.kind, stored.bytes)
                }
            }.receipt
        } catch let error as StoreError {
            var failure = Failure(error)
            failure.status = .failed
            failure.message = "\(input.name): behind line \(position.lines): \(failure.message)"
            failure.details.append(("line", .count(position.lines)))
            throw failure
        }
        let isProgress = batch.position.bytes > position.bytes
        position = batch.position
        setCount += batch.sets
        removedCount += batch.changes - batch.sets
        if batch.changes > 0 {
            lastLSN = receipt.lsn
            if acknowledges { try acknowledge(receipt.lsn) }
        }
        if let rejection = batch.rejection { throw rejection }
        return isProgress
    }

    /// What a transaction is made of.
    private struct Batch {
        var position: ImportPosition
        var sets = 0
        var changes = 0
        var rejection: Failure?
    }

    /// Makes one line part of the transaction, or refuses it.
    private mutating func take(
        _ text: UnsafeRawBufferPointer, _ batch: inout Batch, _ transaction: StateStore.Transaction
    ) throws {
        guard text.contains(where: { !Self.isSpace($0) }) else { return batch.position.consume(text) }
        do {
            try JSONText.parseLine(text, into: &line)
            if let kind = line.kind {
                guard line.value.count <= NativeValue.bytesMax else {
                    throw ValueCodingError(.valueOutOfBounds, "a value may have \(NativeValue.bytesMax) bytes")
                }
                try transaction.setStored(line.key, kind, line.value)
                batch.sets += 1
            } else {
                try transaction.removeStored(line.key)
            }
        } catch let error as ValueCodingError {
            batch.rejection = rejection(of: batch, error.message, at: error.position)
            return
        } catch let error as StoreError where error.code == .keyOutOfBounds || error.code == .valueOutOfBounds {
            batch.rejection = rejection(of: batch, error.message, at: nil)
            return
        }
        batch.changes += 1
        if acknowledges {
            line.key.withUnsafeBytes { ackKeys.append(contentsOf: JSON.escapedKey($0)) }
            ackEnds.append(ackKeys.count)
        }
        batch.position.consume(text)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }

    private func rejection(of batch: Batch, _ why: String, at offset: Int?) -> Failure {
        let number = batch.position.lines + 1
        var details: [(String, JSON)] = [("line", .count(number))]
        var place = ""
        if let offset {
            details.append(("column", .count(offset + 1)))
            place = ", byte \(offset + 1)"
        }
        return Failure(
            .failed, "malformedLine",
            "\(input.name): line \(number)\(place): \(why); the lines before it are imported\(job == nil ? "" : ", correct it and --resume")",
            details)
    }

    private func acknowledge(_ lsn: LSN) throws {
        let head = Array((json ? "{\"ack\":\(lsn),\"key\":" : "ack \(lsn) ").utf8)
        var start = 0
        for end in ackEnds {
            try out.add(head)
            try out.add(ackKeys[start..<end])
            if json { try out.add(CollectionOfOne(UInt8(ascii: "}"))) }
            try out.add(CollectionOfOne(UInt8(ascii: "\n")))
            start = end
        }
        try out.flush()
    }

    var summary: JSON {
        [
            "imported": .count(setCount + removedCount), "set": .count(setCount), "removed": .count(removedCount),
            "resumedAt": .count(resumedAt), "lastLSN": .uint(lastLSN.value),
        ]
    }

    var summaryText: String {
        var text = "imported \(TextForm.counted(setCount + removedCount, "line"))"
        if removedCount > 0 { text += " (\(setCount) set, \(removedCount) removed)" }
        if resumedAt > 0 { text += ", \(resumedAt) were imported before" }
        return text
    }
}
#endif
