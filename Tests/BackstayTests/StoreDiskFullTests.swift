// A full disk, for real: a small file system that is mounted for the test, where the tests may mount one.

import Backstay
import SystemC
import Testing
import WriteAheadJournal

/// A file system of a few megabytes, and something that fills it.
final class SmallDisk: Sendable {
    let path: String

    /// Nil, with the reason on the output, where nothing may be mounted.
    init?(_ path: String, megabytes: Int) {
        self.path = path
        let made = shell("mkdir '\(path)' && mount -t tmpfs -o size=\(megabytes)m,mode=700 tmpfs '\(path)'")
        guard made.status == 0 else {
            print("not tested: no file system can be mounted here: \(made.output)")
            rmdir(path)
            return nil
        }
    }

    deinit { shell("umount '\(path)' && rmdir '\(path)'") }

    /// Takes all space but `left` bytes.
    func fill(leaving left: Int = 0) {
        shell("cat /dev/zero > '\(path)/ballast'; truncate -s -\(left) '\(path)/ballast'")
    }

    func empty() { shell("rm '\(path)/ballast'") }
}

@Suite struct StoreDiskFullTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func options(_ onEvent: (@Sendable (StateStore.Event) -> Void)? = nil) -> StoreOptions {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.diskFullPatience = .milliseconds(250)
        options.onEvent = onEvent
        return options
    }

    /// Waits until the store has written out what it kept back.
    private func waitUntilSound(_ store: StateStore) {
        for _ in 0..<2_000 where store.statistics.trouble != nil { usleep(5_000) }
    }

    @Test func fullDiskRejectsNewChangesAndGoesOnWhenThereIsRoom() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let store = try StateStore.open(disk.path + "/app", options: options())
        try store.set("before", 1)
        let piece = [UInt8](repeating: 1, count: 12 << 10)
        disk.fill()
        var expected = ["before"]

        // Room for a commit is made sure of before a change is admitted, so none is caught in between.
        var caught: StoreError?
        for number in 0..<1_000 where caught == nil {
            caught = failure { try store.set("caught \(number)", piece) }
            if caught == nil { expected.append("caught \(number)") }
        }
        #expect(caught?.code == .diskFull)
        #expect(caught?.outcome == .rejected)
        #expect(store.statistics.trouble?.code == .diskFull)

        // From then on: .power is refused at once.
        let refused = failure { try store.set("refused", piece) }
        #expect(refused?.code == .diskFull)
        #expect(refused?.outcome == .rejected)
        #expect(try !store.contains("refused"))
        #expect(failure { try store.transaction { try $0.set("refused", 1) } }?.code == .diskFull)
        #expect(failure { try store.remove("before") }?.code == .diskFull)

        // .process is let in, and survives the process, until the tail is full; then it is refused too.
        var refusal: StoreError?
        var admitted = 0
        for number in 0..<20 where refusal == nil {
            refusal = failure { try store.set("process \(number)", piece, durability: .process) }
            if refusal == nil {
                admitted += 1
                expected.append("process \(number)")
            } else {
                #expect(try !store.contains("process \(number)"))
            }
        }
        #expect(refusal?.code == .diskFull && refusal?.outcome == .rejected)
        #expect(admitted >= 2)

        disk.empty()
        waitUntilSound(store)
        #expect(store.statistics.trouble == nil)
        try store.sync()
        #expect(store.statistics.durableLSN == store.statistics.lastLSN)
        try store.set("after", 1)
        expected.append("after")
        #expect(Set(try store.entries().map(\.key)) == Set(expected))
        try closeVerified(store)
        let again = try StateStore.open(disk.path + "/app")
        #expect(Set(try again.entries().map(\.key)) == Set(expected))
        try closeVerified(again)
    }

    /// A change larger than the room that is made sure of before is published, and then finds none.
    @Test func largeChangeIsCaughtInBetween() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let store = try StateStore.open(disk.path + "/app", options: options())
        let piece = [UInt8](repeating: 1, count: 450 << 10)
        disk.fill()
        var answered: [String] = []
        var caught: StoreError?
        for number in 0..<1_000 where caught == nil {
            caught = failure { try store.set("k\(number)", piece) }
            answered.append("k\(number)")
        }
        #expect(caught?.code == .notYetDurable)
        #expect(caught?.outcome == .unknown)
        #expect(try store.contains(answered[answered.count - 1]))
        #expect(failure { try store.set("refused", 1) }?.code == .diskFull)
        #expect(failure { try store.sync() }?.code == .notYetDurable)
        disk.empty()
        waitUntilSound(store)
        #expect(Set(try store.entries().map(\.key)) == Set(answered))
        try closeVerified(store)
    }

    @Test func fullDiskAnswersTasksToo() async throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let store = try await StateStore.open(disk.path + "/app", options: options())
        let piece = [UInt8](repeating: 1, count: 450 << 10)
        disk.fill()
        var caught: StoreError?
        for number in 0..<1_000 where caught == nil {
            caught = await asyncFailure { try await store.set("k\(number)", piece) }
        }
        #expect(caught?.code == .notYetDurable)
        #expect(caught?.outcome == .unknown)
        #expect(await asyncFailure { try await store.set("refused", 1) }?.code == .diskFull)
        disk.empty()
        try await offPool { [self] in waitUntilSound(store) }
        try await store.set("after", 1)
        #expect(try !store.contains("refused"))
        try await closeVerified(store)
    }

    @Test func closingOnAFullDiskSaysSoAndLosesNothingAnswered() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let store = try StateStore.open(disk.path + "/app", options: options())
        let piece = [UInt8](repeating: 1, count: 450 << 10)
        disk.fill()
        var answered: [String] = []
        for number in 0..<1_000 {
            guard failure({ try store.set("k\(number)", piece) }) == nil else { break }
            answered.append("k\(number)")
        }
        let error = failure { try store.close() }
        #expect(error?.code == .notYetDurable)
        #expect(error?.outcome == .unknown)
        disk.empty()
        let again = try StateStore.open(disk.path + "/app")
        #expect(again.recovery.lastEnd.kind == .killed, "an end that could not be noted")
        let keys = Set(try again.entries().map(\.key))
        #expect(keys.isSuperset(of: answered))
        #expect(keys.count <= answered.count + 1)
        try closeVerified(again)
    }

    /// Space came back a moment before: the last try at the close finds it, and there is nothing to complain of.
    @Test func closingThatFindsRoomAtTheLastMomentIsClean() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        var options = options()
        options.diskFullPatience = .zero
        options.retryInterval = 3_600_000_000_000
        let store = try StateStore.open(disk.path + "/app", options: options)
        let piece = [UInt8](repeating: 1, count: 12 << 10)
        disk.fill()
        var count = 0
        while count < 1_000, failure({ try store.set("k\(count)", piece) }) == nil { count += 1 }
        #expect(store.statistics.trouble?.code == .diskFull)
        try store.set("k\(count)", piece, durability: .process)
        #expect(store.statistics.recordsAtRisk == 1)
        disk.empty()
        let error = failure { try store.close() }
        #expect(error == nil, "\(error.map(String.init(describing:)) ?? "")")
        let again = try StateStore.open(disk.path + "/app")
        #expect(again.recovery.lastEnd.kind == .clean && again.recovery.recordsFromTail == 0)
        #expect(again.statistics.keys == count + 1)
        try closeVerified(again)
    }

    /// Everything is on the disk, only the room for the next commit is not to be had.
    @Test func closingOnAFullDiskWithEverythingOnItDoesNotSpeakOfChanges() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let store = try StateStore.open(disk.path + "/app", options: options())
        let piece = [UInt8](repeating: 1, count: 12 << 10)
        disk.fill()
        var count = 0
        while count < 1_000, failure({ try store.set("k\(count)", piece) }) == nil { count += 1 }
        #expect(store.statistics.trouble?.code == .diskFull)
        #expect(store.statistics.durableLSN == store.statistics.lastLSN)
        let error = failure { try store.close() }
        #expect(error == nil || error?.code == .diskFull, "\(error.map(String.init(describing:)) ?? "")")
        disk.empty()
        let again = try StateStore.open(disk.path + "/app")
        #expect((again.recovery.lastEnd.kind == .clean) == (error == nil))
        #expect(again.statistics.keys == count)
        try closeVerified(again)
    }

    /// ramfs, a tmpfs without a limit and many file systems in user space say 0 for all their blocks.
    @Test(arguments: ["ramfs", "tmpfs -o size=0"]) func fileSystemThatDoesNotCountIsNotFull(kind: String) throws {
        let disk = folder.path + "/disk"
        let made = shell("mkdir '\(disk)' && mount -t \(kind) none '\(disk)'")
        guard made.status == 0 else { return print("not tested: no file system can be mounted here: \(made.output)") }
        defer { shell("umount '\(disk)'") }
        let store = try StateStore.open(disk + "/app", options: options())
        let error = failure { for number in 0..<50 { try store.set("k\(number)", number) } }
        #expect(error == nil, "\(error.map(String.init(describing:)) ?? "")")
        #expect(store.statistics.trouble == nil)
        try closeVerified(store)
    }

    @Test func creatingOnAFullDiskLeavesNothingBehind() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 12) else { return }
        for left in [0, 4 << 10, 16 << 10, 40 << 10, 70 << 10] {
            disk.fill(leaving: left)
            let error = failure { _ = try StateStore.open(disk.path + "/app") }
            #expect(error?.code == .diskFull, "\(left) bytes left: \(error.map(String.init(describing:)) ?? "opened")")
            #expect(Files.names(in: disk.path) == ["ballast"], "\(left) bytes left")
            disk.empty()
        }
        let store = try StateStore.open(disk.path + "/app")
        try closeVerified(store)
    }

    @Test func backupToAFullDiskLeavesNothingBehind() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 12) else { return }
        let store = try StateStore.open(folder.store)
        try store.set("large", [UInt8](repeating: 7, count: 13 << 20))
        let error = failure { try store.backup(to: disk.path + "/copy") }
        #expect(error?.code == .diskFull)
        #expect(Files.names(in: disk.path).isEmpty)
        try store.set("after", 1)
        try closeVerified(store)
    }

    @Test func openingOnAFullDiskIsRefusedAndLosesNothing() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let path = disk.path + "/app"
        let store = try StateStore.open(path)
        for number in 0..<50 { try store.set("k\(number)", number) }
        let rows = try store.entries().rows
        try copyAsKilled(path, to: disk.path + "/killed")
        try closeVerified(store)
        disk.fill()
        for name in ["app", "killed"] {
            let error = failure {
                let store = try StateStore.open(disk.path + "/" + name)
                #expect(try store.entries().rows == rows)
                try store.close()
            }
            #expect(error == nil || error?.code == .diskFull, "\(name): \(error.map(String.init(describing:)) ?? "")")
            #expect(try StateStore.openReadOnly(disk.path + "/" + name).entries().rows == rows)
        }
        disk.empty()
        for name in ["app", "killed"] {
            let again = try StateStore.open(disk.path + "/" + name)
            #expect(try again.entries().rows == rows)
            try closeVerified(again)
        }
    }

    /// A poisoned store is written into new files first; where these find no room, nothing of them is left.
    @Test func poisonedStoreOnAFullDiskIsLeftAsItIs() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 32) else { return }
        let path = disk.path + "/app"
        let store = try StateStore.open(path)
        try store.set("large", [UInt8](repeating: 7, count: 2 << 20))
        try store.close()
        let reader = try StoreReader(path)
        let storeID = reader.storeID
        reader.close()
        RunPage.notePoisoned(folder: path, storeID: storeID)
        let names = Files.names(in: path)
        disk.fill(leaving: 1 << 20)
        #expect(failure { _ = try StateStore.open(path) }?.code == .diskFull)
        #expect(Files.names(in: path) == names)
        disk.empty()
        let again = try StateStore.open(path)
        #expect(try again.get("large", as: [UInt8].self)?.count == 2 << 20)
        try closeVerified(again)
    }

    @Test func checkpointThatFindsNoRoomLetsCommitsGoOn() throws {
        guard let disk = SmallDisk(folder.path + "/disk", megabytes: 24) else { return }
        let failed = Event()
        let store = try StateStore.open(
            disk.path + "/app",
            options: options { event in
                if case .checkpointFailed(let error) = event, error.code == .diskFull { failed.signal() }
            })
        // A journal whose SQLite WAL has room to use again, beside a table that has none.
        let piece = [UInt8](repeating: 1, count: 16 << 10)
        for _ in 0..<150 { try store.set("same", piece, durability: .process) }
        try store.compact()
        disk.fill()
        for number in 0..<20 { try store.set("new \(number)", piece) }
        #expect(failure { try store.checkpoint() }?.code == .diskFull)
        try store.set("on", 1)
        #expect(store.statistics.trouble == nil)
        #expect(store.statistics.durableLSN == store.statistics.lastLSN)
        #expect(store.statistics.checkpointLSN < store.statistics.lastLSN)
        #expect(failed.wait(), "the store's own fold")
        disk.empty()
        try store.checkpoint()
        #expect(store.statistics.checkpointLSN == store.statistics.lastLSN)
        #expect(store.statistics.keys == 22)
        try closeVerified(store)
    }
}
