// Puts sorted operations into the table `state`, and counts its rows and their digest. Inside one transaction.
//
// The existing rows of some operations are looked up before any of these is written. Going from row to row costs a
// sixth of a search, as long as nothing is written in between. A row that already is what it should be is not written.
// Its hash alone does not show that, because values can be made that have the same hash.

/// One writer for one transaction.
struct StateWriter {
    /// How many operations are looked up at once. The pages of that many stay in SQLite's cache until they are written.
    static let operationsAtOnce = 256
    /// How many rows are stepped over before a search costs less.
    private static let stepsMax = 6
    /// Rows of more bytes on average have values outside their page, and stepping would read all of those.
    private static let steppedRowBytesMax = 1_000

    private let connection: SQLiteConnection
    private let rows: SQLiteStatement
    private let upsert: SQLiteStatement
    private let delete: SQLiteStatement
    private let stored: SQLiteStatement
    private let steps: Int
    private var hashes: [UInt64?] = []
    private var scratch: [UInt8] = []
    /// Rows set or removed.
    private(set) var rowsWritten = 0

    init(_ connection: SQLiteConnection, rows count: Int) throws(StoreError) {
        self.connection = connection
        rows = try connection.prepare("SELECT key,crc FROM state WHERE name=? AND key>=? ORDER BY name,key")
        upsert = try connection.prepare("INSERT OR REPLACE INTO state(name,key,type,value,crc) VALUES(?,?,?,?,?)")
        delete = try connection.prepare("DELETE FROM state WHERE name=? AND key=?")
        stored = try connection.prepare("SELECT type,value FROM state WHERE name=? AND key=?")
        let pages = try connection.query("PRAGMA page_count") { $0.int(0) } ?? 0
        steps = Int(pages) * 4_096 <= count * Self.steppedRowBytesMax ? Self.stepsMax : 0
    }

    mutating func put(_ operations: [Operation], _ meta: inout StateMeta) throws(StoreError) {
        try findHashes(operations)
        for (operation, old) in zip(operations, hashes) {
            var hash: UInt64?
            switch operation.code {
            case .remove:
                guard old != nil else { continue }
                delete.bindText(1, borrowed: operation.name)
                delete.bindText(2, borrowed: operation.key)
                try delete.run()
            case .set:
                guard let kind = ValueKind(rawValue: operation.kind) else {
                    throw StoreError(
                        .damaged, "value kind \(operation.kind) is not known", location: .init(file: connection.path))
                }
                let new = StateRow.hash(
                    name: operation.name, key: operation.key, kind: operation.kind, value: operation.value,
                    scratch: &scratch)
                let isThere = new == old ? try isStored(operation, kind) : false
                if isThere { continue }
                hash = new
                upsert.bindText(1, borrowed: operation.name)
                upsert.bindText(2, borrowed: operation.key)
                StateRow.bind(upsert, type: 3, value: 4, kind: kind, bytes: operation.value)
                upsert.bind(5, Int64(bitPattern: new))
                try upsert.run()
            }
            rowsWritten += 1
            if let old {
                meta.digest &-= old
                meta.rows -= 1
            }
            if let hash {
                meta.digest &+= hash
                meta.rows += 1
            }
        }
    }

    /// Whether the row already has the operation's value.
    private mutating func isStored(_ operation: Operation, _ kind: ValueKind) throws(StoreError) -> Bool {
        stored.bindText(1, borrowed: operation.name)
        stored.bindText(2, borrowed: operation.key)
        defer { stored.reset() }
        guard try stored.step() else { return false }
        scratch.removeAll(keepingCapacity: true)
        let found = StateRow.read(stored, type: 0, value: 1, into: &scratch)
        try stored.checkRead()
        return found == kind && scratch.withUnsafeBytes { compare($0, operation.value) } == 0
    }

    /// Finds the hash of each operation's row as it is, nil if there is none.
    private mutating func findHashes(_ operations: [Operation]) throws(StoreError) {
        hashes.removeAll(keepingCapacity: true)
        defer { rows.reset() }
        var name: UnsafeRawBufferPointer?
        // A row is under the cursor: the first that is not below the last key looked for.
        var isAtRow = false
        var patience = steps
        for operation in operations {
            var isFound = false
            if let name, compare(name, operation.name) == 0 {
                var stepped = 0
                while isAtRow && compare(rows.bytes(0), operation.key) < 0 && stepped < patience {
                    isAtRow = try rows.step()
                    stepped += 1
                }
                // There is nothing to search for after the name's last row.
                isFound = !isAtRow || compare(rows.bytes(0), operation.key) >= 0
                // If changed rows lie far apart, stepping is only tried.
                patience = isFound ? steps : min(1, steps)
            }
            if !isFound {
                rows.reset()
                rows.bindText(1, borrowed: operation.name)
                rows.bindText(2, borrowed: operation.key)
                isAtRow = try rows.step()
                name = operation.name
            }
            let isThere = isAtRow && compare(rows.bytes(0), operation.key) == 0
            hashes.append(isThere ? UInt64(bitPattern: rows.int(1)) : nil)
        }
    }
}
