import Testing

@testable import WriteAheadJournal

@Suite(.timeLimit(.minutes(5))) struct JournalTests {
    private func rows(_ path: String) throws -> (count: Int, bytesMax: Int) {
        let text = try sqlite3(path + "/journal.db", "SELECT count(*), max(length(records)) FROM journal")
        let numbers = text.split(separator: "\n")[0].split(separator: "|").compactMap { Int($0) }
        return (numbers[0], numbers[1])
    }

    /// A tail that many threads overrun would end in a batch larger than SQLite takes, and that in a poisoned journal.
    @Test func threadsTogetherDoNotOverrunTheTail() throws {
        let folder = try TemporaryFolder()
        var options = Journal.Options()
        options.tailBytes = 64 << 10
        let journal = try Journal(folder("s"), options: options) { _, _ in }
        let threads = Threads()
        for number in UInt8(0)..<16 {
            try threads.run {
                for _ in 0..<40 { _ = try? journal.append([UInt8](repeating: number, count: 60_000)) }
            }
        }
        threads.join()
        try journal.close()
        let found = try rows(folder("s"))
        #expect(found.bytesMax <= (64 << 10) + 60_100, "\(found.bytesMax) bytes in one row")
        #expect(try recordsOf(folder("s")).count == 16 * 40)
    }

    @Test func asyncAppendsComeBackInTheOrderOfTheirLSNs() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        let appended = try await Self.appendAsync(folder("s"))
        var seen: [LSN: [UInt8]] = [:]
        var order: [LSN] = []
        try await Self.replay(folder("s")) { lsn, bytes in
            seen[lsn] = bytes
            order.append(lsn)
        }
        #expect(seen == appended)
        #expect(order == order.sorted())
    }

    private static func appendAsync(_ path: String) async throws -> [LSN: [UInt8]] {
        let journal = try Journal(path) { _, _ in }
        return try await withThrowingTaskGroup(of: (LSN, [UInt8]).self) { group in
            for number in 0..<100 {
                group.addTask { (try await journal.append(record(number)), record(number)) }
            }
            var all: [LSN: [UInt8]] = [:]
            for try await (lsn, bytes) in group { all[lsn] = bytes }
            return all
        }
    }

    private static func replay(_ path: String, _ each: (LSN, [UInt8]) -> Void) async throws {
        _ = try Journal(path) { each($0, Array($1)) }
    }

    @Test func tooLargeARecordIsRefusedBeforeItGetsAnLSN() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        let error = failure { try journal.append([UInt8](repeating: 0, count: Journal.recordBytesMax + 1)) }
        #expect(error?.code == .valueOutOfBounds && error?.outcome == .rejected)
        #expect(try journal.append([1]) == LSN(2))
        try journal.close()
    }

    @Test func closeWhileThreadsAppendLeavesExactlyWhatWasAcknowledged() throws {
        for round in 0..<5 {
            let folder = try TemporaryFolder()
            let journal = try Journal(folder("s")) { _, _ in }
            let acknowledged = Shared<Set<LSN>>([])
            let wrong = Shared<[String]>([])
            let threads = Threads()
            for _ in 0..<4 {
                try threads.run {
                    while true {
                        do throws(StoreError) {
                            let lsn = try journal.append([1])
                            acknowledged.change { $0.insert(lsn) }
                        } catch {
                            if error.code != .closed || error.outcome != .rejected {
                                wrong.change { $0.append("\(error)") }
                            }
                            return
                        }
                    }
                }
            }
            #expect(eventually { acknowledged.value.count > 20 })
            try journal.close()
            threads.join()
            #expect(wrong.value == [], "round \(round)")
            var found: Set<LSN> = []
            let again = try Journal(folder("s")) { lsn, _ in found.insert(lsn) }
            #expect(again.lastEnd.kind == .clean)
            try again.close()
            #expect(found == acknowledged.value, "round \(round)")
        }
    }

    /// The SQLite WAL is copied into the database every 1,000 frames, between commits.
    @Test func longRunKeepsTheSQLiteWALBounded() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        var last = LSN.zero
        for number in 0..<60 {
            last = try journal.append([UInt8](repeating: UInt8(number), count: 1_000_000))
            if number % 5 == 4 { try journal.trim(through: LSN(last.value - 2)) }
        }
        let size = try #require(Files.size(folder("s/journal.db-wal")))
        #expect(size < 40 << 20, "\(size) bytes")
        try journal.close()
        let left = try recordsOf(folder("s"))
        #expect(left.count == 2 && left.last?.first == 59)
    }

    /// Beside a reader that stays, the SQLite WAL cannot begin anew; upkeep at every commit would be two more syncs each.
    @Test func readerThatStaysDoesNotMakeUpkeepDueAtEveryCommit() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"))
        let backend = try SQLiteJournal(folder: folder("s"), vfs: nil)
        var position = ChainPosition(lsn: LSN(100), chain: 0, epoch: 0)
        let body = [UInt8](repeating: 1, count: 1_000_000)
        func append() throws {
            var batch = RecordBatch()
            let crc = batch.append(.bytes, lsn: position.lsn.next, after: position.chain, epoch: 0) {
                $0.append(contentsOf: body)
            }
            position = ChainPosition(lsn: position.lsn.next, chain: crc, epoch: 0)
            batch.seal()
            try backend.append(batch)
        }
        try append()
        let reader = try SQLiteConnection(folder("s/journal.db"), .readShared, vfs: nil)
        try reader.execute("BEGIN")
        _ = try reader.query("SELECT count(*) FROM journal") { $0.int(0) }
        var due: [Int] = []
        for number in 0..<60 {
            try append()
            guard backend.isSQLiteCheckpointDue else { continue }
            due.append(number)
            try backend.checkpointSQLite()
        }
        // 245 frames a megabyte: four of them fit, so every fourth commit, and not each.
        #expect(due.count == 15, "\(due)")
        reader.close()
        try backend.checkpointSQLite()
        try append()
        due = []
        for number in 0..<40 {
            try append()
            if backend.isSQLiteCheckpointDue {
                due.append(number)
                try backend.checkpointSQLite()
            }
        }
        #expect(due.count == 10, "\(due)")
        backend.close()
    }
}
