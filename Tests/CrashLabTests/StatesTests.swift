// The attack `states`: the recorder, the states it builds, its oracle, and a slice of the attack itself.
//
// The recorder is one per process, so what uses it runs one after the other.

@testable import Backstay
@testable import CrashLab
@testable import Drill
import Testing
import WriteAheadJournal

import SystemC

// MARK: - Hand-made recordings

/// Bytes are named by what they are: each event's are all the same letter.
private struct Script {
    var events: [Recording.Event] = []
    var bytes: [UInt8] = []

    mutating func write(_ file: StoreFile, _ offset: Int, _ letter: Character, _ count: Int = 1) {
        events.append(.write(file, offset: offset, at: bytes.count, count: count))
        bytes += [UInt8](repeating: letter.asciiValue ?? 0, count: count)
    }

    mutating func page(_ file: StoreFile, _ offset: Int, _ letter: Character) {
        events.append(.page(file, offset: offset, at: bytes.count, count: 4_096))
        bytes += [UInt8](repeating: letter.asciiValue ?? 0, count: 4_096)
    }

    var recording: Recording { Recording(events, bytes: bytes) }
}

private func text(_ bytes: [UInt8]?) -> String { bytes.map { String(decoding: $0, as: UTF8.self) } ?? "nothing" }

@Suite struct CrashStateTests {
    private var random = SeededRandom(seed: 1)

    private func states(
        _ script: Script, base: DiskImage = DiskImage(), rules: DiskRules = DiskRules(),
        effort: CrashStateEffort = CrashStateEffort(exhaustiveMax: 12, sampled: 0, torn: 0, cuts: 0)
    ) -> CrashStates {
        CrashStates(base: base, recording: script.recording, rules: rules, effort: effort)
    }

    private mutating func powerLoss(_ states: CrashStates) -> [CrashState] {
        var all: [CrashState] = []
        states.afterPowerLoss(&random) {
            all.append($0)
            return true
        }
        return all
    }

    private static var emptyJournal: DiskImage {
        var base = DiskImage()
        base[.journal] = Array("....".utf8)
        return base
    }

    @Test mutating func everySubsetOfWhatIsNotSynced() {
        var script = Script()
        script.write(.journal, 0, "a")
        script.events.append(.sync(.journal))
        script.write(.journal, 1, "b")
        script.write(.journal, 1, "c")
        script.write(.journal, 2, "d")
        let found = powerLoss(states(script, base: Self.emptyJournal)).map { text($0.image[.journal]) }
        // Before the sync with and without the first; then all of three, and where b and c meet c wins.
        #expect(found.prefix(2).sorted() == ["....", "a..."])
        #expect(found.count == 2 + 8)
        #expect(Set(found.dropFirst(2)) == ["a...", "ab..", "ac..", "a.d.", "abd.", "acd."])
    }

    @Test mutating func syncOfOneFileLeavesTheOtherPending() {
        var script = Script()
        var base = Self.emptyJournal
        base[.state] = Array("..".utf8)
        script.write(.state, 0, "s")
        script.write(.journal, 0, "j")
        script.events.append(.sync(.journal))
        let last = powerLoss(states(script, base: base)).suffix(2)
        #expect(last.map { text($0.image[.journal]) } == ["j...", "j..."])
        #expect(Set(last.map { text($0.image[.state]) }) == ["..", "s."])
    }

    @Test mutating func lyingFlushesMakeNothingDurable() {
        var script = Script()
        script.write(.journal, 0, "a")
        script.events.append(.sync(.journal))
        let last = powerLoss(states(script, base: Self.emptyJournal, rules: DiskRules(flushesLie: true))).suffix(2)
        #expect(Set(last.map { text($0.image[.journal]) }) == ["....", "a..."])
    }

    @Test(arguments: [true, false]) mutating func newNameNeedsASyncOfItsFolder(isStrict: Bool) {
        var script = Script()
        script.events.append(.create(.journalWAL))
        script.write(.journalWAL, 0, "w")
        script.events.append(.sync(.journalWAL))
        script.write(.journalWAL, 1, "x")
        let rules = DiskRules(namesAreStrict: isStrict)
        var found = Set(
            powerLoss(states(script, rules: rules)).suffix(isStrict ? 4 : 2).map { text($0.image[.journalWAL]) })
        #expect(found == (isStrict ? ["nothing", "w", "wx"] : ["w", "wx"]))
        script.events.append(.folderSync)
        found = Set(powerLoss(states(script, rules: rules)).suffix(2).map { text($0.image[.journalWAL]) })
        #expect(found == ["w", "wx"])
    }

