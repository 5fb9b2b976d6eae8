// docs/format.md is enough to write a reader: docs/read_store.py is one, and here it is compared with the library.

import Backstay
import Foundation
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct FormatReaderTests {
    /// How a store can be met.
    enum Moment: String, CaseIterable {
        case live, killed, closed, compacted
    }

    @Test(arguments: Moment.allCases)
    func readerWrittenFromThePageSeesWhatTheLibrarySees(moment: Moment) async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let path = folder.app
        var owner: StateStore?
        switch moment {
        case .live:
            owner = try await StateStore.open(path)
            try await Sample.fill(owner)
        case .killed:
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let store = try await StateStore.open(path)
                try await Sample.fill(store)
                kill(getpid(), SIGKILL)
            }
        case .closed, .compacted:
            let store = try await StateStore.open(path)
            try await Sample.fill(store)
            if moment == .compacted { try await store.compact() }
            try await store.close()
        }
        // The owner's checkpointer may run in between: the state is the same before and after.
        let reader = try Reader.run(path)
        #expect(reader.status == 0, "\(reader.err)")
        let store = try await StateStore.openReadOnly(path)
        #expect(reader.lines.first?.hasPrefix("lsn \(store.statistics.lastLSN) ") == true)
        let expected = try store.entries().map { entry in
            "entry - \(hex(entry.keyBytes)) \(entry.type) \(hex(entry.valueBytes))"
        }
        #expect(expected.count == Sample.keys)
        #expect(reader.lines.dropFirst().filter { $0.hasPrefix("entry - ") } == expected)
        #expect(reader.lines.contains("entry \(hex("import")) \(hex("job")) int 0700000000000000"))
        try await store.close()
        try await owner?.close()
    }

    @Test func readerOfAnUnownedStoreWritesNothing() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let path = folder.app
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try await StateStore.open(path)
            try await Sample.fill(store)
            kill(getpid(), SIGKILL)
        }
        for name in ["/journal.db-shm", "/state.db-shm"] { unlink(path + name) }
        let before = folder.contents()
        #expect(try Reader.run(path).status == 0)
        #expect(folder.contents() == before)
    }

    /// Each change is made by plain SQL behind the store's back.
    @Test(arguments: [
        ("state.db", "UPDATE state SET value=43 WHERE key='int'"),
        ("state.db", "DELETE FROM state WHERE key='int'"),
        ("state.db", "UPDATE state SET type='date' WHERE key='double'"),
        // A row that is whole, and not this state's: only the digest tells.
        ("state.db", "UPDATE state SET key='user_count', value=42, crc=1491339474216769185 WHERE key='int'"),
        ("state.db", "UPDATE meta SET value=value-1 WHERE key='checkpoint_lsn'"),
        (
            "journal.db",
            """
            UPDATE journal SET records=substr(records,1,length(records)-1)
              ||CASE WHEN substr(records,-1)=x'00' THEN x'01' ELSE x'00' END
              WHERE last_lsn=(SELECT max(last_lsn) FROM journal)
            """
        ),
        ("journal.db", "DELETE FROM journal WHERE first_lsn=(SELECT max(first_lsn) FROM journal)"),
        ("journal.db", "DELETE FROM journal WHERE first_lsn=(SELECT min(first_lsn) FROM journal)"),
        ("journal.db", "UPDATE meta SET value='0123' WHERE key='store_id'"),
    ])
    func readerAndLibraryRefuseWhatWasAltered(file: String, sql: String) async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let store = try await StateStore.open(folder.app)
        try await Sample.fill(store)
        try await store.close()
        #expect(try Reader.run(folder.app).status == 0)
        // It would make up for a lost end of the journal.
        unlink(folder.app + "/tail")
        try ChildProcess.run("/usr/bin/env", ["sqlite3", folder.app + "/" + file, sql]).requireSuccess()
        let reader = try Reader.run(folder.app)
        #expect(reader.status == 1 && reader.err.hasPrefix("damaged: "), "\(reader.err)")
        await #expect(throws: StoreError.self) { try await StateStore.openReadOnly(folder.app) }
    }

    @Test func stateThatAnEmptyLogDoesNotContinueIsRefused() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let store = try await StateStore.open(folder.app)
        try await Sample.fill(store)
        try await store.compact()
        try await store.close()
        #expect(try Reader.run(folder.app).status == 0)
        try ChildProcess.run(
            "/usr/bin/env",
            ["sqlite3", folder.app + "/state.db", "UPDATE meta SET value=value-1 WHERE key='checkpoint_chain'"]
        ).requireSuccess()
        #expect(try Reader.run(folder.app).status == 1)
        await #expect(throws: StoreError.self) { try await StateStore.openReadOnly(folder.app) }
        await #expect(throws: StoreError.self) { try await StateStore.open(folder.app) }
    }

    @Test func logThatEndsBeforeTheSyncMarkIsRefused() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let path = folder.app
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try await StateStore.open(path)
            try await store.set("a", 1)
            try await store.set("b", 2)
            kill(getpid(), SIGKILL)
        }
        // SQLite takes the first bad frame for the end of its WAL, without a word. The tail would make up for it.
        let end = try #require(WALScan.file(path + "/journal.db-wal")).committedBytes
        unlink(path + "/tail")
        let wal = try #require(FileHandle(forUpdatingAtPath: path + "/journal.db-wal"))
        try wal.seek(toOffset: UInt64(end - 100))
        try wal.write(contentsOf: [0xff, 0xff])
        try wal.close()
        let reader = try Reader.run(path)
        #expect(reader.status == 1 && reader.err.contains("was made durable"), "\(reader.err)")
        await #expect(throws: StoreError.self) { try await StateStore.openReadOnly(path) }
    }

    @Test(arguments: Durability.allCases)
    func acknowledgedChangesSurviveSIGKILL(level: Durability) async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let path = folder.app
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, name = level.rawValue as String] in
            let level = try #require(Durability(rawValue: name))
            let store = try await StateStore.open(path)
            for n in 1...100 { try await store.set("k\(n)", n, durability: level) }
            kill(getpid(), SIGKILL)
        }
        let reader = try Reader.run(path)
        #expect(reader.status == 0, "\(reader.err)")
        let store = try await StateStore.openReadOnly(path)
        for n in 1...100 { #expect(try store.get("k\(n)") == n) }
        #expect(store.recovery.lastEnd.kind == .killed)
        try await store.close()
    }

    /// Changes that are in the tail alone, behind many laps and a record that went by itself.
    @Test(arguments: [true, false])
    func readerSeesWhatOnlyTheTailHas(live: Bool) async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let path = folder.app
        var owner: StateStore?
        if live {
            owner = try await Self.openLagging(path)
            try await Self.fillTail(owner)
        } else {
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let store = try await Self.openLagging(path)
                try await Self.fillTail(store)
                kill(getpid(), SIGKILL)
            }
        }
        func expectSame(_ keys: Int?) async throws {
            let reader = try Reader.run(path)
            #expect(reader.status == 0, "\(reader.err)")
            let store = try await StateStore.openReadOnly(path)
            let expected = try store.entries().map { entry in
                "entry - \(hex(entry.keyBytes)) \(entry.type) \(hex(entry.valueBytes))"
            }
            #expect(reader.lines.first?.hasPrefix("lsn \(store.statistics.lastLSN) ") == true)
            #expect(Array(reader.lines.dropFirst()) == expected)
            if let keys { #expect(expected.count == keys) }
            try await store.close()
        }
        try await expectSame(263)
        if live {
            try await owner?.close()
            return
        }
        // Altered: both see the same prefix.
        let file = try #require(FileHandle(forUpdatingAtPath: path + "/tail"))
        for place in [20, 200, 4_096 + 900, 4_096 + 30_000, 4_096 + 60_000] as [UInt64] {
            try file.seek(toOffset: place)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: place)
            try file.write(contentsOf: [byte ^ 4])
            try await expectSame(nil)
        }
        try file.close()
    }

    private static func openLagging(_ path: String) async throws -> StateStore {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.ageMax = 3_600_000_000_000
        return try await StateStore.open(path, options: options)
    }

    private static func fillTail(_ store: StateStore?) async throws {
        let store = try #require(store)
        for n in 1...260 {
            let length = n * 37 % 900
            try await store.set("k\(n)", String(repeating: "\(n % 10)", count: length), durability: .process)
            if n == 100 { try await store.set("large", [UInt8](repeating: 3, count: 50_000), durability: .process) }
        }
        try await store.set("z1", 1, durability: .process)
        try await store.set("z2", 2, durability: .process)
        try #require(store.statistics.recordsAtRisk > 2)
    }

    @Test func readersBesideABusyWriterFindNoDamage() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        defer { withExtendedLifetime(folder) {} }
        let store = try await StateStore.open(folder.app)
        try await store.set("n", 0)
        let writer = Task {
            var n = 0
            while !Task.isCancelled {
                n += 1
                try await store.set("n", n)
            }
        }
        for _ in 0..<30 {
            let acknowledged = try store.get("n", default: 0)
            let beside = try await StateStore.openReadOnly(folder.app)
            // A change that was read may not be answered yet; the one before it is.
            #expect(try beside.get("n", default: 0) >= acknowledged - 1)
            try await beside.close()
        }
        let reader = try Reader.run(folder.app)
        #expect(reader.status == 0, "\(reader.err)")
        writer.cancel()
        try? await writer.value
        try await store.close()
    }

    @Test func workedExampleOfThePageIsWhatTheWriterWrites() throws {
        let blocks = try hexBlocks(of: "docs/format.md")
        try #require(blocks.count == 2)
        let origin = WriteAheadJournal.StoreFolder.origin(storeID: "00112233445566778899aabbccddeeff")
        let epoch: UInt64 = 0x0123_4567_89ab_cdef

        var first = RecordBatch()
        let crc = first.append(.run, lsn: LSN(1), after: origin.chain, epoch: epoch) { bytes in
            withUnsafeBytes(of: UInt64(1).littleEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: Int64(1_750_000_000_000_000).littleEndian) { bytes.append(contentsOf: $0) }
        }
        first.seal()
        #expect(first.bytes == blocks[0])
        #expect(first.chain == 366_070_155)

        var second = RecordBatch()
        _ = second.append(.changes, lsn: LSN(2), after: crc, epoch: epoch) { bytes in
            Array("user_count".utf8).withUnsafeBytes { key in
                withUnsafeBytes(of: Int64(42).littleEndian) { value in
                    OperationCodec.appendSet(key: key, kind: ValueKind.int.rawValue, value: value, to: &bytes)
                }
            }
            Array("draft".utf8).withUnsafeBytes { OperationCodec.appendRemove(key: $0, to: &bytes) }
        }
        second.seal()
        #expect(second.bytes == blocks[1])
        #expect(second.chain == 1_376_299_272)
        #expect(blocks[1][25..<48].withUnsafeBytes { XXH64.hash($0) } == 0x14b2_4d59_b035_56a1)
    }

    /// The bytes of each fenced block marked `hex`: two digits each, up to the first word that is none.
    private func hexBlocks(of path: String) throws -> [[UInt8]] {
        var blocks: [[UInt8]] = []
        var isHex = false
        for line in try String(contentsOfFile: root + "/" + path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        {
            if line.hasPrefix("```") {
                isHex = line == "```hex"
                if isHex { blocks.append([]) }
            } else if isHex {
                let words = line.split(separator: " ").prefix { $0.count == 2 && UInt8($0, radix: 16) != nil }
                blocks[blocks.count - 1] += words.compactMap { UInt8($0, radix: 16) }
            }
        }
        return blocks
    }
}

