// The mapped tail as the store's users meet it: kills, readers beside a busy owner, forked children.

import Backstay
import TestSupport
import Testing
import WriteAheadJournal

import SystemC

@Suite(.timeLimit(.minutes(5))) struct StoreTailTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The least tail, and a committer that leaves it alone until it is half full.
    private static func lagging() -> StoreOptions {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.ageMax = 3_600_000_000_000
        return options
    }

    /// Threads, tasks and transactions of all sizes, each answered before its next change; then SIGKILL.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func killedStoreHasEveryAnsweredChange(seed: UInt64) async throws {
        let answers = folder.path + "/answers-\(seed)"
        let path = folder.path + "/killed-\(seed)"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, answers = answers as String, seed = seed as UInt64] in
            let store = try await StateStore.open(path, options: Self.lagging())
            let file = open(answers, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            @Sendable func answered(_ key: String) {
                let line = Array((key + "\n").utf8)
                _ = line.withUnsafeBytes { Files.writeAll(file, $0) }
            }
            for writer in 0..<4 {
                _ = try WorkerThread("writer") {
                    var random = SeededGenerator(seed: seed &+ UInt64(writer))
                    for number in 0... {
                        let key = "w\(writer)-\(number)"
                        do {
                            if number % 7 == 3 {
                                let large = Int.random(in: 10_000...80_000, using: &random)
                                try store.transaction(durability: .process) {
                                    try $0.set("large \(writer)", String(repeating: "x", count: large))
                                    try $0.set(key, large)
                                }
                            } else {
                                try store.set(key, Int.random(in: 0...9, using: &random), durability: .process)
                            }
                        } catch { return }
                        answered(key)
                        usleep(50)
                    }
                }
            }
            for task in 0..<12 {
                Task.detached {
                    for number in 0... {
                        do {
                            try await store.set("t\(task)-\(number)", number, durability: .process)
                        } catch { return }
                        answered("t\(task)-\(number)")
                        await Task.yield()
                    }
                }
            }
            // So many answers are enough, however busy the machine.
            while (Files.size(answers) ?? 0) < 4_000 { usleep(1_000) }
            usleep(UInt32(10_000 + seed * 20_000))
            kill(getpid(), SIGKILL)
        }
        let text = try #require(Files.contents(answers, limit: 1 << 30))
        let keys = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(keys.count > 100)
        let store = try await StateStore.open(path)
        let missing = try keys.filter { try !store.contains($0) }
        #expect(missing.isEmpty, "\(missing.count) of \(keys.count): \(missing.prefix(3)), seed \(seed)")
        #expect(store.recovery.lastEnd.kind == .killed && store.recovery.recordsResupplied == 0, "seed \(seed)")
        try await store.close()
    }

    /// A reader sees every change that was answered before it began, while the ring goes around under its hands.
    @Test(arguments: [1, 2] as [UInt64])
    func readersSeeWhatWasAnsweredBeforeTheyBegan(seed: UInt64) async throws {
        let store = try await StateStore.open(folder.store, options: Self.lagging())
        let answered = Locked(0)
        let isOver = Locked(false)
        let path = folder.store
        let writer = try WorkerThread("writer") {
            var random = SeededGenerator(seed: seed)
            var number = 0
            while !isOver.with({ $0 }) {
                number += 1
                let size = number % 200 == 0 ? 40_000 : Int.random(in: 1...1_500, using: &random)
                do {
                    try store.transaction(durability: .process) {
                        try $0.set("number", number)
                        try $0.set("filler \(number % 50)", [UInt8](repeating: UInt8(number & 0xff), count: size))
                    }
                } catch { Issue.record("\(error)") }
                answered.with { $0 = number }
                // Slow enough for the readers, which replay all of it, to end also under a sanitizer.
                if number % 4 == 0 { usleep(1_000) }
            }
        }
        var last = 0
        var grew = 0
        for round in 0..<40 {
            let before = answered.with { $0 }
            let reader = try await StateStore.openReadOnly(path)
            let seen = try reader.get("number", default: 0)
            #expect(seen >= before, "round \(round): \(seen) for \(before), seed \(seed)")
            #expect(seen >= last, "round \(round), seed \(seed)")
            if seen > 0, let filler = try reader.get("filler \(seen % 50)", as: [UInt8].self) {
                #expect(filler.allSatisfy { $0 == UInt8(seen & 0xff) }, "half a transaction, seed \(seed)")
            } else if seen > 0 {
                Issue.record("half a transaction, seed \(seed)")
            }
            if seen > last { grew += 1 }
            last = seen
            try await reader.close()
        }
        isOver.with { $0 = true }
        try await offPool { writer.join() }
        #expect(grew > 10, "the writer went on beside the readers: \(grew), seed \(seed)")
        try await store.close()
    }

    /// What a reader saw in the tail alone, a power cut can take.
    @Test func readerTellsWhatIsNotDurable() throws {
        var options = Self.lagging()
        options.checkpointsByItself = false
        let store = try StateStore.open(folder.store, options: options)
        guard store.statistics.isTailMapped else { return print("not tested: no mapped tail here") }
        for number in 0..<3 { try store.set("k\(number)", number) }
        try store.checkpoint()
        for number in 3..<5 { try store.set("k\(number)", number) }
        for number in 5..<9 { try store.set("k\(number)", number, durability: .process) }
        let owner = store.statistics
        #expect(owner.recordsAtRisk == 4)
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        for path in [folder.store, folder.path + "/killed"] {
            let view = try StateStore.openReadOnly(path).statistics
            #expect(view.lastLSN == owner.lastLSN && view.keys == 9, "\(path)")
            #expect(view.durableLSN == owner.durableLSN && view.recordsAtRisk == 4, "\(path)")
            #expect(view.checkpointLSN == owner.checkpointLSN, "\(path)")
        }
        try store.close()
        let closed = try StateStore.openReadOnly(folder.store).statistics
        #expect(closed.durableLSN == closed.lastLSN && closed.recordsAtRisk == 0)
    }

    /// A transaction that found the ring full went by itself, though it is none of the large ones: nothing is missing then.
    @Test func transactionThatFoundTheRingFullIsNoLoss() throws {
        let store = try StateStore.open(folder.store, options: Self.lagging())
        guard store.statistics.isTailMapped else { return print("not tested: no mapped tail here") }
        func fill(_ key: String, _ bytes: Int) throws {
            try store.set(key, [UInt8](repeating: 1, count: bytes), durability: .process)
        }
        // More than half of it, and nobody has called the committer: the last one begins no segment.
        for number in 0..<8 { try fill("\(number)", 3_890) }
        try fill("8", 300)
        try fill("9", 4_800)
        #expect(store.statistics.recordsAtRisk == 10)
        try store.transaction(durability: .process) { try $0.set("large", [UInt8](repeating: 2, count: 30_600)) }
        #expect(store.statistics.recordsAtRisk == 0, "it went by itself, behind all others")
        try copyAsKilled(folder.store, to: folder.path + "/killed")
        let killed = try StateStore.open(folder.path + "/killed")
        #expect(killed.recovery.damage.isEmpty, "\(killed.recovery.damage)")
        #expect(killed.statistics.keys == 11)
        try killed.close()
        try store.close()
    }

    /// A child has no part of the ring: neither its calls nor its end change a byte, and the parent goes on.
    @Test func forkedChildLeavesTheRingAlone() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.store as String] in
            let store = try await StateStore.open(path, options: Self.lagging())
            for number in 0..<50 { try await store.set("k\(number)", number, durability: .process) }
            for round in 0..<6 {
                let before = Files.contents(path + "/tail", limit: 1 << 20)
                let pid = forkProcess()
                if pid == 0 {
                    // As a program that knows nothing of the store's rules.
                    let codes = (0..<3).map { _ in failure { try store.set("child", 1, durability: .process) }?.code }
                    let isMapped = (Files.text(at: "/proc/self/maps") ?? "").contains("/tail")
                    guard codes == [.forked, .forked, .forked], !isMapped else { _exit(9) }
                    switch round % 3 {
                    case 0: exit(0)
                    case 1: _exit(0)
                    default:
                        kill(getpid(), SIGKILL)
                        _exit(8)
                    }
                }
                let status = waitForEnd(of: pid)
                guard status == (round % 3 == 2 ? SIGKILL : 0) else { exit(10 + Int32(round)) }
                guard Files.contents(path + "/tail", limit: 1 << 20) == before else { exit(20) }
                for number in 0..<50 {
                    try await store.set("k\(50 + round * 50 + number)", number, durability: .process)
                }
            }
            kill(getpid(), SIGKILL)
        }
        let store = try await StateStore.open(folder.store)
        #expect(store.statistics.keys == 350 && store.recovery.recordsFromTail == 350)
        #expect(try !store.contains("child"))
        try await store.close()
    }
}

private func waitForEnd(of pid: pid_t) -> Int32 {
    var status: Int32 = -1
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
}
