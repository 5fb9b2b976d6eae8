// A slice of the row `rot` with real children, and its parts.

#if CommandLine
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct RotTests {
    /// Of each part of the row some cases; the controls fail in every run.
    @Test func nothingIsSilentlyWrong() throws {
        for from in [0, 3_000, 20_000] {
            let report = try RotRow.run(
                LabPlan(seed: 20_261_123, from: from, cases: 40, executable: builtCommand))
            #expect(report.cases == 40)
            #expect(report.failed == 0, "\(report.text)")
            #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
            #expect((report.outcomes[.whole] ?? 0) > 0, "\(report.text)")
        }
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

    @Test func linesOfChildrenComeBack() throws {
        let line = RotLine(number: 7, outcome: .detected, how: "refused as damaged", microseconds: 12, what: "a\tb\nc")
        let back = try #require(RotLine(line: line.text.dropLast()))
        #expect(back.number == 7 && back.outcome == .detected && back.how == line.how && back.what == "a b c")
        #expect(RotLine(line: "7\tdetected") == nil)
        let role = RotRole(place: "/p", seed: 3, from: 4, count: 5, only: "live/tail", sabotage: .witnesses)
        let again = try #require(RotRole(arguments: role.arguments))
        #expect(again.arguments == role.arguments)
    }
}
#endif
