// Everything of a damaged store that still checks, and a list of all that does not.
//
// What counts as good:
//   a row of `state`       its hash matches
//   a record of `journal`  its checksum continues the one stored before it: that of the record before, or of the row
//   a record of the tail   it continues the chain at the end of the journal
// So damage costs what it hit, not what comes behind it. The first record behind a gap in the LSNs has nothing before it to
// be checked against, and is not good.

package final class StoreSurvey {
    package struct Finding: Sendable {
        /// Which examination: store, sqlite, state, journal, run or tail.
        package var check: String
        package var message: String
        package var location: StoreError.Location?
        /// The key of the row, where it can be read.
        package var key: String?
        /// The records that are gone.
        package var lsns: ClosedRange<UInt64>?

        package init(
            check: String, message: String, location: StoreError.Location? = nil, key: String? = nil,
            lsns: ClosedRange<UInt64>? = nil
        ) {
            self.check = check
            self.message = message
            self.location = location
            self.key = key
            self.lsns = lsns
        }
    }

    package private(set) var findings: [Finding] = []
    package let folder: String
    private let vfs: String?
    private let access: SQLiteConnection.Access

    /// - Parameter isLive: whether somebody owns the store.
    package init(folder: String, isLive: Bool, vfs: String? = nil) {
        self.folder = folder
        self.vfs = vfs
        access = isLive ? .readShared : .readPrivate
    }

    private func note(_ check: String, _ error: StoreError) {
        findings.append(Finding(check: check, message: error.message, location: error.location))
    }

    /// Opens a database; nil, and a finding, where SQLite does not.
    private func open(_ name: String, _ check: String) -> SQLiteConnection? {
        do throws(StoreError) {
            if access == .readPrivate {
                let file = try DatabaseInspection(folder: folder, name: name)
                if file.isAltered { findings.append(Finding(check: "sqlite", file.error(""))) }
            }
            guard Platform.exists(folder + "/" + name) else { throw StateDatabase.missing(folder + "/" + name) }
            let connection = try SQLiteConnection(folder + "/" + name, access, vfs: vfs)
            try connection.execute("BEGIN")
            do throws(StoreError) {
                let rows = try connection.prepare("PRAGMA integrity_check(100)")
                while try rows.step() {
                    guard let text = rows.text(0), text != "ok" else { continue }
                    findings.append(
                        Finding(check: "sqlite", message: text, location: .init(file: connection.path)))
                }
            } catch {
                note("sqlite", error)
            }
            return connection
        } catch {
            note(check, error)
            return nil
        }
    }

    // MARK: state.db

    /// What its table `meta` says, and every row that checks, in no order.
    package func state(_ each: (_ name: [UInt8], _ key: [UInt8], _ kind: UInt8, _ value: [UInt8]) -> Void) -> StateMeta?
    {
        guard let connection = open(StateFile.name, "state") else { return nil }
        defer { connection.close() }
        var meta: StateMeta?
        do throws(StoreError) {
            meta = try StateMeta.read(connection)
        } catch {
            note("state", error)
        }
        var count = 0
        var digest: UInt64 = 0
        var bad: Set<[UInt8]> = []
        let table = DamagedTable<RowKey>(
            lowest: RowKey(name: [], key: []), highest: RowKey(name: [0xff], key: []), middle: RowKey.middle,
            next: \.next)
        let gaps = table.read { after, before, isForward, seen in
            try Self.rows(connection, after, before, isForward) { key, kind, value, stored, isGood in
                seen(key)
                guard isGood else {
                    if bad.insert(key.name + [0] + key.key).inserted { self.noteRow(key, connection.path) }
                    return
                }
                count += 1
                digest &+= stored
                each(key.name, key.key, kind, value)
            }
        }
        for gap in gaps {
            findings.append(
                Finding(
                    check: "state",
                    message: "rows \(Self.range(gap.after, gap.before)) cannot be read: \(gap.why)",
                    location: .init(file: connection.path)))
        }
        if let meta, bad.isEmpty, count != meta.rows || digest != meta.digest {
            findings.append(
                Finding(
                    check: "state",
                    message:
                        "the table state has \(count) rows where \(meta.rows) belong, or stale ones: its digest does not match",
                    location: .init(file: connection.path)))
        }
        return meta
    }

    private func noteRow(_ key: RowKey, _ path: String) {
        let text = key.key.withUnsafeBytes { StateDatabase.printable($0) }
        findings.append(
            Finding(
                check: "state", message: "the row of key \(text) does not match its checksum",
                location: .init(file: path), key: String(decoding: key.key, as: UTF8.self)))
    }

    private static func range(_ after: RowKey, _ before: RowKey) -> String {
        func text(_ key: RowKey) -> String { key.key.withUnsafeBytes { StateDatabase.printable($0) } }
        if after.key.isEmpty && before.key.isEmpty { return "of the table state" }
        if after.key.isEmpty { return "before key \(text(before))" }
        if before.key.isEmpty { return "behind key \(text(after))" }
        return "between the keys \(text(after)) and \(text(before))"
    }

    private static func rows(
        _ connection: SQLiteConnection, _ after: RowKey, _ before: RowKey, _ isForward: Bool,
        _ each: (_ key: RowKey, _ kind: UInt8, _ value: [UInt8], _ stored: UInt64, _ isGood: Bool) -> Void
    ) throws {
        // A row with an empty key is none of the key–value state's; the lowest key is before it all the same.
        let order = isForward ? "ORDER BY name,key" : "ORDER BY name DESC,key DESC"
        let rows = try connection.prepare(
            "SELECT name,key,type,value,crc FROM state WHERE (name,key)>(?,?) AND (name,key)<(?,?) \(order)")
        var scratch: [UInt8] = []
        try withTexts(rows, [after.name, after.key, before.name, before.key]) {
            while try rows.step() {
                let key = RowKey(name: [UInt8](rows.bytes(0)), key: [UInt8](rows.bytes(1)))
                let stored = UInt64(bitPattern: rows.int(4))
                var value: [UInt8] = []
                let kind = StateRow.read(rows, type: 2, value: 3, into: &value)
                var hash: UInt64?
                if let kind {
                    hash = key.name.withUnsafeBytes { name in
                        key.key.withUnsafeBytes { key in
                            value.withUnsafeBytes {
                                StateRow.hash(name: name, key: key, kind: kind.rawValue, value: $0, scratch: &scratch)
                            }
                        }
                    }
                }
                each(key, kind?.rawValue ?? 0, value, stored, hash == stored)
            }
        }
    }

    /// Binds texts for as long as the body runs.
    private static func withTexts(_ statement: SQLiteStatement, _ texts: [[UInt8]], _ body: () throws -> Void) throws {
        let all = texts.flatMap { $0 }
        try all.withUnsafeBytes { bytes in
            var start = 0
            for (index, text) in texts.enumerated() {
                statement.bindText(
                    Int32(index + 1), borrowed: UnsafeRawBufferPointer(rebasing: bytes[start..<start + text.count]))
                start += text.count
            }
            defer { statement.reset() }
            try body()
        }
    }

    // MARK: journal.db and the tail

    /// What its table `meta` says, and every record that checks, in order.
    ///
    /// - Returns: the store's id and where the last record is that was seen, good or not; nil where not even `meta` is there.
    package func records(_ each: (Record) throws -> Void) throws -> (storeID: String, end: ChainPosition)? {
        guard let connection = open(JournalFile.name, "journal") else { return nil }
        defer { connection.close() }
        let meta: JournalMeta
        do throws(StoreError) {
            meta = try JournalMeta.read(connection)
        } catch {
            note("journal", error)
            return nil
        }
        // Rows in order need one pass where nothing is damaged; where something is, they come from several places.
        var batches: [Int64: (last: Int64, chain: UInt32, bytes: [UInt8])] = [:]
        let table = DamagedTable<Int64>(
            lowest: Int64(meta.base.lsn.value), highest: .max,
            middle: { $1 - $0 > 1 ? $0 + ($1 - $0) / 2 : nil }, next: { $0 + 1 })
        let gaps = table.read { after, before, isForward, seen in
            let rows = try connection.prepare(
                "SELECT first_lsn,last_lsn,chain,records FROM journal WHERE first_lsn>? AND first_lsn<? "
                    + "ORDER BY first_lsn \(isForward ? "" : "DESC")")
            rows.bind(1, after)
            rows.bind(2, before)
            while try rows.step() {
                batches[rows.int(0)] = (
                    rows.int(1), UInt32(truncatingIfNeeded: rows.int(2)), [UInt8](rows.bytes(3))
                )
                seen(rows.int(0))
            }
        }
        for gap in gaps {
            findings.append(
                Finding(
                    check: "journal",
                    message: "rows behind LSN \(gap.after)"
                        + (gap.before == .max ? "" : " and before LSN \(gap.before)") + " cannot be read: \(gap.why)",
                    location: .init(file: connection.path)))
        }
        var walk = RecordWalk(position: meta.base)
        for (first, row) in batches.sorted(by: { $0.key < $1.key }) {
            try row.bytes.withUnsafeBytes { try walk.take($0, first: first, last: row.last, chain: row.chain, each) }
        }
        for lost in walk.lost {
            findings.append(
                Finding(
                    check: "journal", message: lost.why,
                    location: .init(file: connection.path, lsn: LSN(lost.lsns.lowerBound), bytes: lost.bytes),
                    lsns: lost.lsns))
        }
        let end = try tail(meta.storeID, walk, connection, each)
        return (meta.storeID, end)
    }

    /// Hands over what the tail has beyond the journal, and compares the end with the sync mark.
    private func tail(
        _ storeID: String, _ walk: RecordWalk, _ connection: SQLiteConnection, _ each: (Record) throws -> Void
    ) throws -> ChainPosition {
        var position = walk.position
        var page: RunPage.Image?
        do throws(StoreError) {
            page = try RunPage.read(folder: folder, storeID: storeID)
            if page == nil, try RunPage.isAltered(folder: folder) {
                findings.append(
                    Finding(
                        check: "run",
                        message: "the page is altered or another store's: less is known about the last end",
                        location: .init(file: folder + "/" + RunPage.fileName)))
            }
        } catch {
            note("run", error)
        }
        var image: TailImage?
        do throws(StoreError) { image = try TailImage.read(folder: folder, storeID: storeID) } catch {
            note("tail", error)
        }
        let found = image?.continuation(of: position)
        if let batch = found?.records, !batch.isEmpty {
            try batch.bytes.withUnsafeBytes { bytes in
                try RecordReader.read(bytes, first: batch.first, position: &position, each)
            }
        }
        if access == .readPrivate {
            do throws(StoreError) {
                if let lost = try RunRow.newest(connection)?.tailLoss(page: page, image, found, connection) {
                    findings.append(
                        Finding(
                            check: "tail", message: lost, location: .init(file: folder + "/" + TailFormat.fileName)))
                }
            } catch {
                note("journal", error)
            }
        }
        if let mark = page?.syncMark, position.lsn < mark {
            findings.append(
                Finding(
                    check: "journal",
                    message:
                        "the journal ends at LSN \(position.lsn), but everything up to LSN \(mark) was made durable",
                    location: .init(file: connection.path, lsn: position.lsn.next),
                    lsns: (position.lsn.value + 1)...mark.value))
        }
        return position
    }
}

