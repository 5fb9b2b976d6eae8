// Finds everything in a damaged store that still checks, and lists everything that does not.
//
// What counts as good:
// - a row of `state` whose hash matches;
// - a record of `journal` whose checksum continues the checksum stored before it, in the record before or in the row;
// - a record of the tail that continues the chain at the end of the journal.
//
// So damage costs what it hit, and not what comes after it. The first record after a gap in the LSNs has no stored
// checksum before it, and is not good.

/// One survey of a store. What it finds is in `findings`, in the order of finding.
package final class StoreSurvey {
    package struct Finding: Sendable {
        /// Which check found it: store, sqlite, state, journal, run or tail.
        package var check: String
        package var message: String
        package var location: StoreError.Location?
        /// The key of the row, if it can be read.
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
    private var found: FoundStore
    /// The checkpoint of the table and the store it names, if the table was read before the log.
    private var stateMeta: StateMeta?

    /// - Parameter isLive: whether somebody owns the store.
    package init(folder: String, isLive: Bool, vfs: String? = nil) {
        self.folder = folder
        self.vfs = vfs
        found = FoundStore(folder: folder)
        found.isLive = isLive
        access = isLive ? .readShared : .readPrivate
    }

    private func note(_ check: String, _ error: StoreError) {
        findings.append(Finding(check: check, message: error.message, location: error.location))
    }

    /// Opens a database. If SQLite does not open it, the result is nil, and a finding is added.
    ///
    /// - Returns: the connection, and the first fault that SQLite finds in the database; empty if it finds none.
    private func open(_ name: String, _ check: String) -> (connection: SQLiteConnection, fault: String)? {
        do throws(StoreError) {
            if access == .readPrivate {
                let file = try found.inspectFile(name)
                if file.isAltered { findings.append(Finding(check: "sqlite", file.error(""))) }
            }
            guard Files.exists(folder + "/" + name) else { throw StateDatabase.missing(folder + "/" + name) }
            let connection = try SQLiteConnection(folder + "/" + name, access, vfs: vfs)
            try connection.execute("BEGIN")
            var fault = ""
            do throws(StoreError) {
                let rows = try connection.prepare("PRAGMA integrity_check(100)")
                while try rows.step() {
                    guard let text = rows.text(0), text != "ok" else { continue }
                    if fault.isEmpty { fault = "SQLite finds \(text)" }
                    findings.append(
                        Finding(check: "sqlite", message: text, location: .init(file: connection.path)))
                }
            } catch {
                fault = error.message
                note("sqlite", error)
            }
            return (connection, fault)
        } catch {
            note(check, error)
            return nil
        }
    }

    // MARK: state.db

    /// Reads the table `meta` of state.db, and passes on every row that checks, in no order.
    package func state(_ each: (_ name: [UInt8], _ key: [UInt8], _ kind: UInt8, _ value: [UInt8]) -> Void) -> StateMeta?
    {
        guard let (connection, fault) = open(StateSchema.name, "state") else { return nil }
        defer { connection.close() }
        found.stateFault = fault
        var meta: StateMeta?
        do throws(StoreError) {
            meta = try StateMeta.read(connection)
            stateMeta = meta
            found.checkpoint = meta?.checkpoint.lsn
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
        // A row with an empty key does not belong to the key–value state. The lowest key is before it all the same.
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

    /// Reads the table `meta` of journal.db, and passes on every record that checks, in order. It comes after `state`,
    /// because it compares the log with that table's checkpoint.
    ///
    /// - Returns: the store's id, and the position of the last record that was seen, good or not; nil if `meta` cannot
    ///   be read.
    package func records(_ each: (Record) throws -> Void) throws -> (storeID: String, end: ChainPosition)? {
        guard let (connection, fault) = open(JournalSchema.name, "journal") else { return nil }
        defer { connection.close() }
        found.journalFault = fault
        let meta: JournalMeta
        do throws(StoreError) {
            meta = try JournalMeta.read(connection)
        } catch {
            note("journal", error)
            return nil
        }
        // Rows come in order, in one pass, if nothing is damaged. Otherwise they come from several places.
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
        found.base = meta.base.lsn
        found.isOfAnotherStore = stateMeta.map { $0.storeID != meta.storeID } ?? false
        compare(meta.base)
        func take(_ record: Record) throws {
            compare(ChainPosition(lsn: record.lsn, chain: record.chain, epoch: record.epoch))
            try each(record)
        }
        var walk = RecordWalk(position: meta.base)
        for (first, row) in batches.sorted(by: { $0.key < $1.key }) {
            try row.bytes.withUnsafeBytes { try walk.take($0, first: first, last: row.last, chain: row.chain, take) }
        }
        for lost in walk.lost {
            findings.append(
                Finding(
                    check: "journal", message: lost.why,
                    location: .init(file: connection.path, lsn: LSN(lost.lsns.lowerBound), bytes: lost.bytes),
                    lsns: lost.lsns))
        }
        let end = try tail(meta.storeID, walk, connection, take)
        judge()
        return (meta.storeID, end)
    }

    /// Compares log and table in the record that both have.
    private func compare(_ position: ChainPosition) {
        guard let checkpoint = stateMeta?.checkpoint, checkpoint.lsn == position.lsn else { return }
        if checkpoint.chain != position.chain { found.isOfAnotherHistory = true }
    }

    /// Passes on what the tail has after the journal.
    private func tail(
        _ storeID: String, _ walk: RecordWalk, _ connection: SQLiteConnection, _ each: (Record) throws -> Void
    ) throws -> ChainPosition {
        do throws(StoreError) { try found.readPage(storeID: storeID) } catch { note("run", error) }
        do throws(StoreError) { try found.readRing(storeID: storeID) } catch { note("tail", error) }
        do throws(StoreError) { found.lastRun = try RunRow.newest(connection) } catch { note("journal", error) }
        do throws(StoreError) { try found.reached(walk.position, connection) } catch { note("journal", error) }
        var position = walk.position
        if let batch = found.tail?.records, !batch.isEmpty {
            try batch.bytes.withUnsafeBytes { bytes in
                try RecordReader.read(bytes, first: batch.first, position: &position, each)
            }
        }
        return position
    }

    /// Adds what the verdict has against the store. What the examinations of its files have found themselves is left
    /// out.
    private func judge() {
        // The verdict must not ask: everything has been looked at, and the survey lists what there is and goes on.
        found.areBytesRepaired = true
        if found.journalFault == nil { found.journalFault = "" }
        if found.stateFault == nil { found.stateFault = "" }
        var refusals: [RecoveryVerdict.Refusal] = []
        if case .refuse(let all) = found.verdict { refusals = all }
        for refusal in refusals { note(refusal) }
        for report in RecoveryPlan(found.findings).reports {
            switch report {
            // These were found in the files, and are listed.
            case .bytesRepaired, .stateCut: break
            case .journalResupplied: if refusals.isEmpty { findings.append(found.finding(report)) }
            case .pageAltered, .tailLost: findings.append(found.finding(report))
            }
        }
    }

    private func note(_ refusal: RecoveryVerdict.Refusal) {
        let error = found.error(refusal)
        var finding = Finding(check: "journal", error)
        switch refusal {
        // These were found in the files, and are listed.
        case .bytesAltered, .journalRotten, .journalMalformed, .stateMalformed: return
        case .journalShort: finding.lsns = (found.lastLSN.value + 1)...found.syncMark.value
        case .journalShortAndRotten, .journalShortAndMalformed: break
        case .tableBeforeLog:
            if let checkpoint = found.checkpoint { finding.lsns = (checkpoint.value + 1)...found.base.value }
        case .tableBehindLog:
            if let checkpoint = found.checkpoint { finding.lsns = (found.lastLSN.value + 1)...checkpoint.value }
        case .tableOfAnotherHistory, .tableOfAnotherStore: finding.check = "store"
        }
        findings.append(finding)
    }
}

extension StoreSurvey.Finding {
    fileprivate init(check: String, _ error: StoreError) {
        self.init(check: check, message: error.message, location: error.location)
    }
}

/// Walks over batches whose records may be damaged, by the stored checksum of each record.
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
        // If the records do not reach the end of their row, what the row says of itself counts.
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
