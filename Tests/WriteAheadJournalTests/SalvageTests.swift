import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// Everything that still checks comes over, whatever the rest is like; what does not is named. The store stays as it is.
@Suite(.timeLimit(.minutes(5))) struct SalvageTests {
    /// A store of many pages, folded, with records behind that.
    private func store() throws -> (image: FolderImage, values: [String: String]) {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"))
        for number in 0..<300 {
            try store.set("key\(1_000 + number)", "\(number)" + String(repeating: "v", count: 100), .process)
        }
        try store.set("last", "before the fold")
        try store.fold()
        // The second one trims the log up to the first.
        try store.set("middle", "before the second fold")
        try store.fold()
        try store.state.checkpointSQLite(force: true)
        for number in 0..<20 { try store.set("key\(1_000 + number)", "later \(number)") }
        try store.committer.withBackend { (backend) throws(StoreError) in try backend.checkpointSQLite() }
        let values = store.values
        try store.close()
        return (try FolderImage(of: folder("s")), values)
    }

    private func salvage(_ image: FolderImage, _ change: (String) throws -> Void = { _ in }) throws
        -> (result: Salvage, values: [String: String])
    {
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        try change(folder("s"))
        let before = FolderListing(folder("s")).items
        let result = try Salvage(folder("s"), to: folder("new"))
        let after = FolderListing(folder("s")).items
        #expect(before.mapValues(\.bytes) == after.mapValues(\.bytes), "the store is as it was")
        #expect(Files.names(in: folder("")) == ["new", "s"], "nothing is left beside it")
        let store = try TinyStore(folder("new"))
        defer { store.drop() }
        #expect(store.opening.damage.isEmpty)
        #expect(store.values.count == result.rows)
        return (result, store.values)
    }

    @Test func wholeStoreComesOverWithNothingDropped() throws {
        let (image, values) = try store()
        let (result, found) = try salvage(image)
        #expect(found == values)
        #expect(result.dropped.isEmpty && result.repaired.isEmpty, "\(result.dropped)")
        #expect(result.records == 21 && result.lastLSN == LSN(323), "\(result.records) to \(result.lastLSN)")
    }

    @Test func rowThatDoesNotCheckIsNamed() throws {
        let (image, values) = try store()
        let (result, found) = try salvage(image) {
            try sqlite3($0 + "/state.db", "UPDATE state SET value='else' WHERE key IN ('key1200','key1201')")
        }
        var expected = values
        expected["key1200"] = nil
        expected["key1201"] = nil
        #expect(found == expected)
        #expect(result.dropped.compactMap(\.key) == ["key1200", "key1201"], "\(result.dropped)")
    }

    /// The log is trimmed up to the fold before the last one: what it still has of a row that does not check is as good.
    @Test func rowThatTheLogStillHasComesOver() throws {
        let (image, values) = try store()
        let (result, found) = try salvage(image) {
            try sqlite3($0 + "/state.db", "UPDATE state SET value='else' WHERE key IN ('middle','key1200')")
        }
        var expected = values
        expected["key1200"] = nil
        #expect(found == expected)
        #expect(result.dropped.compactMap(\.key) == ["key1200", "middle"], "what was met is named all the same")
        let (renamed, again) = try salvage(image) {
            try sqlite3($0 + "/state.db", "UPDATE state SET key='muddle' WHERE key='middle'")
        }
        #expect(again == values && renamed.dropped.compactMap(\.key) == ["muddle"], "\(renamed.dropped)")
    }

    /// A row is missing, and so is the record that may have removed it: which key that was is not known.
    @Test func recordBeforeTheCheckpointIsNamedWhereTheTableIsNotWhole() throws {
        let (image, values) = try store()
        let (result, found) = try salvage(image) {
            try sqlite3($0 + "/state.db", "DELETE FROM state WHERE key='middle'")
            try sqlite3(
                $0 + "/journal.db",
                "UPDATE journal SET records=substr(records,1,length(records)-1)||x'00' "
                    + "WHERE first_lsn=(SELECT min(first_lsn) FROM journal)")
        }
        #expect(found == values.filter { $0.key != "middle" })
        #expect(result.dropped.contains { $0.lsns != nil }, "\(result.dropped)")
    }

    /// A record in the middle is gone; those behind it link to what is stored of it.
    @Test func recordThatDoesNotCheckCostsNoOther() throws {
        let (image, values) = try store()
        let sql =
            "UPDATE journal SET records=substr(records,1,length(records)-1)||x'00' WHERE first_lsn=(SELECT max(first_lsn)-6 FROM journal)"
        let (result, found) = try salvage(image) { try sqlite3($0 + "/journal.db", sql) }
        let lost = found.keys.filter { found[$0] != values[$0] }
        #expect(found.count == values.count && lost.count == 1, "\(lost)")
        #expect(result.dropped.compactMap(\.lsns) == [317...317], "\(result.dropped)")
    }

    @Test func missingRowOfTheJournalCostsItAndTheNext() throws {
        let (image, values) = try store()
        let (result, found) = try salvage(image) {
            try sqlite3($0 + "/journal.db", "DELETE FROM journal WHERE first_lsn=310")
        }
        #expect(found.keys.filter { found[$0] != values[$0] }.count == 2)
        #expect(result.dropped.compactMap(\.lsns).contains(310...310))
        #expect(result.dropped.compactMap(\.lsns).contains(311...311), "it has nothing before it to check against")
    }

    /// Pages of the table that cannot be read are gone around.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func pagesThatCannotBeReadAreGoneAround(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var (image, values) = try store()
        image.files["state.db-wal"] = []
        image.files["state.db-shm"] = nil
        let bytes = try #require(image.files["state.db"])
        let pages = bytes.count / 4_096
        #expect(pages > 12)
        for _ in 0..<6 {
            var damaged = image
            // A page of leaves, by its type; behind those that hold the schema.
            let leaves = (3..<pages).filter { bytes[$0 * 4_096] == 10 }
            let page = try #require(leaves.randomElement(using: &random))
            for at in 0..<4_096 {
                damaged.files["state.db"]?[page * 4_096 + at] = UInt8.random(in: 0...255, using: &random)
            }
            let (result, found) = try salvage(damaged)
            let lost = values.keys.filter { found[$0] != values[$0] }
            #expect(!lost.isEmpty && lost.count < 60, "page \(page): \(lost.count) lost, seed \(seed)")
            #expect(found.allSatisfy { values[$0.key] == $0.value }, "page \(page), seed \(seed)")
            #expect(result.dropped.contains { $0.check == "state" && $0.message.contains("cannot be read") })
        }
    }

    @Test func storeWithOneDatabaseLeftComesOverAsFarAsItGoes() throws {
        let (image, values) = try store()
        var stateOnly = image
        stateOnly.files["journal.db"] = nil
        let (first, found) = try salvage(stateOnly)
        #expect(found.count == values.count && !first.dropped.isEmpty)
        var journalOnly = image
        journalOnly.files["state.db"] = Array("nonsense".utf8)
        let (second, later) = try salvage(journalOnly)
        #expect(later.count == 21 && later.allSatisfy { values[$0.key] == $0.value }, "\(later.count)")
        #expect(!second.dropped.isEmpty)
    }

    /// Table and log of two stores, or with a gap between them: what comes over is named as what it is.
    @Test func tableThatDoesNotBelongToTheLogIsNamed() throws {
        let (image, _) = try store()
        let (other, _) = try store()
        var mixed = image
        for name in ["state.db", "state.db-wal", "state.db-shm"] { mixed.files[name] = other.files[name] }
        let (ofTwo, _) = try salvage(mixed)
        #expect(
            ofTwo.dropped.contains { $0.check == "store" && $0.message.contains("another store") }, "\(ofTwo.dropped)")
        let (gap, _) = try salvage(image) {
            try sqlite3($0 + "/state.db", "UPDATE meta SET value=value-200 WHERE key='checkpoint_lsn'")
            try sqlite3($0 + "/state.db", "UPDATE meta SET value=0 WHERE key='previous_lsn'")
        }
        let lost = gap.dropped.first { $0.message.contains("records are missing") }
        #expect(lost?.lsns?.count ?? 0 > 100, "\(gap.dropped)")
    }

    @Test func alteredByteOfTheSQLiteWALIsRightInTheNewStore() throws {
        let (image, values) = try TailRecoveryTests.killed(power: 15, process: 5)
        let wal = try #require(image.files["journal.db-wal"])
        let end = try #require(framesOf(wal).last?.end)
        var altered = image
        altered.files["journal.db-wal"]?[end - 20_000 / 4 * 4] ^= 1
        let (result, found) = try salvage(altered)
        #expect(found == values)
        #expect(result.repaired.count == 1 && result.dropped.isEmpty, "\(result.repaired) \(result.dropped)")
    }

    @Test func whatIsInTheWayIsRefused() throws {
        let (image, _) = try TailRecoveryTests.killed(power: 1, process: 0)
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        #expect(failure { _ = try Salvage(folder("s"), to: folder("s")) }?.code == .notAStore)
        #expect(failure { _ = try Salvage(folder("none"), to: folder("new")) }?.code == .notAStore)
        let store = try TinyStore(folder("s"))
        #expect(failure { _ = try Salvage(folder("s"), to: folder("new")) }?.code == .busy)
        store.drop()
        #expect(Files.names(in: folder("")) == ["s"])
    }
}
