// The attack `model` in small, and the dictionary that it compares with.

#if CommandLine
@testable import CrashLab
@testable import Drill
import Backstay
import Testing
import WriteAheadJournal

@Suite(.serialized) struct ModelTests {
    @Test func livesAreWhatADictionaryHolds() throws {
        let report = try ModelAttack.run(LabPlan(seed: 20_261_123, cases: 25))
        #expect(report.failed == 0 && report.cases == 25, "\(report.text)")
        #expect(report.controls.count == 1 && report.controls.allSatisfy(\.fails), "\(report.text)")
        for what in ["deaths", "errors", "backups", "clean ends", "abandoned transactions", "readers beside"] {
            #expect(report.counts.contains { $0.name == what && $0.count > 0 }, "no \(what): \(report.text)")
        }
    }

    /// The command that a failure prints makes the same life.
    @Test func sameSeedMakesTheSameLife() throws {
        try FaultVFS.register()
        let place = try ScratchFiles.makePlace("model-test", in: LabPlan(seed: 1).folder)
        defer { Files.removeFolder(place) }
        for number in 0..<6 {
            var counts: [[String: Int]] = []
            for round in 0..<2 {
                let folder = "\(place)/\(number)-\(round)"
                try ScratchFiles.make(folder: folder)
                var life = ModelLife(in: folder, seed: 5, number: number)
                life.live()
                #expect(life.problems.isEmpty, "\(life.problems)")
                counts.append(life.counts)
            }
            #expect(counts[0] == counts[1] && !counts[0].isEmpty)
        }
    }

    /// Whether the next try comes before the wait is over would be another at each replay.
    @Test func noClockDecidesWhatAFullDiskAnswers() {
        var random = SeededRandom(seed: 3, name: "options")
        var waits: Set<Bool> = []
        for _ in 0..<50 {
            let options = ModelDraw.options(&random)
            let isPatient = options.diskFullPatience >= .seconds(60) && options.retryInterval == 1_000_000
            let isNot = options.diskFullPatience == .zero && options.retryInterval == 3_600_000_000_000
            #expect(isPatient || isNot)
            waits.insert(isPatient)
        }
        #expect(waits == [true, false])
    }

    @Test func everyDifferenceIsSeen() throws {
        let store = try StateStore.inMemory()
        var table = ModelTable()
        for (key, value) in [
            ("a", ModelValue.int(1)), ("é", .text("é")), ("row/1", .bytes([1, 2])), ("z", .double(0)),
        ] {
            _ = try store.put(key, value, nil)
            table[key] = value
        }
        #expect(try table.difference(store) == nil)
        #expect(try table.difference(store.entries(prefix: "row/"), prefix: "row/") == nil)
        func sees(_ change: (inout ModelTable) -> Void) throws {
            var other = table
            change(&other)
            #expect(try other.difference(store) != nil)
            #expect(try other.difference(store.entries()) != nil)
        }
        try sees { $0["a"] = nil }
        try sees { $0["b"] = .int(1) }
        try sees { $0["a"] = .int(2) }
        try sees { $0["a"] = .text("1") }
        // Equal to Swift, other bytes: another key, and another value.
        try sees { $0["é"] = .text("e\u{301}") }
        try sees {
            $0["é"] = nil
            $0["e\u{301}"] = .text("é")
        }
        try sees { $0["z"] = .double(-0.0) }
        try sees { $0["row/1"] = .bytes([1, 2, 0]) }
        #expect(try table.difference(store, "a", contains: false) != nil)
        #expect(try table.difference(store, "none", contains: true) != nil)
        #expect(try table.difference(store, "none", contains: false) == nil)
    }
}
#endif
