import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// A journal that lost its end: the sync mark tells before anything is written, and what the ring still holds is supplied
/// again where that is sound. Never is a store silently short.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TailWitnessTests {
    enum Outcome: Hashable {
        case whole, mended, resupplied, refused
    }

    /// A killed store of many small commits, folded and trimmed meanwhile, so that pages of journal.db are used again; the
    /// newest changes are in the tail alone.
    private func killed(process: Int = 5) throws -> (image: FolderImage, values: [String: String]) {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        for number in 0..<24 {
            try store.set("k\(number)", "\(number)" + String(repeating: "v", count: number % 5 == 0 ? 3_000 : 60))
            if number % 6 == 5 { try store.fold() }
        }
        for number in 24..<(24 + process) { try store.set("k\(number)", "\(number)", .process) }
        let image = try store.image()
        let values = store.values
        store.drop()
        return (image, values)
    }

    /// Opens an altered store and demands that it is whole and says what was done, or refused with nothing written.
    private func outcome(
        _ image: FolderImage, _ values: [String: String], _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        let before = FolderListing(folder("s")).items
        let seen = try readOnly(folder("s"), values, what, sourceLocation: sourceLocation)
        do {
            let store = try TinyStore(folder("s"), laggingOptions())
            defer { store.drop() }
            #expect(store.values == values, "\(what): silently short or wrong", sourceLocation: sourceLocation)
            // A reader may not put a byte right; it says that there is one.
            let isMended = store.opening.damage.contains { $0.contains("repaired") }
            #expect((seen == nil) != isMended, "\(what): \(String(describing: seen))", sourceLocation: sourceLocation)
            if isMended && store.opening.recordsResupplied == 0 {
                try expectEvidence(folder("s/evidence"), image, what, sourceLocation: sourceLocation)
                return .mended
            }
            guard store.opening.recordsResupplied > 0 else { return .whole }
            #expect(store.opening.discardReason.contains("the tail still had it"), sourceLocation: sourceLocation)
            try expectEvidence(folder("s/evidence"), image, what, sourceLocation: sourceLocation)
            // What was supplied is in the journal again, and can be folded: the table's checkpoint may lie inside it.
            var next = try store.image()
            next.files["tail"] = nil
            try next.write(to: folder("t"))
            let again = try TinyStore(folder("t"))
            #expect(again.values == values && again.opening.recordsResupplied == 0, sourceLocation: sourceLocation)
            again.drop()
            try store.fold()
            #expect(store.state.meta.checkpoint.lsn == store.committer.lastDurable, sourceLocation: sourceLocation)
            return .resupplied
        } catch let error as StoreError {
            #expect(error.code == .damaged, "\(what): \(error)", sourceLocation: sourceLocation)
            let after = FolderListing(folder("s")).items
            // SQLite's index in shared memory is no part of a store: it is made anew at every start.
            for name in Set(before.keys).union(after.keys)
            where !["", "lock", "evidence"].contains(name) && !name.hasSuffix("-shm") {
                #expect(before[name] == after[name], "\(what): \(name) was written", sourceLocation: sourceLocation)
            }
            try expectEvidence(folder("s/evidence"), image, what, sourceLocation: sourceLocation)
            return .refused
        }
    }

    /// A reader sees all or says that something is missing.
    private func readOnly(
        _ path: String, _ values: [String: String], _ what: String, sourceLocation: SourceLocation
    ) throws -> StoreError? {
        do {
            let reader = try StoreReader(path)
            defer { reader.close() }
            var seen: [String: String] = [:]
            try reader.loadState { _, key, _, value in
                seen[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            }
            _ = try reader.records { record, _ in
                guard record.kind == .changes, record.lsn > reader.stateMeta.checkpoint.lsn else { return }
                try OperationCodec.read(record.body) {
                    seen[String(decoding: $0.key, as: UTF8.self)] = String(decoding: $0.value, as: UTF8.self)
                }
            }
            #expect(seen == values, "\(what): a reader was silently short", sourceLocation: sourceLocation)
            return nil
        } catch let error as StoreError {
            #expect(error.code == .damaged, "\(what): \(error)", sourceLocation: sourceLocation)
            return error
        }
    }

    private func expectEvidence(
        _ path: String, _ image: FolderImage, _ what: String, sourceLocation: SourceLocation
    ) throws {
        try #require(Files.exists(path), "\(what): no evidence", sourceLocation: sourceLocation)
        let kept = try FolderImage(of: path)
        for (name, bytes) in image.files where name != "lock" {
            #expect(kept.files[name] == bytes, "\(what): \(name) is not as found", sourceLocation: sourceLocation)
        }
    }

    /// Up to the last commit; behind it the file is written ahead, and what is there is nothing.
    private func committedBytes(_ image: FolderImage) throws -> Int {
        let copy = try TemporaryFolder()
        try image.write(to: copy("s"))
        return try #require(WALScan.file(copy("s/journal.db-wal"))).committedBytes
    }

    @Test(arguments: [1, 2] as [UInt64])
    func bitFlippedInTheSQLiteWAL(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (image, values) = try killed()
        let bytes = try committedBytes(image)
        var outcomes: [Outcome: Int] = [:]
        for round in 0..<90 {
            let place = round * bytes / 90 + Int.random(in: 0..<(bytes / 90), using: &random)
            var altered = image
            altered.files["journal.db-wal"]?[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            outcomes[try outcome(altered, values, "bit of byte \(place), seed \(seed)"), default: 0] += 1
        }
        #expect((outcomes[.resupplied] ?? 0) > 10, "\(outcomes), seed \(seed)")
        #expect((outcomes[.mended] ?? 0) > 30, "\(outcomes), seed \(seed)")
    }

    /// Without the ring every loss is refused; a flip that loses nothing acknowledged opens.
    @Test func bitFlippedInTheSQLiteWALWithoutATail() throws {
        var random = SplitMix64(seed: 3)
        var (image, values) = try killed(process: 0)
        image.files["tail"] = nil
        let bytes = try committedBytes(image)
        var outcomes: [Outcome: Int] = [:]
        for round in 0..<60 {
            let place = round * bytes / 60 + Int.random(in: 0..<(bytes / 60), using: &random)
            var altered = image
            altered.files["journal.db-wal"]?[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            outcomes[try outcome(altered, values, "bit of byte \(place)"), default: 0] += 1
        }
        #expect(outcomes[.resupplied] == nil && (outcomes[.refused] ?? 0) > 5, "\(outcomes)")
        #expect((outcomes[.mended] ?? 0) > 20, "\(outcomes)")
    }

    @Test func sqliteWALCutAtEveryFrame() throws {
        let (image, values) = try killed()
        let wal = try #require(image.files["journal.db-wal"])
        var outcomes: [Outcome: Int] = [:]
        for length in Array(stride(from: 32, through: wal.count, by: 4_120)) + [0, 31, 5_000, wal.count - 1] {
            var altered = image
            altered.files["journal.db-wal"] = Array(wal[..<length])
            outcomes[try outcome(altered, values, "cut to \(length)"), default: 0] += 1
        }
        var altered = image
        altered.files["journal.db-wal"] = nil
        outcomes[try outcome(altered, values, "no -wal"), default: 0] += 1
        #expect((outcomes[.resupplied] ?? 0) > 20, "\(outcomes)")
    }

    /// SQLite had copied its WAL into journal.db, all of it or half, when the process was killed; then the WAL is altered:
    /// pages of lost commits are in the database already.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func sqliteWALAlteredAfterABackFill(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        var number = 0
        func change(_ count: Int) throws {
            for _ in 0..<count {
                try store.set("k\(number)", "\(number)" + String(repeating: "v", count: number % 4 == 0 ? 2_500 : 40))
                if number % 5 == 4 { try store.fold() }
                number += 1
            }
        }
        try change(12)
        let before = try store.image()
        try store.committer.withBackend { (backend) throws(StoreError) in try backend.checkpointSQLite() }
        let filled = try store.image()
        let values = store.values
        #expect(before.files["journal.db-wal"] == filled.files["journal.db-wal"])
        #expect(before.files["journal.db"] != filled.files["journal.db"])
        try change(4)
        let begunAnew = try store.image()
        let laterValues = store.values
        store.drop()

        var outcomes: [Outcome: Int] = [:]
        for round in 0..<40 {
            let isLater = round % 3 == 2
            var altered = isLater ? begunAnew : filled
            if round % 3 == 1, let old = before.files["journal.db"] {
                // Half of the pages only. The database's size is in its first page.
                for page in 0..<(old.count / 4_096) where Bool.random(using: &random) {
                    altered.files["journal.db"]?.replaceSubrange(
                        (page * 4_096)..<((page + 1) * 4_096), with: old[(page * 4_096)..<((page + 1) * 4_096)])
                }
            }
            let count = altered.files["journal.db-wal"]?.count ?? 0
            let place = Int.random(in: 0..<count, using: &random)
            altered.files["journal.db-wal"]?[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            let found = try outcome(
                altered, isLater ? laterValues : values, "round \(round), byte \(place), seed \(seed)")
            outcomes[found, default: 0] += 1
        }
        #expect(outcomes.values.reduce(0, +) == 40)
    }

    /// Plain SQL takes the newest rows: a sound database that is short.
    @Test(arguments: [1, 2, 10])
    func rowsDeletedAtTheEnd(rows: Int) throws {
        let folder = try TemporaryFolder()
        let (image, values) = try TailRecoveryTests.killed(power: 15, process: 5)
        try image.write(to: folder("s"))
        try sqlite3(
            folder("s/journal.db"),
            "DELETE FROM journal WHERE first_lsn IN (SELECT first_lsn FROM journal ORDER BY first_lsn DESC LIMIT \(rows))"
        )
        let altered = try FolderImage(of: folder("s"))
        #expect(try outcome(altered, values, "\(rows) rows") == .resupplied)
        var bare = altered
        bare.files["tail"] = nil
        #expect(try outcome(bare, values, "\(rows) rows, no tail") == .refused)
    }

    /// The ring does not go back so far: not sound, refused.
    @Test func rowsDeletedThatTheRingHasLost() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        for number in 0..<60 { try store.set("k\(number)", String(repeating: "v", count: 3_000)) }
        let values = store.values
        let image = try store.image()
        store.drop()
        try image.write(to: folder("t"))
        var outcomes: [Outcome] = []
        for rows in [1, 5, 10, 15, 30, 55] {
            try sqlite3(
                folder("t/journal.db"), "DELETE FROM journal WHERE first_lsn>(SELECT \(61 - rows))")
            outcomes.append(try outcome(try FolderImage(of: folder("t")), values, "\(rows) rows"))
        }
        #expect(outcomes == [.resupplied, .resupplied, .resupplied, .resupplied, .refused, .refused], "\(outcomes)")
    }

    /// The ring was altered, too: it does not reach the mark any more.
    @Test func ringThatEndsBeforeTheMarkIsRefused() throws {
        let folder = try TemporaryFolder()
        let (image, values) = try TailRecoveryTests.killed(power: 15, process: 0)
        try image.write(to: folder("s"))
        try sqlite3(folder("s/journal.db"), "DELETE FROM journal WHERE first_lsn>5")
        var altered = try FolderImage(of: folder("s"))
        let size = TailFormat.size(content: 1 + 1 + 1 + 1 + 2 + 1 + 1 + 21)
        for record in 3..<15 {
            altered.files["tail"]?[TailFormat.headerBytes + record * size + 20] ^= 1
            #expect(try outcome(altered, values, "record \(record)") == .refused)
            altered.files["tail"]?[TailFormat.headerBytes + record * size + 20] ^= 1
        }
    }

    /// Transactions behind a break were synced, and are gone. Once the machine was started again, mark and ring may both be
    /// older than they were: nothing proves that the ring has all of them.
    @Test func rotIsMadeUpForOnlyWhileTheMachineGoesOn() throws {
        var (image, values) = try killed()
        image.breakFrame(of: "journal.db-wal", at: 0.8)
        #expect(try outcome(image, values, "the same boot") == .resupplied)
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        let before = FolderListing(folder("s")).items
        var options = laggingOptions()
        options.boot = "another"
        let error = failure { _ = try TinyStore(folder("s"), options) }
        #expect(error?.code == .damaged && error?.message.contains("nothing proves") == true, "\(error?.message ?? "")")
        for (name, item) in FolderListing(folder("s")).items where before[name] != nil && name.hasPrefix("journal") {
            #expect(item.bytes == before[name]?.bytes || name.hasSuffix("-shm"), "\(name) was written")
        }
    }
}