    @Test mutating func truncationMayBeLost() {
        var script = Script()
        script.events.append(.truncate(.journal, size: 2))
        let found = powerLoss(states(script, base: Self.emptyJournal)).map { text($0.image[.journal]) }
        #expect(found.sorted() == ["..", "...."])
    }

    @Test mutating func tornWriteDamagesOnlyItsOwnBytesUnlessSectorsAreDamagedWhole() {
        var base = DiskImage()
        base[.journal] = [UInt8](repeating: 46, count: 4_096)
        var script = Script()
        script.write(.journal, 100, "w", 1_500)
        let effort = CrashStateEffort(exhaustiveMax: 0, sampled: 0, torn: 300, cuts: 0)
        func beside(_ states: [CrashState]) -> Int {
            states.filter { state in
                let bytes = state.image[.journal] ?? []
                return bytes[..<100].contains { $0 != 46 } || bytes[1_600...].contains { $0 != 46 }
            }.count
        }
        let careful = powerLoss(states(script, base: base, effort: effort))
        #expect(careful.count == 300)
        #expect(careful.allSatisfy { $0.image.size(.journal) == 4_096 && $0.isTorn })
        #expect(beside(careful) == 0)
        // Sectors 0 to 3, each old, new, or in flight.
        #expect(careful.contains { $0.image[.journal]?[600] == 46 && $0.image[.journal]?[100] == 119 })
        #expect(careful.contains { $0.image[.journal]?[600] == 119 && $0.image[.journal]?[100] == 46 })
        #expect(careful.contains { $0.image[.journal]?[600] == 0 })
        let careless = powerLoss(
            states(script, base: base, rules: DiskRules(damagesWholeSectors: true), effort: effort))
        #expect(beside(careless) > 0)
    }

    @Test mutating func mappedPageIsAnyVersionSinceItsLastSync() {
        var base = DiskImage()
        base[.tail] = [UInt8](repeating: 46, count: 8_192)
        var script = Script()
        script.page(.tail, 0, "a")
        script.page(.tail, 4_096, "b")
        script.page(.tail, 0, "c")
        // One state between two syncs of another file, many times.
        for _ in 0..<200 {
            script.write(.journal, 0, "j")
            script.events.append(.sync(.journal))
        }
        let found = Set(
            powerLoss(states(script, base: base)).map { state in
                let bytes = state.image[.tail] ?? []
                return text([bytes[0], bytes[4_096]])
            })
        #expect(found == ["..", "a.", "c.", ".b", "ab", "cb"])
        script.events.append(.sync(.tail))
        script.write(.journal, 0, "k")
        let last = powerLoss(states(script, base: base)).suffix(2)
        #expect(last.allSatisfy { $0.image[.tail]?[0] == 99 && $0.image[.tail]?[4_096] == 98 })
    }

    @Test mutating func processDeathLeavesEverythingSoFar() {
        var script = Script()
        var base = Self.emptyJournal
        base[.tail] = [UInt8](repeating: 46, count: 8_192)
        script.write(.journal, 0, "a", 2)
        script.page(.tail, 0, "p")
        script.page(.tail, 4_096, "q")
        script.write(.journal, 2, "b", 2)
        var found: [String] = []
        states(script, base: base, effort: CrashStateEffort(cuts: 1)).afterProcessDeath(&random) { state in
            let tail = state.image[.tail] ?? []
            found.append("\(text(state.image[.journal])) \(text([tail[0], tail[4_096]]))")
            return true
        }
        #expect(found == ["a... ..", "aa.. ..", "aa.. pq", "aab. pq", "aabb pq"])
        found = []
        states(script, base: base, rules: DiskRules(mappingsDie: true), effort: CrashStateEffort(cuts: 0))
            .afterProcessDeath(&random) { state in
                found.append(text([state.image[.tail]?[0] ?? 0]))
                return true
            }
        #expect(!found.isEmpty && found.allSatisfy { $0 == "." })
    }

    @Test mutating func answersBindUntilTheNextSyncAndChangesFromTheirBeginning() {
        var script = Script()
        script.events.append(.mark(.submitted(1)))
        script.write(.journal, 0, "a")
        script.events.append(.sync(.journal))
        script.events.append(.mark(.survivesPower(1)))
        script.events.append(.mark(.submitted(2)))
        script.write(.journal, 1, "b")
        script.events.append(.mark(.survivesProcess(2)))
        script.events.append(.mark(.submitted(3)))
        let all = states(script, base: Self.emptyJournal)
        let answers = Answers(all.recording)
        let power = powerLoss(all).map { "\(text($0.image[.journal])) \(answers.allowed($0))" }
        #expect(power == [".... 0...0", "a... 0...1", "a... 1...1", "ab.. 1...2"])
        var process: [String] = []
        all.afterProcessDeath(&random) {
            process.append("\(text($0.image[.journal])) \(answers.allowed($0))")
            return true
        }
        #expect(process == ["a... 1...1", "ab.. 2...2"])
    }
}

