// The attack `power` in small: one cut where the machine is there, and what needs none.

#if CommandLine
@testable import CrashLab
@testable import Drill
import Testing

@Suite(.serialized) struct PowerTests {
    @Test(.enabled(if: EmulatedMachine.isThere, "the emulated machine is not there: run .ci/power-machine"))
    func machineThatLosesItsPowerLosesNothing() throws {
        let report = try PowerAttack.run(
            LabPlan(seed: 3, cases: 1, executable: builtLab), machine: EmulatedMachine.folder)
        #expect(report.failed == 0, "\(report.text)")
        #expect(report.outcomes[.whole] == 1, "a guest older than the lab? run .ci/power-machine: \(report.text)")
    }

    /// An attack that cannot be played says so by name, and is not good.
    @Test func machineThatIsNotThereIsNamed() throws {
        let report = try PowerAttack.run(LabPlan(seed: 3, cases: 1), machine: "/nowhere")
        #expect(!report.isGood)
        #expect(!report.skipped.isEmpty)
        #expect(report.cases == 0)
    }

    @Test func firstFilesAreAnArchive() throws {
        var files = FirstFiles()
        files.add(folder: "bin")
        files.add(program: "init", Array("#!/bin/sh\n".utf8))
        files.end()
        #expect(files.bytes.count % 512 == 0)
        // Read again as the format says: a head, a name, a content, each to the next four bytes.
        var entries: [(name: String, mode: Int, content: String)] = []
        var at = 0
        func text(_ range: Range<Int>) -> String { String(decoding: files.bytes[range], as: UTF8.self) }
        func number(_ field: Int) throws -> Int {
            try #require(Int(text(at + 6 + field * 8..<at + 14 + field * 8), radix: 16))
        }
        while entries.last?.name != "TRAILER!!!" {
            #expect(text(at..<at + 6) == "070701")
            let nameEnd = at + 110 + (try number(11))
            let start = (nameEnd + 3) / 4 * 4
            let end = start + (try number(6))
            entries.append((text(at + 110..<nameEnd - 1), try number(1), text(start..<end)))
            at = (end + 3) / 4 * 4
        }
        #expect(entries.map(\.name) == ["bin", "init", "TRAILER!!!"])
        #expect(entries.map(\.mode) == [0o040_755, 0o100_755, 0])
        #expect(entries[1].content == "#!/bin/sh\n")
    }

    /// Answers that were lost with a console's buffer make no change foreign; a change nobody can have made is.
    @Test func writersMayBeAheadOfTheAnswersThatCameThrough() {
        var history = History()
        history.begin(writer: 1)
        #expect(history.mayHaveSubmitted(Change(writer: 1, number: 1)))
        #expect(!history.mayHaveSubmitted(Change(writer: 1, number: 2)))
        history.ahead = 3
        #expect(history.mayHaveSubmitted(Change(writer: 1, number: 3)))
        #expect(!history.mayHaveSubmitted(Change(writer: 1, number: 4)))
        #expect(!history.mayHaveSubmitted(Change(writer: 2, number: 1)))
    }
}
#endif
