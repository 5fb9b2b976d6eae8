// The mapped tail on real file systems, mounted for the test.

#if CommandLine
import Backstay
import Testing

@testable import WriteAheadJournal

import SystemC

@Suite(.serialized, .timeLimit(.minutes(5))) struct TailFileSystemTests {
    private static func lagging() -> StoreOptions {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.ageMax = 3_600_000_000_000
        options.diskFullPatience = .milliseconds(200)
        return options
    }

    /// SIGKILL with nothing drained: everything is there, and the tools say what holds.
    @Test(arguments: [MountedDisk.Kind.ext4, .xfs, .btrfs, .tmpfs])
    func killedStoreHasWhatTheTailHad(kind: MountedDisk.Kind) async throws {
        guard let disk = try MountedDisk(kind) else { return }
        let path = disk.path + "/s"
        await #expect(processExitsWith: .signal(SIGKILL), "\(kind)") { [path = path as String] in
            let store = try await StateStore.open(path, options: Self.lagging())
            guard store.statistics.isTailMapped else { exit(3) }
            for number in 0..<300 {
                let receipt = try await store.set("k\(number)", number, durability: .process)
                guard receipt.durability == .process else { exit(4) }
            }
            guard store.statistics.recordsAtRisk == 300 else { exit(5) }
            kill(getpid(), SIGKILL)
        }
        if kind == .btrfs {
            let attributes = try disk.shell("lsattr s/tail").out
            #expect(attributes.split(separator: " ").first?.contains("C") == true, "\(attributes)")
        }
        let tool = try TestFolder()
        #expect(try tool.output("get", path, "k299") == "299\n")
        for command in ["info", "doctor"] {
            #expect(try tool.output(command, path).contains("acknowledged in the mapped tail"), "\(command) on \(kind)")
        }
        let store = try await StateStore.open(path)
        #expect(store.recovery.recordsFromTail == 300, "\(kind)")
        for number in 0..<300 { #expect(try store.get("k\(number)") == number) }
        try await store.close()
    }

    /// Where a mapping is not known to hold, a change is answered after its commit, and everyone says so.
    @Test(arguments: [MountedDisk.Kind.overlay, .ramfs])
    func unknownFileSystemGetsNoMapping(kind: MountedDisk.Kind) async throws {
        guard let disk = try MountedDisk(kind) else { return }
        let path = disk.path + "/s"
        await #expect(processExitsWith: .signal(SIGKILL), "\(kind)") { [path = path as String] in
            let store = try await StateStore.open(path, options: Self.lagging())
            guard !store.statistics.isTailMapped else { exit(3) }
            for number in 0..<20 {
                let receipt = try await store.set("k\(number)", number, durability: .process)
                guard receipt.durability == .power else { exit(4) }
            }
            guard store.statistics.recordsAtRisk == 0 else { exit(5) }
            kill(getpid(), SIGKILL)
        }
        #expect(try disk.shell("ls s/tail s/tail.new").status != 0, "no file")
        let tool = try TestFolder()
        for command in ["info", "doctor"] {
            // On a memory file system doctor finds no room to tell of, and says so by its status, too.
            let text = try tool.run(command, path).out
            #expect(text.contains("no mapped tail, because file system type"), "\(command) on \(kind): \(text)")
        }
        let store = try await StateStore.open(path)
        #expect(store.recovery.recordsFromTail == 0 && store.statistics.keys == 20)
        try await store.close()
    }

    /// A copy shares the store's blocks, and then the disk is full: a store into a shared page would raise SIGBUS. Writers
    /// go on or are told `diskFull`, and what they were answered is there.
    @Test(arguments: [
        (MountedDisk.Kind.xfs, "cp -a --reflink=always s/tail copy"),
        // Not Btrfs: there SQLite's own index in shared memory raises it (docs/testing.md).
        (.ext4, "true"), (.tmpfs, "true"),
    ])
    func fullDiskBehindACopyRaisesNoSignal(kind: MountedDisk.Kind, copy: String) async throws {
        guard let disk = try MountedDisk(kind) else { return }
        let notes = try TestFolder()
        let path = disk.path + "/s"
        await #expect(processExitsWith: .exitCode(0), "\(kind), \(copy)") {
            [
                path = path as String, disk = disk.path as String, notes = notes.path as String,
                fill = MountedDisk.filling as String, copy = copy as String,
            ] in
            // Pages are made sure of again after a second at the latest.
            _ = try WorkerThread("disk") {
                while access(notes + "/ready", F_OK) != 0 { usleep(1_000) }
                guard shell("cd '\(disk)' && \(copy)") == 0 else { exit(6) }
                usleep(1_300_000)
                _ = shell("cd '\(disk)'; { \(fill); } 2>/dev/null")
                usleep(1_300_000)
                close(open(notes + "/end", O_CREAT | O_WRONLY, 0o600))
            }
            try await Self.write(to: path, notes)
            _exit(0)
        }
        let counts = (Files.text(at: notes.path + "/answered") ?? "").split(separator: " ").compactMap { Int($0) }
        try #require(counts.count == 2, "the writer came to no end")
        try disk.free()
        let store = try await StateStore.open(path)
        let missing = try (0..<counts[0]).filter { try !store.contains("k\($0)") }
        #expect(missing.isEmpty, "\(kind): \(missing.count) of \(counts[0]) are gone")
        print("\(kind), \(copy): \(counts[0]) changes answered, \(counts[1]) refused")
        try await store.close()
    }

    /// The ring alone, on a full disk, with and without a copy that shares its blocks: a page that cannot be had is an error.
    @Test(arguments: [
        (MountedDisk.Kind.btrfs, "true"), (.btrfs, "btrfs -q subvolume snapshot . snapshot"),
        (.xfs, "cp --reflink=always tail copy"), (.ext4, "true"),
    ])
    func ringOnAFullDiskRaisesNoSignal(kind: MountedDisk.Kind, copy: String) async throws {
        guard let disk = try MountedDisk(kind) else { return }
        await #expect(processExitsWith: .exitCode(0), "\(kind), \(copy)") {
            [path = disk.path as String, fill = MountedDisk.filling as String, copy = copy as String] in
            let file = try TailFile.prepare(folder: path, capacity: 64 << 10)
            let tail = try TailFile.begin(file, storeID: "x", epoch: 1)
            guard tail.outlivesProcess, Self.overrun(tail) == 0 else { exit(3) }
            guard shell("cd '\(path)' && sync -f . && \(copy)") == 0 else { exit(4) }
            // What the committer does every second, and before it sleeps.
            tail.cool()
            _ = shell("cd '\(path)'; { \(fill); } 2>/dev/null")
            let refused = Self.overrun(tail)
            print("\(copy): \(refused) of 500 records were refused")
            if copy == "true" && refused > 0 { exit(5) }
            _ = shell("cd '\(path)' && rm -f ballast more last && sync -f .")
            _exit(Self.overrun(tail) == 0 ? 0 : 6)
        }
    }

    /// Some laps; how often there was no page to be had.
    private static func overrun(_ tail: Tail) -> Int {
        var refused = 0
        var lsn = LSN(1)
        for _ in 0..<500 {
            do throws(StoreError) {
                if !tail.hasRoom(700) {
                    guard try tail.makeRoom(700) else { exit(7) }
                }
                _ = tail.append(.bytes, lsn: lsn, after: 0, content: 700) {
                    $0.initializeMemory(as: UInt8.self, repeating: 5)
                }
                var batch = RecordBatch()
                tail.release(through: tail.copy(to: &batch, after: lsn))
                lsn = lsn.next
            } catch {
                guard error.code == .diskFull else { exit(8) }
                refused += 1
            }
        }
        return refused
    }

    /// Changes until it is told to end; any refusal but for a full disk ends the process.
    private static func write(to path: String, _ notes: String) async throws {
        var options = Self.lagging()
        options.ageMax = nil
        let store = try await StateStore.open(path, options: options)
        let value = [UInt8](repeating: 7, count: 700)
        var answered = 0
        var refused = 0
        while access(notes + "/end", F_OK) != 0 {
            do throws(StoreError) {
                try await store.set("k\(answered)", value, durability: .process)
                answered += 1
            } catch {
                guard error.code == .diskFull || error.code == .notYetDurable else {
                    print("\(error)")
                    exit(3)
                }
                if error.outcome == .rejected { refused += 1 } else { answered += 1 }
            }
            if answered == 50 { close(open(notes + "/ready", O_CREAT | O_WRONLY, 0o600)) }
            if answered % 4 == 0 || refused > 0 { usleep(1_000) }
        }
        let text = Array("\(answered) \(refused)".utf8)
        let file = open(notes + "/answered", O_CREAT | O_WRONLY, 0o600)
        _ = text.withUnsafeBytes { Files.writeAll(file, $0) }
    }

    /// The disk is full where the tail has to be made: said at the opening, nothing half made, nothing noted.
    @Test(arguments: [MountedDisk.Kind.ext4, .tmpfs, .xfs, .btrfs])
    func tailThatFindsNoRoomIsNotMade(kind: MountedDisk.Kind) async throws {
        guard let disk = try MountedDisk(kind) else { return }
        let path = disk.path + "/s"
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try await StateStore.open(path, options: Self.lagging())
            try await store.set("a", 1)
            try await store.set("b", 2, durability: .process)
            kill(getpid(), SIGKILL)
        }
        try disk.fill()
        // Another size, so that a new file is needed; the old one has the change that only it has.
        for _ in 0..<2 {
            await #expect {
                _ = try await StateStore.open(path)
            } throws: { error in
                (error as? StoreError)?.code == .diskFull
            }
            let names = try disk.shell("ls s").out
            #expect(names.contains("tail\n") && !names.contains("tail.new"), "\(kind): \(names)")
        }
        try disk.free()
        let store = try await StateStore.open(path)
        #expect(try store.get("a") == 1 && store.get("b") == 2, "\(kind)")
        #expect(store.recovery.recordsFromTail == 1, "\(kind)")
        try await store.close()
    }
}

/// system(), with which a process without another's help runs a command.
private func shell(_ line: String) -> Int32 { system(line) }
#endif