// MARK: - The oracle

@Suite struct StateOracleTests {
    private static func oracle() -> CrashStateOracle {
        var oracle = CrashStateOracle()
        oracle.begin("a", .int(0))
        oracle.add([("a", .int(1))])
        oracle.add([("b", .text("x")), ("c", .bytes([1, 2]))])
        oracle.add([("b", nil)])
        return oracle
    }

    @Test func stateAfterAnAllowedPrefixIsGood() {
        let oracle = Self.oracle()
        for number in 0...3 { #expect(oracle.judge(oracle.digests[number], number...number) == nil) }
        #expect(oracle.judge(oracle.digests[2], 0...3) == nil)
        #expect(Set(oracle.digests).count == 4)
    }

    @Test func stateBeforeWhatWasAnsweredIsLost() {
        let oracle = Self.oracle()
        #expect(oracle.judge(oracle.digests[1], 2...3) == .lost(found: 1, answered: 2))
        #expect(oracle.judge(oracle.digests[0], 1...1) == .lost(found: 0, answered: 1))
    }

    @Test func stateAfterWhatWasBegunIsEarly() {
        let oracle = Self.oracle()
        #expect(oracle.judge(oracle.digests[3], 0...2) == .early(found: 3, begun: 2))
    }

    @Test func stateThatNeverWasNamesTheKeys() throws {
        let oracle = Self.oracle()
        // Half of a transaction.
        let store = try StateStore.inMemory()
        try store.set("a", 1)
        try store.set("b", "x")
        let digest = try CrashStateOracle.read(store)
        let finding = oracle.judge(digest, 1...2, entries: try CrashStateOracle.entries(store))
        guard case .foreign(let what)? = finding else {
            Issue.record("\(String(describing: finding))")
            return
        }
        #expect(what.hasPrefix("1 keys differ from the state after change"))
        try store.set("c", [UInt8]([1, 2]))
        let whole = try CrashStateOracle.read(store)
        #expect(oracle.judge(whole, 2...2) == nil)
        try store.set("c", [UInt8]([1, 3]))
        let altered = try CrashStateOracle.read(store)
        #expect(oracle.judge(altered, 2...2) != nil)
        try store.close()
    }

    @Test func valueOfAnotherKindIsAnother() {
        var oracle = CrashStateOracle()
        oracle.add([("a", .text("x"))])
        oracle.add([("a", .bytes(Array("x".utf8)))])
        oracle.add([("a", .text("y"))])
        #expect(Set(oracle.digests).count == 4)
    }
}

// MARK: - The recorder and the attack

@Suite(.serialized) struct StatesTests {
    private func place() throws -> String {
        let plan = LabPlan(seed: 1)
        return try plan.makePlace("states-test")
    }

    /// Every profile, on the real store: what was recorded leads from the files before to the files after, byte for byte.
    @Test(arguments: 0..<CrashStateWorkload.Profile.allCases.count)
    func recordingLeadsToTheFilesThatAreThere(number: Int) throws {
        try Recording.prepare()
        let place = try place()
        defer { Files.removeFolder(place) }
        let workload = CrashStateWorkload(seed: 5, number: number, isSmall: true)
        let folder = try CrashStateFolder(place + "/case")
        var oracle = CrashStateOracle()
        try workload.begin(folder.path, &oracle)
        let base = folder.read()
        let (_, recording) = try Recording.of(folder.path) { try workload.play(folder.path) }
        var image = base
        for event in recording.events { image.apply(event, of: recording) }
        let after = folder.read()
        for file in StoreFile.allCases {
            // Not the bytes themselves: nobody would read a report of them.
            let isSame = image[file] == after[file]
            #expect(isSame, "\(file.name)")
        }
        #expect(after[.journal] != nil && after[.tail] != nil && after[.run] != nil && after[.journalWAL] != nil)
        // Without the last that was seen of the tail, or a late write, it leads elsewhere.
        let pages = recording.events.indices.filter {
            switch recording.events[$0] {
            case .page(.tail, _, _, _), .replace(.tail, _, _): true
            default: false
            }
        }
        let writes = recording.events.indices.filter {
            if case .write = recording.events[$0] { true } else { false }
        }
        // A commit that is padded to a whole sector ends in writes of what was there already.
        for left in [pages.suffix(1), writes.suffix(8)] {
            let differs = left.contains { left in
                var other = base
                for (index, event) in recording.events.enumerated() where index != left {
                    other.apply(event, of: recording)
                }
                return other != after
            }
            #expect(differs)
        }
        let marks = Answers(recording)
        let end = CrashState(
            image: image, survival: .process, acknowledged: recording.events.count, submitted: recording.events.count,
            events: recording.events.count, what: { "" })
        #expect(marks.allowed(end) == workload.changes...workload.changes)
    }

