// A reader for the attack's controls. It takes a store as SQLite and the lengths of records give it, and compares neither
// checksum nor chain nor witness.
//
// It reads a store whole that was not altered (`naiveReaderReadsWholeStores`). What it gets wrong of an altered one shows
// that the cases do alter what is read, and that their judge sees it. Layouts: docs/format.md, docs/tail.md.
//
// Why the pointers are right: the connection lives as long as its object, a statement as long as its call.

internal import CSQLite
internal import Drill
internal import WriteAheadJournal

struct RotNaiveReader {
    struct Unreadable: Error {
        var what: String
    }

    private(set) var rows: [String: String] = [:]
    /// The last record that is in `rows`.
    private var last: UInt64 = 0

    /// Reads the store in a folder that nobody else has.
    init(_ folder: String, takesTail: Bool = true) throws {
        let table = try RotNaiveDatabase(folder + "/state.db")
        try table.each("SELECT key, type, value FROM state") { row in
            let word =
                switch row.text(1) {
                case "int": ChangeValue.int(row.int(2)).word
                case "string": ChangeValue.text(row.text(2)).word
                case let other: "\(other):"
                }
            rows[row.text(0)] = word
        }
        var checkpoint: UInt64 = 0
        try table.each("SELECT value FROM meta WHERE key='checkpoint_lsn'") { row in
            checkpoint = UInt64(bitPattern: Int64(row.int(0)))
        }
        last = checkpoint
        try RotNaiveDatabase(folder + "/journal.db").each("SELECT first_lsn, records FROM journal ORDER BY first_lsn") {
            row in
            let first = UInt64(bitPattern: Int64(row.int(0)))
            try row.bytes(1).withUnsafeBytes { try takeBatch($0, first: first) }
        }
        if takesTail { try Files.contents(folder + "/tail")?.withUnsafeBytes { try takeTail($0) } }
    }

    private mutating func takeBatch(_ batch: UnsafeRawBufferPointer, first: UInt64) throws {
        var at = RecordFormat.batchHeaderSize
        var lsn = first
        while let content = Self.content(batch, at) {
            try take(content, lsn)
            lsn &+= 1
            at += RecordFormat.recordHeaderSize + content.count
        }
    }

    private mutating func takeTail(_ file: UnsafeRawBufferPointer) throws {
        guard file.count > TailFormat.headerBytes else { return }
        func word(_ at: Int) -> UInt64 { UInt64(littleEndian: file.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
        let data = UnsafeRawBufferPointer(rebasing: file[TailFormat.headerBytes...])
        var begin: (position: UInt64, lsn: UInt64) = (0, 0)
        for number in 0..<TailFormat.stripes {
            let place = TailFormat.anchorsOffset + number * 32
            let anchor = (position: word(place), lsn: word(place + 8))
            if anchor.lsn > begin.lsn && anchor.lsn <= last &+ 1 { begin = anchor }
        }
        guard begin.lsn > 0 else { return }
        var at = Int(begin.position % UInt64(data.count))
        var lsn = begin.lsn
        // To the ring's end: no store of the row comes round.
        while let content = Self.content(data, at) {
            try take(content, lsn)
            lsn &+= 1
            at += (RecordFormat.recordHeaderSize + content.count + 7) & ~7
        }
    }

    /// Kind and body of the record at a place, by its length alone.
    private static func content(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UnsafeRawBufferPointer? {
        let begin = at + RecordFormat.recordHeaderSize
        guard begin < bytes.count else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        guard length >= 1, length <= bytes.count - begin else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + length])
    }

    private mutating func take(_ content: UnsafeRawBufferPointer, _ lsn: UInt64) throws {
        guard lsn > last else { return }
        last = lsn
        guard content[0] == RecordKind.changes.rawValue else { return }
        try OperationCodec.read(UnsafeRawBufferPointer(rebasing: content[1...])) { operation in
            let key = String(decoding: operation.key, as: UTF8.self)
            let value = operation.value
            switch (operation.code, ValueKind(rawValue: operation.kind)) {
            case (.remove, _): rows[key] = nil
            case (_, .int) where value.count == 8:
                rows[key] = ChangeValue.int(value.loadUnaligned(as: Int.self)).word
            case (_, .string): rows[key] = ChangeValue.text(String(decoding: value, as: UTF8.self)).word
            default: rows[key] = "kind \(operation.kind)"
            }
        }
    }
}
