import Backstay
import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StateStoreTests {
    @Test func valuesComeBackAfterReopening() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let path = folder.path + "/app.backstay"
        let store = try StateStore.open(path)
        #expect(store.recovery.isNew)
        let receipt = try store.set("user_count", 42)
        #expect(receipt.lsn == LSN(2))
        try store.set("name", "Ada", durability: .process)
        try store.set("blob", [UInt8](0...255))
        #expect(try store.get("user_count") == 42)
        let c = try store.update("user_count", default: 0) { $0 += 1 }
        #expect(c.value == 43)
        let id = try store.transaction { tx in
            let next = try tx.get("next_id", default: 7)
            try tx.set("next_id", next + 1)
            try tx.remove("name")
            return next
        }.value
        #expect(id == 7)
        try store.close()
        let again = try StateStore.open(path)
        #expect(again.recovery.lastEnd.kind == .clean)
        #expect(try again.get("user_count") == 43)
        #expect(try again.get("next_id", default: 0) == 8)
        #expect(try again.get("name", as: String.self) == nil)
        #expect(try again.entries().map(\.key) == ["blob", "next_id", "user_count"])
        try again.close()
    }

    @Test func droppedStoreDrainsAndCountsAsNotClosed() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let path = folder.path + "/app.backstay"
        do {
            let store = try StateStore.open(path)
            try store.set("a", 1)
        }
        let again = try StateStore.open(path)
        #expect(again.recovery.lastEnd.kind == .killed)
        #expect(again.recovery.recordsReplayed >= 1)
        #expect(try again.get("a") == 1)
        try again.close()
    }
}

extension StateStoreTests {
    /// By count: each commit is padded to the end of a sector.
    @Test func paranoidSectorsPadEachCommit() throws {
        func logBytes(_ paranoid: Bool) throws -> Int {
            let folder = try TemporaryFolder(onDisk: true)
            var options = StoreOptions()
            options.paranoidSectors = paranoid
            let store = try StateStore.open(folder.path + "/app.backstay", options: options)
            for number in 0..<20 { try store.set("key", number) }
            try copyAsKilled(folder.path + "/app.backstay", to: folder.path + "/copy")
            let bytes = try #require(WALScan.file(folder.path + "/copy/journal.db-wal")).committedBytes
            try store.close()
            #expect(try StateStore.openReadOnly(folder.path + "/app.backstay").get("key") == 19)
            return bytes
        }
        #expect(try logBytes(true) > logBytes(false) * 3 / 2)
    }
}