    /// Syncs outside SQLite are seen, too: a store that was not closed is synced before it is opened for writing.
    @Test func syncsOutsideSQLiteAreRecorded() throws {
        try Recording.prepare()
        let place = try place()
        defer { Files.removeFolder(place) }
        let path = place + "/store"
        var options = StoreOptions()
        options.vfs = FaultVFS.name
        options.closesAtExit = false
        func use() throws { try StateStore.open(path, options: options).set("a", 1) }
        try use()
        let (_, recording) = try Recording.of(try Files.resolved(path)) { try use() }
        var synced: [String] = []
        events: for event in recording.events {
            switch event {
            case .write: break events
            case .sync(let file): synced.append(file.name)
            case .folderSync: synced.append("")
            default: break
            }
        }
        #expect(synced == ["state.db", "state.db-wal", "journal.db", "journal.db-wal", ""])
    }

    /// What pads a commit is synced only as far as the next one needs it. Where a power cut takes the rest, the next run must
    /// not write into the sector in which the commit itself ends.
    @Test func secondPowerCutDoesNotDamageTheCommitWhosePaddingTheFirstOneTook() throws {
        try Recording.prepare()
        let place = try place()
        defer { Files.removeFolder(place) }
        let folder = try CrashStateFolder(place + "/state")
        let id = StoreFolder.newStoreID()
        try StoreFolder.create(folder.path, vfs: nil, storeID: id, position: StoreFolder.origin(storeID: id))?.release()
        var oracle = CrashStateOracle()
        oracle.begin("a", .int(1))
        var options = CrashStateWorkload(seed: 1, number: 0).options(boot: "1")
        options.paranoidSectors = true
        func set() throws { try StateStore.open(folder.path, options: options).set("a", 1) }
        try set()
        var image = folder.read()
        let scan = try #require(WALScan.file(folder.path + "/journal.db-wal"))
        let end = scan.committedBytes
        try #require(end % 4_096 != 0 && end % 4_096 < 4_120, "the last frame is one that pads")
        // The sectors behind the last one that was synced are as they were: zeros.
        let zeros = [UInt8](repeating: 0, count: end % 4_096)
        zeros.withUnsafeBytes { image.write(.journalWAL, end - zeros.count, $0) }
        image[.tail] = nil
        try folder.write(image)
        #expect(WALScan.file(folder.path + "/journal.db-wal")?.committedBytes == end - 4_120)

        options.vfs = FaultVFS.name
        options.boot = "2"
        let judge = CrashStateJudge(folder)
        let expected = CrashStateJudge.Expected(allowed: 0...0)
        let (first, recovery) = try Recording.of(folder.path) { judge.open(options, oracle, expected) }
        #expect(first.fault == nil, "\(String(describing: first.fault))")
        options.vfs = nil
        options.boot = "3"
        var random = SeededRandom(seed: 1)
        var states = CrashStates(base: image, recording: recovery, rules: DiskRules(damagesWholeSectors: true))
        states.effort = CrashStateEffort(exhaustiveMax: 4, sampled: 8, torn: 60, cuts: 0)
        var count = 0
        var faults: [String] = []
        try states.afterPowerLoss(&random) { state in
            count += 1
            try folder.write(state.image)
            if let fault = judge.open(options, oracle, expected).fault {
                faults.append("\(fault.what): \(state.what())")
            }
            return faults.count < 3
        }
        #expect(faults.isEmpty, "\(faults)")
        #expect(count > 200)
    }

    @Test func sliceOfTheRowIsGoodAndItsControlsFail() throws {
        let report = try CrashStatesAttack.run(LabPlan(seed: 20_261_123, cases: 2), amount: .slice)
        #expect(report.isGood, "\(report.text)")
        #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
        #expect(report.next == 2)
        let counts = Dictionary(uniqueKeysWithValues: report.counts.map { ($0.name, $0.count) })
        for name in ["states after power loss", "states after a process's death", "crashes inside a recovery"] {
            #expect(counts[name] ?? 0 > 50, "\(name): \(report.text)")
        }
    }
}