/// A value of every kind, removed keys, odd keys, and records both before and behind a checkpoint.
private enum Sample {
    static let keys = 15

    struct User: Codable {
        var name: String
        var tags: [String]
    }

    static func fill(_ store: StateStore?) async throws {
        let store = try #require(store)
        try await store.set("int", -42)
        try await store.set("uint", UInt64.max)
        try await store.set("double", 0.1)
        try await store.set("negative zero", -0.0)
        try await store.set("bool", true)
        try await store.set("string", "a\u{0}b\r\n\"é\u{1F469}\u{200D}\u{1F4BB}")
        try await store.set("empty string", "")
        try await store.set("draft", "to be removed")
        try await store.set("changed", 1)
        try await store.checkpoint()
        try await store.set("bytes", [UInt8](0...255))
        try await store.set("empty bytes", [UInt8]())
        try await store.set("date", Date(timeIntervalSinceReferenceDate: 12_345.678))
        try await store.set("uuid", UUID())
        try await store.set("json", User(name: "Zoë / \u{7}", tags: ["a", "b"]))
        try await store.transaction { tx in
            try tx.remove("draft")
            try tx.set("changed", 2)
            try tx.set("k\u{0}\u{e9}", 1)
            try tx.set("k\u{0}e\u{301}", 2)
            try tx.setNamed("import", "job", .int, [7, 0, 0, 0, 0, 0, 0, 0])
        }
    }
}

extension TemporaryFolder {
    fileprivate var app: String { self("app.backstay") }

    /// Every file of the store with its bytes.
    fileprivate func contents() -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in Self.names(app) { files[name] = Self.contents(app + "/" + name) }
        return files
    }
}

extension ChildProcess.Outcome {
    fileprivate func requireSuccess() throws { try #require(status == 0, "\(err)") }
}

/// The folder of the clone.
private let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

private enum Reader {
    static func run(_ store: String) throws -> ChildProcess.Outcome {
        try ChildProcess.run("/usr/bin/env", ["python3", "-B", root + "/docs/read_store.py", store])
    }
}

private func hex(_ bytes: some Sequence<UInt8>) -> String {
    let text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return text.isEmpty ? "-" : text
}

private func hex(_ text: String) -> String { hex(text.utf8) }
