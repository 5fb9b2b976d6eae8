// One row of the table `state`: how a stored value becomes SQL and is read back.
//
// The rule: a row's `crc` is XXH64 over the operation that would set it (Operation.swift: code, name, key, kind,
// value). So the row no longer matches if any of its columns was altered.
//
// On disk, the kinds are stored as:
// - int: INTEGER
// - uint: TEXT, decimal
// - double, date: REAL
// - bool: INTEGER 0 or 1
// - string, json: TEXT
// - bytes: BLOB
// - uuid: TEXT, upper case with dashes

/// Binding, reading and hashing of a row's value.
enum StateRow {
    /// Binds type and value at the two indices. The bytes must outlive the step.
    static func bind(
        _ statement: SQLiteStatement, type typeIndex: Int32, value valueIndex: Int32, kind: ValueKind,
        bytes: UnsafeRawBufferPointer
    ) {
        statement.bind(typeIndex, kind.name)
        switch kind {
        case .int: statement.bind(valueIndex, Int64(bitPattern: word(bytes)))
        case .uint: statement.bind(valueIndex, String(word(bytes)))
        case .double, .date: statement.bind(valueIndex, Double(bitPattern: word(bytes)))
        case .bool: statement.bind(valueIndex, Int64(bytes.first ?? 0))
        case .string, .json: statement.bindText(valueIndex, borrowed: bytes)
        case .bytes: statement.bindBlob(valueIndex, borrowed: bytes)
        case .uuid: statement.bind(valueIndex, uuidText(bytes))
        }
    }

    /// Reads type and value and appends the stored bytes; nil if type and value do not fit each other.
    static func read(
        _ statement: SQLiteStatement, type typeIndex: Int32, value valueIndex: Int32, into bytes: inout [UInt8]
    ) -> ValueKind? {
        guard let kind = kind(statement.bytes(typeIndex)) else { return nil }
        func append(_ word: UInt64) {
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        switch kind {
        case .int:
            guard statement.isInteger(valueIndex) else { return nil }
            append(UInt64(bitPattern: statement.int(valueIndex)))
        case .uint:
            guard let number = statement.text(valueIndex).flatMap({ UInt64($0) }) else { return nil }
            append(number)
        case .double, .date:
            guard statement.isReal(valueIndex) else { return nil }
            append(statement.double(valueIndex).bitPattern)
        case .bool:
            guard statement.isInteger(valueIndex), let byte = UInt8(exactly: statement.int(valueIndex)), byte <= 1
            else {
                return nil
            }
            bytes.append(byte)
        case .string, .json, .bytes:
            guard !statement.isNull(valueIndex) else { return nil }
            bytes.append(contentsOf: statement.bytes(valueIndex))
        case .uuid:
            guard let text = statement.text(valueIndex), appendUUID(text, to: &bytes) else { return nil }
        }
        return kind
    }

    /// The kind of a row whose bytes in SQL are the stored bytes. Nil for the other kinds, and for a value that does
    /// not fit its type.
    static func plainKind(_ statement: SQLiteStatement, type typeIndex: Int32, value valueIndex: Int32) -> ValueKind? {
        guard let kind = kind(statement.bytes(typeIndex)), kind == .string || kind == .json || kind == .bytes,
            !statement.isNull(valueIndex)
        else { return nil }
        return kind
    }

    /// The hash of a row, over its canonical bytes.
    static func hash(
        name: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer,
        scratch: inout [UInt8]
    ) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        OperationCodec.appendSet(name: name, key: key, kind: kind, value: value, to: &scratch)
        return scratch.withUnsafeBytes { XXH64.hash($0) }
    }

    private static func kind(_ name: UnsafeRawBufferPointer) -> ValueKind? {
        // By first letter and length, then the whole name: this runs once a row.
        let kind: ValueKind
        switch (name.first, name.count) {
        case (UInt8(ascii: "i"), 3): kind = .int
        case (UInt8(ascii: "u"), 4): kind = name[1] == UInt8(ascii: "i") ? .uint : .uuid
        case (UInt8(ascii: "d"), 6): kind = .double
        case (UInt8(ascii: "d"), 4): kind = .date
        case (UInt8(ascii: "b"), 4): kind = .bool
        case (UInt8(ascii: "b"), 5): kind = .bytes
        case (UInt8(ascii: "s"), 6): kind = .string
        case (UInt8(ascii: "j"), 4): kind = .json
        default: return nil
        }
        return name.elementsEqual(kind.name.utf8) ? kind : nil
    }

    private static func word(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.count == 8 ? UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) : 0
    }

    private static func uuidText(_ bytes: UnsafeRawBufferPointer) -> String {
        var text: [UInt8] = []
        UUIDText.append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the bytes of a text that `uuidText` wrote. Any other text is not of this store.
    private static func appendUUID(_ text: String, to bytes: inout [UInt8]) -> Bool {
        let start = bytes.count
        var text = text
        let isUUID = text.withUTF8 { UUIDText.appendDecoded(UnsafeRawBufferPointer($0), to: &bytes) }
        return isUUID && bytes[start...].withUnsafeBytes { uuidText($0) } == text
    }
}