extension StoreSurvey.Finding {
    fileprivate init(check: String, _ error: StoreError) {
        self.init(check: check, message: error.message, location: error.location)
    }
}

/// Goes over batches whose records may be damaged, by what is stored of each record's checksum.
private struct RecordWalk {
    struct Lost {
        var lsns: ClosedRange<UInt64>
        var bytes: Range<Int>?
        var why: String
    }

    /// The last record that was met.
    var position: ChainPosition
    private(set) var lost: [Lost] = []
    /// Whether the checksum before the next record is known.
    private var isChained = true

    init(position: ChainPosition) { self.position = position }

    mutating func take(
        _ batch: UnsafeRawBufferPointer, first: Int64, last: Int64, chain: UInt32, _ each: (Record) throws -> Void
    ) throws {
        guard first > 0, LSN.isPossible(first) else { return }
        var lsn = LSN(UInt64(first))
        if lsn != position.lsn.next {
            note(position.lsn.next, LSN(lsn.value - 1), nil, "records are missing")
            isChained = false
        }
        let start = lsn
        var at = RecordFormat.batchHeaderSize
        let epoch = RecordReader.epoch(of: batch) ?? 0
        var seed = position.chain
        while at + RecordFormat.recordHeaderSize < batch.count {
            let length = Int(UInt32(littleEndian: batch.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            let stored = UInt32(littleEndian: batch.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
            let begin = at + RecordFormat.recordHeaderSize
            guard length >= 1, length <= batch.count - begin else { break }
            let content = UnsafeRawBufferPointer(rebasing: batch[begin..<begin + length])
            let isGood =
                isChained
                && RecordFormat.chain(after: seed, epoch: epoch, lsn: lsn.value, content: content) == stored
            if isGood, let kind = RecordKind(rawValue: content[0]) {
                try each(
                    Record(
                        lsn: lsn, epoch: epoch, kind: kind, chain: stored,
                        body: UnsafeRawBufferPointer(rebasing: content[1...])))
            } else {
                note(lsn, lsn, at..<begin + length, "the record's checksum does not continue the chain")
            }
            isChained = true
            seed = stored
            at = begin + length
            lsn = lsn.next
        }
        // What the row says of itself counts where its records do not reach its end.
        let claimed = LSN.isPossible(last) && last - first < Int64(batch.count) ? LSN(UInt64(last)) : start
        if lsn <= claimed {
            note(lsn, claimed, at..<max(at, batch.count), "the batch ends before its last record")
            lsn = claimed.next
            seed = chain
        }
        position = ChainPosition(lsn: LSN(lsn.value - 1), chain: seed, epoch: epoch)
    }

    private mutating func note(_ first: LSN, _ last: LSN, _ bytes: Range<Int>?, _ why: String) {
        guard first <= last else { return }
        lost.append(Lost(lsns: first.value...last.value, bytes: bytes, why: why))
    }
}
