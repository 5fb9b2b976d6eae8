import CFaultVFS
import Testing

@testable import WriteAheadJournal

import SystemC

/// A file system of its own of a few hundred kilobytes; nil where none can be mounted, and then nothing is claimed.
private final class SmallDisk {
    let path: String
    private let folder: TemporaryFolder

    init?(kilobytes: Int) throws {
        folder = try TemporaryFolder(onDisk: true)
        path = folder("disk")
        mkdir(path, 0o700)
        guard (try? shell("mount -t tmpfs -o size=\(kilobytes)k none \(quoted(path))")) != nil else {
            print("no file system can be mounted here: nothing tested")
            return nil
        }
    }

    /// Takes all the space that is left.
    func fill() { _ = try? shell("head -c 100M /dev/zero >\(quoted(path + "/ballast"))") }
    func free() { unlink(path + "/ballast") }

    deinit { _ = try? shell("umount \(quoted(path))") }
}

@Suite(.timeLimit(.minutes(5))) struct DiskFullTests {
    private var options: JournalOpening.Options {
        var options = JournalOpening.Options()
        options.limits.tailBytes = 64 << 10
        options.limits.patience = 30_000_000
        options.limits.retryInterval = 5_000_000
        return options
    }

    @Test func fullDiskRejectsThenGoesOnAndLosesNothing() throws {
        guard let disk = try SmallDisk(kilobytes: 3_000) else { return }
        let path = disk.path + "/s"
        let store = try TinyStore(path, options)
        try store.set("a", "1")
        disk.fill()
        var number = 0
        var caught: StoreError?
        while caught == nil && number < 10_000 {
            number += 1
            // Larger than the room that is made sure of before: else it would be rejected.
            do { try store.set("key\(number)", String(repeating: "x", count: 200_000)) } catch {
                caught = error as? StoreError
            }
        }
        #expect(caught?.code == .notYetDurable && caught?.outcome == .unknown, "\(caught?.description ?? "")")
        let unknown = store.committer.last
        for _ in 0..<3 {
            let refused = failure { try store.set("refused", "1") }
            #expect(refused?.code == .diskFull && refused?.outcome == .rejected)
        }
        #expect(store.committer.last == unknown)
        #expect(try StoreReader(path).isLive)
        disk.free()
        #expect(eventually { store.committer.lastDurable == unknown })
        try store.set("b", "2")
        try store.fold()
        store.drop()
        let again = try TinyStore(path, options)
        #expect(again.values["a"] == "1" && again.values["b"] == "2" && again.values["refused"] == nil)
        #expect(again.values["key\(number)"] != nil, "published, so it came when there was room")
        #expect(again.values.count == number + 2)
        try again.close()
    }

    @Test func foldThatFindsNoRoomChangesNothing() throws {
        guard let disk = try SmallDisk(kilobytes: 3_000) else { return }
        let path = disk.path + "/s"
        let store = try TinyStore(path, options)
        for number in 0..<60 { try store.set("key\(number)", String(repeating: "\(number % 10)", count: 10_000)) }
        disk.fill()
        #expect(failure { try store.fold() }?.code == .diskFull)
        disk.free()
        try store.set("late", "1")
        try store.fold()
        let values = store.values
        store.drop()
        let again = try TinyStore(path, options)
        #expect(again.values == values && again.replayed == 0)
        try again.close()
    }

    @Test func storeThatDoesNotFitIsNotMade() throws {
        guard let disk = try SmallDisk(kilobytes: 400) else { return }
        for kilobytes in [0, 4, 8, 16, 24, 32, 40, 48, 64, 80] {
            disk.free()
            try shell("head -c \((380 - kilobytes) * 1_024) /dev/zero >\(quoted(disk.path + "/ballast"))")
            do {
                let store = try TinyStore(disk.path + "/s", options)
                try store.close()
                Files.removeFolder(disk.path + "/s")
            } catch {
                let error = error as? StoreError
                #expect(error?.code == .diskFull, "\(kilobytes) KB: \(error?.description ?? "")")
                // Whole or not there: one that came to be opens when there is room.
                let left = Files.names(in: disk.path).filter { $0 != "ballast" }
                #expect(left == [] || left == ["s"], "\(kilobytes) KB: \(left)")
                if left == ["s"] {
                    disk.free()
                    try TinyStore(disk.path + "/s", options).close()
                    Files.removeFolder(disk.path + "/s")
                }
            }
        }
    }

    /// At zero bytes free opening for writing works in the room that is written ahead, or is refused; reading is not, and
    /// nothing is lost.
    @Test func killedStoreOnAFullDiskIsReadableAndOpensWhenThereIsRoom() throws {
        guard let disk = try SmallDisk(kilobytes: 1_500) else { return }
        let path = disk.path + "/s"
        var store = try TinyStore(path, options)
        for number in 0..<5 { try store.set("key\(number)", "\(number)") }
        let values = store.values
        let image = try store.image()
        store.drop()
        Files.removeFolder(path)
        try image.write(to: path)
        disk.fill()
        for _ in 0..<2 {
            do {
                let opened = try TinyStore(path, options)
                #expect(opened.values == values)
                opened.drop()
            } catch let error as StoreError {
                #expect(error.code == .diskFull, "\(error)")
            }
            let reader = try StoreReader(path)
            var count = 0
            _ = try reader.records { record, _ in if record.kind == .changes { count += 1 } }
            reader.close()
            #expect(count == 5)
        }
        disk.free()
        store = try TinyStore(path, options)
        #expect(store.values == values)
        try store.close()
    }

    /// Where there is no space to write ahead, commits make the file grow; the next upkeep tries again.
    @Test func storeWithoutRoomToWriteAheadWorksAndGetsItWhenThereIsSpace() throws {
        guard let disk = try SmallDisk(kilobytes: 17_000) else { return }
        let path = disk.path + "/s"
        try recordsOf(path)
        try sqlite3(path + "/journal.db", "PRAGMA wal_checkpoint(TRUNCATE)")
        try shell("head -c 9M /dev/zero >\(quoted(disk.path + "/ballast"))")
        let vfs = try #require(countingVFS)
        let counts = try FileCounts(path + "/journal.db")
        let backend = try SQLiteJournal(folder: path, vfs: vfs)
        try backend.noteEnd(RunEnd(.clean, evidence: "test"), at: 1)
        let size = { Files.size(path + "/journal.db-wal") ?? 0 }
        #expect(size() > 0 && size() < 100_000)
        #expect(failure { try backend.reserve(bytes: 4 << 20) }?.code == .diskFull)
        #expect(counts.since().wal.bytes < 100_000, "trying would take what is left from others, for a moment")
        try backend.noteEnd(RunEnd(.clean, evidence: "test"), at: 2)
        try backend.checkpointSQLite()
        #expect(size() < 100_000)
        disk.free()
        try backend.checkpointSQLite()
        #expect(size() == 4 << 20)
        try backend.noteEnd(RunEnd(.clean, evidence: "test"), at: 3)
        backend.close()
        #expect(try recordsOf(path) == [])
    }
}
