// A slice of the attack `rot` with real children, and its parts.

#if CommandLine
@testable import CrashLab
@testable import Drill
import Testing
import WriteAheadJournal

@Suite(.serialized) struct RotTests {
    /// Of each part of the attack some cases; the controls fail in every run.
    @Test func nothingIsSilentlyWrong() throws {
        for from in [0, 3_000, 20_000] {
            let report = try RotAttack.run(
                LabPlan(seed: 20_261_123, from: from, cases: 40, executable: builtLab))
            #expect(report.cases == 40)
            #expect(report.failed == 0, "\(report.text)")
            #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
            #expect((report.outcomes[.whole] ?? 0) > 0, "\(report.text)")
        }
    }

    @Test func bitsOfSmallStores() throws {
        let report = try RotAttack.run(LabPlan(seed: 20_261_123, cases: 40, executable: builtLab), everyBit: true)
        #expect(report.cases == 40 && report.failed == 0, "\(report.text)")
        #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
        #expect(report.replay(7).contains("lab rot --every-bit --seed 20261123 --from 7 "))
    }

    /// Each thing once, and nothing twice, in an order that only the seed decides.
    @Test func casesAreEachThingOnce() throws {
        let image: RotImage = ["a": [UInt8](repeating: 1, count: 700), "b": [1, 2, 3]]
        let store = RotStore(kind: .live, image: image, earlier: image, changes: 1, durable: 1)
        for seed in [1, 77] as [UInt64] {
            let cases = RotCases([store], foreign: [:], seed: seed)
            let all = (0..<cases.count).compactMap { cases[$0]?.description }
            #expect(all.count == cases.count && cases[cases.count] == nil)
            #expect(Set(all.dropFirst(cases.surgeryCount)).count == cases.sectorCount + cases.byteCount)
            #expect(cases.byteCount == 703 * 10 && cases.sectorCount == 3 * RotCase.Sector.allCases.count)
            let bits = all.filter { $0.hasPrefix("b: bit") }
            #expect(Set(bits).count == 24)
        }
    }

    /// The stores of which a campaign plays every bit, and that it plays each bit once.
    @Test func everyBitOfThreeSmallStores() throws {
        let place = try ScratchFiles.makePlace("rot-test", in: "/tmp")
        defer { Platform.removeFolder(place) }
        let stores = try RotStores(in: place, seed: 4, .bits).stores
        #expect(stores.map(\.kind) == [.clean, .live, .mid])
        for store in stores {
            let bytes = store.image.filter { !$0.key.hasSuffix("-shm") }.values.reduce(0) { $0 + $1.count }
            #expect(bytes <= 256 << 10, "\(store.kind): \(store.image.mapValues(\.count))")
            #expect(
                ["journal.db", "journal.db-wal", "state.db", "state.db-wal", "tail", "run", "lock"].allSatisfy {
                    !(store.image[$0] ?? []).isEmpty
                })
        }
        let small: RotImage = ["a": [1, 2, 3, 4, 5], "a-shm": [1, 2], "b": [9]]
        let cases = RotCases(
            [RotStore(kind: .live, image: small, earlier: small, changes: 1, durable: 1)], foreign: [:], seed: 9,
            extent: .bits)
        let all = (0..<cases.count).compactMap { cases[$0]?.description }
        #expect(all.count == 48 && Set(all).count == 48 && cases[48] == nil)
        #expect(all.allSatisfy { $0.contains(": bit ") && !$0.hasPrefix("a-shm") })
    }

    @Test func linesOfChildrenComeBack() throws {
        let line = RotLine(number: 7, outcome: .detected, how: "refused as damaged", microseconds: 12, what: "a\tb\nc")
        let back = try #require(RotLine(line: line.text.dropLast()))
        #expect(back.number == 7 && back.outcome == .detected && back.how == line.how && back.what == "a b c")
        #expect(RotLine(line: "7\tdetected") == nil)
        let role = RotRole(
            place: "/p", seed: 3, extent: .bits, from: 4, count: 5, only: "live/tail", sabotage: .witnesses)
        let again = try #require(RotRole(arguments: role.arguments))
        #expect(again.arguments == role.arguments)
    }
}
#endif
