import CFaultVFS
import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// Options of a store whose committer leaves the tail alone: nothing is committed for its age.
func laggingOptions(tailBytes: Int = 64 << 10) -> JournalOpening.Options {
    var options = JournalOpening.Options()
    options.limits.ageMax = 3_600_000_000_000
    options.limits.tailBytes = tailBytes
    return options
}

/// Values in the order in which they were set: `k0`, `k1`, …
func expectPrefix(
    _ values: [String: String], of expected: [String: String], atLeast least: Int,
    _ what: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(values.count >= least, "\(what())", sourceLocation: sourceLocation)
    for number in 0..<values.count {
        #expect(values["k\(number)"] == expected["k\(number)"], "\(what()), k\(number)", sourceLocation: sourceLocation)
    }
}

/// What was acknowledged in the mapped tail is there at the next start, whatever the process was doing when it was killed.
@Suite(.timeLimit(.minutes(5))) struct TailRecoveryTests {
    /// A killed store: `power` changes in the journal, then `process` ones that only the tail has.
    static func killed(power: Int, process: Int, bytes: Int = 20, tailBytes: Int = 64 << 10) throws
        -> (image: FolderImage, values: [String: String])
    {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions(tailBytes: tailBytes))
        for number in 0..<(power + process) {
            let level: Durability = number < power ? .power : .process
            let reached = try store.set("k\(number)", "\(number)" + String(repeating: "v", count: bytes), level)
            #expect(reached == level)
        }
        let image = try store.image()
        let values = store.values
        store.drop()
        return (image, values)
    }

    #if os(Linux)
    /// What the tail alone has would be gone for good, with the tail of the next run in its place.
    @Test(arguments: ["tail", "run"])
    func fileThatCannotBeReadNowEndsTheOpening(name: String) throws {
        let folder = try TemporaryFolder()
        let (image, values) = try Self.killed(power: 5, process: 200)
        try image.write(to: folder("s"))
        try #require(rename(folder("s/" + name), folder("kept")) == 0)
        // It opens, and reading it is EIO.
        try #require(symlink("/proc/self/mem", folder("s/" + name)) == 0)
        let error = #expect(throws: StoreError.self) { try TinyStore(folder("s")) }
        #expect(error?.code == .ioError)
        #expect(throws: StoreError.self) { try StoreReader(folder("s")) }
        let survey = StoreSurvey(folder: folder("s"), isLive: false)
        _ = try survey.records { _ in }
        #expect(survey.findings.contains { $0.check == name && $0.location?.file == folder("s/" + name) })
        try #require(rename(folder("kept"), folder("s/" + name)) == 0)
        let store = try TinyStore(folder("s"))
        #expect(store.values == values && store.opening.recordsFromTail == 200)
        store.drop()
    }
    #endif

    @Test func killedStoreHasWhatOnlyTheTailHad() throws {
        let folder = try TemporaryFolder()
        let (image, values) = try Self.killed(power: 5, process: 200)
        try image.write(to: folder("s"))
        let reader = try StoreReader(folder("s"))
        var seen = 0
        _ = try reader.records { record, time in
            if record.kind == .changes { seen += 1 }
            #expect((time == nil) == (record.lsn > LSN(6)), "LSN \(record.lsn)")
        }
        reader.close()
        #expect(seen == 205)
        let store = try TinyStore(folder("s"))
        #expect(store.values == values)
        #expect(store.opening.recordsFromTail == 200 && store.opening.recordsResupplied == 0)
        #expect(store.opening.lastEnd.kind == .killed)
        #expect(!Files.exists(folder("s/evidence")))
        // They are in the journal now.
        let second = try store.image()
        store.drop()
        var alone = second
        alone.files["tail"] = nil
        try alone.write(to: folder("t"))
        let again = try TinyStore(folder("t"))
        #expect(again.values == values && again.opening.recordsFromTail == 0)
        again.drop()
    }

    /// The ring goes around many times, drained by its size alone; now and then a record goes by itself.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func killedStoreWhoseRingWrapped(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        var fromTail = 0
        for number in 0..<400 {
            let length =
                Int.random(in: 0..<50, using: &random) == 0
                ? 40_000 + number * 100 : Int.random(in: 1...2_000, using: &random)
            let reached = try store.set("k\(number)", String(repeating: "\(number % 10)", count: length), .process)
            #expect((reached == .power) == (length > 31_000), "a record that does not fit is answered by its commit")
            guard number % 40 == 39 else { continue }
            let copy = try TemporaryFolder()
            try store.image().write(to: copy("s"))
            let next = try TinyStore(copy("s"))
            #expect(next.values == store.values, "after change \(number), seed \(seed)")
            fromTail += next.opening.recordsFromTail
            next.drop()
        }
        #expect(fromTail > 20, "seed \(seed)")
        store.drop()
    }

    /// SIGKILL for real, from many threads and tasks at once, each of whose answers the parent counts.
    @Test func killedProcessHasAnsweredNothingInVain() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String] in
            // Under the lock, which plays the writer's.
            nonisolated(unsafe) let store = try TinyStore(path + "/s", laggingOptions())
            let answers = open(path + "/answers", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            let gate = Lock()
            for writer in 0..<6 {
                _ = try WorkerThread("writer") {
                    for number in 0... {
                        let reached = try? gate.withLock { try store.set("w\(writer)-\(number)", "x", .process) }
                        guard reached != nil else { return }
                        let line = Array("w\(writer)-\(number)\n".utf8)
                        _ = line.withUnsafeBytes { Files.writeAll(answers, $0) }
                    }
                }
            }
            // So many answers are enough, however busy the machine.
            while (Files.size(path + "/answers") ?? 0) < 4_000 { usleep(1_000) }
            usleep(20_000)
            kill(getpid(), SIGKILL)
        }
        let answered = try #require(Files.contents(folder("answers"), limit: 1 << 30))
        // The kill may cut off the line that is being written.
        let end = try #require(answered.lastIndex(of: UInt8(ascii: "\n")))
        let keys = String(decoding: answered[..<end], as: UTF8.self).split(separator: "\n")
        #expect(keys.count > 100)
        let store = try TinyStore(folder("s"))
        let missing = keys.filter { store.values[String($0)] == nil }
        #expect(missing.isEmpty, "\(missing.count) of \(keys.count): \(missing.prefix(3))")
        #expect(store.opening.recordsResupplied == 0 && store.opening.lastEnd.kind == .killed)
        try store.close()
    }

    /// A start that is killed in one of its writing calls, in each in turn, over the same store, and on a fresh copy each.
    @Test func killedRecoveryBeginsAnew() async throws {
        let folder = try TemporaryFolder()
        let (image, values) = try Self.killed(power: 3, process: 50)
        for number in 1...40 { try image.write(to: folder("s\(number)")) }
        try image.write(to: folder("all"))
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            var options = backstay_fault_options()
            guard backstay_fault_register(&options) == 0 else { exit(3) }
            var kills = 0
            for number in 1...40 {
                for name in ["s\(number)", "all"] {
                    let pid = try forkProcess()
                    if pid == 0 {
                        var options = laggingOptions()
                        options.vfs = BACKSTAY_FAULT_VFS_NAME
                        backstay_fault_kill_in(UInt64(number))
                        guard (try? TinyStore(path + "/" + name, options)) != nil else { _exit(4) }
                        kill(getpid(), SIGKILL)
                    }
                    let status = waitForEnd(of: pid)
                    guard status & 0x7f == SIGKILL else { exit(5) }
                    kills += 1
                }
            }
            exit(kills == 80 ? 0 : 6)
        }
        var fromTail = 0
        for name in (1...40).map({ "s\($0)" }) + ["all"] {
            let store = try TinyStore(folder(name))
            #expect(store.values == values, "\(name)")
            fromTail += store.opening.recordsFromTail
            store.drop()
        }
        #expect(fromTail >= 50, "some kills fell before the tail was taken over: \(fromTail)")
        #expect(fromTail < 41 * 50, "some fell after it: \(fromTail)")
    }

    /// The transaction that takes the tail over is committed, the ring is still the old one: it is not taken twice.
    @Test func tailOfTheRunBeforeIsNotTakenTwice() throws {
        let folder = try TemporaryFolder()
        let (image, values) = try Self.killed(power: 3, process: 50)
        try image.write(to: folder("s"))
        let store = try TinyStore(folder("s"), laggingOptions())
        var torn = try store.image()
        store.drop()
        torn.files["tail"] = image.files["tail"]
        for page in [torn.files["run"], image.files["run"]] {
            torn.files["run"] = page
            let copy = try TemporaryFolder()
            try torn.write(to: copy("s"))
            let again = try TinyStore(copy("s"))
            #expect(again.values == values && again.opening.recordsFromTail == 0)
            again.drop()
        }
    }

    /// A copy of the store that went on by itself, as a backup that was restored: its ring and this one's do not mix.
    @Test func ringsOfTwoHistoriesDoNotMix() throws {
        let folder = try TemporaryFolder()
        let (image, values) = try Self.killed(power: 3, process: 20)
        var images: [FolderImage] = []
        for name in ["a", "b"] {
            try image.write(to: folder(name))
            let store = try TinyStore(folder(name), laggingOptions())
            for number in 23..<40 { try store.set("k\(number)", "\(name)\(number)", .process) }
            images.append(try store.image())
            store.drop()
        }
        let (other, _) = try Self.killed(power: 3, process: 20)
        for (what, tail) in [
            ("the copy's", images[1].files["tail"]), ("one run earlier", image.files["tail"]),
            ("another store's", other.files["tail"]),
        ] {
            var mixed = images[0]
            mixed.files["tail"] = tail
            let copy = try TemporaryFolder()
            try mixed.write(to: copy("s"))
            let store = try TinyStore(copy("s"))
            #expect(store.values == values && store.opening.recordsFromTail == 0, "\(what)")
            store.drop()
        }
    }

    /// After the death of its process a tail that is not as it was left is not taken for the end of the log: what is lost is
    /// said. A sound one raises no alarm.
    @Test func alteredTailIsReported() throws {
        let (image, values) = try Self.killed(power: 5, process: 40)
        let tail = try #require(image.files["tail"])
        let earlier = try #require(try Self.killed(power: 5, process: 0).image.files["tail"])
        let size = TailFormat.size(content: 1 + 1 + 1 + 1 + 2 + 1 + 1 + 22)
        // Of records about in the middle of those that are in the tail alone.
        let place = TailFormat.headerBytes + 25 * size
        var alterations: [(String, [UInt8]?)] = [("missing", nil), ("empty", []), ("foreign", earlier)]
        func alter(_ what: String, _ range: Range<Int>, _ value: UInt8) {
            var bytes = tail
            for at in range { bytes[at] ^= value == 0 ? bytes[at] : value }
            alterations.append((what, bytes))
        }
        alter("a bit of a record", place + 20..<place + 21, 4)
        alter("a commit word", place / 8 * 8..<place / 8 * 8 + 8, 0x40)
        alter("zeros", place / 512 * 512..<place / 512 * 512 + 512, 0)
        alter("the header", 30..<31, 1)
        alter("its anchors", 128..<4_096, 0)
        // As if the newest three had never been published.
        var places: [Int] = []
        var end = TailFormat.headerBytes
        while tail[end] != 0 {
            places.append(end)
            end += TailFormat.size(content: Int(tail[end]))
        }
        alter("its newest records", places[places.count - 3]..<end, 0)
        for (what, bytes) in alterations {
            var altered = image
            altered.files["tail"] = bytes
            let folder = try TemporaryFolder()
            try altered.write(to: folder("s"))
            let reader = try StoreReader(folder("s"))
            _ = try reader.records { _, _ in }
            #expect(reader.damage.contains { $0.check == "tail" }, "\(what)")
            reader.close()
            let store = try TinyStore(folder("s"))
            #expect(store.values.count < values.count, "\(what)")
            #expect(store.opening.damage.contains { $0.contains("tail") }, "\(what): \(store.opening.damage)")
            #expect(Files.exists(folder("s/evidence")), "\(what)")
            store.drop()
        }
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        let store = try TinyStore(folder("s"))
        #expect(store.values == values && store.opening.damage.isEmpty)
        store.drop()
    }

    /// A tail of an earlier moment ends before the journal, with no record that was too large for it in between.
    @Test func staleTailIsReported() throws {
        let folder = try TemporaryFolder()
        let store = try TinyStore(folder("s"), laggingOptions())
        for number in 0..<3 { try store.set("k\(number)", "v", .process) }
        let earlier = try store.image()
        try store.set("large", String(repeating: "v", count: 40_000))
        let sound = try store.image()
        for number in 3..<9 { try store.set("k\(number)", "v", number < 6 ? .power : .process) }
        var image = try store.image()
        store.drop()
        try sound.write(to: folder("sound"))
        let whole = try TinyStore(folder("sound"))
        #expect(whole.opening.damage.isEmpty, "a record that went by itself was never in the ring")
        whole.drop()
        image.files["tail"] = earlier.files["tail"]
        try image.write(to: folder("stale"))
        let next = try TinyStore(folder("stale"))
        #expect(next.opening.damage.contains { $0.contains("earlier moment") }, "\(next.opening.damage)")
        next.drop()
    }

    /// Bytes of a killed store's tail are altered: what comes is a prefix, and never less than the journal had.
    @Test(arguments: [1, 2] as [UInt64])
    func alteredTailCostsNoMoreThanItself(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (image, values) = try Self.killed(power: 5, process: 40)
        let tail = try #require(image.files["tail"])
        for _ in 0..<60 {
            var altered = image
            let place = Int.random(in: 0..<(TailFormat.headerBytes + 5_000), using: &random)
            altered.files["tail"]?[place] = tail[place] ^ UInt8.random(in: 1...255, using: &random)
            let folder = try TemporaryFolder()
            try altered.write(to: folder("s"))
            let store = try TinyStore(folder("s"))
            expectPrefix(store.values, of: values, atLeast: 5, "byte \(place), seed \(seed)")
            #expect(store.values.count == 5 + store.opening.recordsFromTail)
            store.drop()
        }
    }
}
