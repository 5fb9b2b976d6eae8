// What recovery reads without SQLite between, each as a function of bytes that anybody may have written.
//
// The first byte of an input picks the subject, and whether right checksums are put into the input first
// (RecoveryFuzz+Checksums.swift). As they are, a fuzzer hardly ever gets behind the first one; with right ones it gets to
// all that follows, as rot would that a checksum did not see. An input is good when the call returns or throws. What it
// must not do is trap, read outside its bytes, or take for ever; and what a batch's reader accepts has to be within the
// batch.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

package enum RecoveryFuzz {
    package enum Subject: UInt8, CaseIterable, Sendable {
        case batch, tail, sqliteWAL, operations, importLine
    }

    private static let storeID = "fuzz"
    static let epoch: UInt64 = 7

    /// The bit of the first byte that has right checksums put in.
    package static let rightsChecksums: UInt8 = 0x80

    /// Plays one input. Empty ones are none.
    ///
    /// - Returns: whether the bytes were taken for what the subject reads, at least in part.
    @discardableResult
    package static func play(_ input: UnsafeRawBufferPointer) -> Bool {
        guard let first = input.first,
            let subject = Subject(rawValue: (first & ~rightsChecksums) % UInt8(Subject.allCases.count))
        else { return false }
        let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
        guard first & rightsChecksums != 0 else { return play(bytes, subject) }
        return withRightChecksums(bytes, subject).withUnsafeBytes { play($0, subject) }
    }

    private static func play(_ bytes: UnsafeRawBufferPointer, _ subject: Subject) -> Bool {
        switch subject {
        case .batch: return batch(bytes)
        case .tail: return tail(bytes)
        case .sqliteWAL: return sqliteWAL(bytes)
        case .operations: return operations(bytes) != nil
        case .importLine: return importLine(bytes)
        }
    }

    /// Plays inputs that are seeds with a few bytes altered, taken out or doubled.
    ///
    /// - Returns: how many were taken, at least in part.
    package static func playAltered(seed: UInt64, count: Int) -> Int {
        var random = SeededRandom(seed: seed)
        let seeds = seeds()
        var taken = 0
        for _ in 0..<count {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 1 {
                let at = Int.random(in: 1..<bytes.count, using: &random)
                let end = min(bytes.count, at + 8)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[at] = [0, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                case 2: bytes.removeSubrange(at..<end)
                default: bytes.insert(contentsOf: bytes[at..<end], at: at)
                }
            }
            if bytes.withUnsafeBytes(play) { taken += 1 }
        }
        return taken
    }

    private static func batch(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = ChainPosition(lsn: .zero, chain: 0, epoch: epoch)
        var taken = 0
        do {
            try RecordReader.read(bytes, first: LSN(1), position: &position) { record in
                taken += record.body.count
                precondition(taken <= bytes.count, "more was handed out than there is")
                _ = operations(record.body)
            }
            return true
        } catch {
            return taken > 0
        }
    }

    /// The input is the ring; anchor and header lead to its beginning. The least ring there is.
    private static func tail(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let capacity = TailFormat.capacityMin
        let anchor = TailFormat.Anchor(position: 0, lsn: 1, chain: 0).words(epoch: epoch)
        var file = TailFormat.Header(epoch: epoch, storeID: storeID, capacity: capacity).encoded
        file += [UInt8](repeating: 0, count: TailFormat.headerBytes + capacity - file.count)
        file.withUnsafeMutableBytes { file in
            for (index, word) in [anchor.0, anchor.1, anchor.2].enumerated() {
                file.storeBytes(
                    of: word.littleEndian, toByteOffset: TailFormat.anchorsOffset + index * 8, as: UInt64.self)
            }
            UnsafeMutableRawBufferPointer(rebasing: file[TailFormat.headerBytes...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(capacity)))
        }
        guard let image = TailImage(file, storeID: storeID) else {
            preconditionFailure("header and anchor are as the writer makes them")
        }
        let found = image.continuation(of: ChainPosition(lsn: .zero, chain: 0, epoch: epoch)).records
        guard !found.isEmpty else { return false }
        // What the ring gives is a batch that the journal's reader takes.
        var position = ChainPosition(lsn: .zero, chain: 0, epoch: epoch)
        var count = 0
        do {
            try found.bytes.withUnsafeBytes { batch in
                try RecordReader.read(batch, first: found.first, position: &position) { _ in count += 1 }
            }
        } catch {
            // A ring does not look at kinds: the reader does.
            return true
        }
        precondition(count == found.count, "the batch is not what the ring gave")
        return true
    }

    private static let walPath =
        "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/backstay-fuzz-\(getpid())"

    private static func sqliteWAL(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let descriptor = open(walPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0 && Files.writeAll(descriptor, bytes), "\(walPath) cannot be written")
        close(descriptor)
        guard let scan = WALScan.file(walPath) else { return false }
        precondition(scan.committedBytes + scan.discardedBytes <= bytes.count, "more is counted than there is")
        return scan.committedBytes > 0
    }

    private static func operations(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        do {
            try OperationCodec.read(bytes) { operation in
                taken += operation.name.count + operation.key.count + operation.value.count
            }
        } catch {
            return nil
        }
        precondition(taken <= bytes.count, "more was handed out than there is")
        return taken
    }

    private static func importLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(ValueCodingError) {
            _ = try JSONText.parseLine(bytes)
            return true
        } catch {
            precondition(error.position.map { $0 <= bytes.count } ?? true, "the error is behind the line's end")
            return false
        }
    }

    // MARK: Inputs to begin with

    /// What a writer makes, one input for each subject as it is, and one whose checksums are repaired.
    package static func seeds() -> [[UInt8]] {
        var body: [UInt8] = []
        for (key, value) in [("a", "1"), ("some/key", "a value"), ("b", "")] {
            Array(key.utf8).withUnsafeBytes { key in
                Array(value.utf8).withUnsafeBytes { value in
                    OperationCodec.appendSet(key: key, kind: ValueKind.string.rawValue, value: value, to: &body)
                }
            }
        }
        var batch = RecordBatch()
        var ring: [UInt8] = []
        var chain: UInt32 = 0
        for lsn in 1...3 {
            var record = RecordBatch()
            chain = batch.append(.changes, lsn: LSN(UInt64(lsn)), after: chain, epoch: epoch) { $0 += body }
            _ = record.append(.changes, lsn: LSN(UInt64(lsn)), after: 0, epoch: epoch) { $0 += body }
            // The record's own bytes, behind the batch's header, with the chain of the one above.
            var bytes = Array(record.bytes[RecordFormat.batchHeaderSize...])
            bytes.withUnsafeMutableBytes { $0.storeBytes(of: chain.littleEndian, toByteOffset: 4, as: UInt32.self) }
            ring += bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
        }
        batch.seal()
        let line = Array(#"{"key":"a/b","value":{"x":[1,2.5,"\u00e9",null,true]},"type":"json"}"#.utf8)
        let parts: [(Subject, [UInt8])] = [
            (.batch, batch.bytes), (.tail, ring), (.sqliteWAL, sqliteWAL()), (.operations, body), (.importLine, line),
        ]
        return parts.flatMap { [[$0.rawValue] + $1, [$0.rawValue | rightsChecksums] + $1] }
    }

    /// Three frames of 512 bytes, as SQLite would write them: https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
    private static func sqliteWAL() -> [UInt8] {
        func big(_ words: UInt32...) -> [UInt8] {
            words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        }
        var wal = big(0x377f_0683, 3_007_000, 512, 0, 1, 2, 0, 0)
        for page in 1...3 {
            wal += big(UInt32(page), page == 1 ? 0 : 3, 1, 2, 0, 0) + [UInt8](repeating: UInt8(page), count: 512)
        }
        return wal.withUnsafeBytes { withRightChecksums($0, .sqliteWAL) }
    }
}
