// The attack `faults`: a slice of it, what it would find, and how its cases are numbered.

#if CommandLine
import Backstay
import Testing
import WriteAheadJournal

@testable import CrashLab
@testable import Drill

@Suite(.serialized) struct FaultsTests {
    /// Cases all over the attack, in the time that a test may take; and its controls.
    @Test func sliceOfTheRowLosesNothingAndItsControlsDo() throws {
        let report = try FaultsAttack.run(LabPlan(seed: 7, cases: 120, executable: builtLab))
        #expect(report.isGood, "\(report.text)")
        #expect(report.cases == 120 && report.failed == 0)
        #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails))
        let met = try #require(report.counts.first { $0.name == "faults met" }?.count)
        #expect(met > 100)
    }

    @Test func sameNumberIsTheSameCase() throws {
        let counts = [
            FaultCases.Count(calls: [FaultClass(rawValue: 2), .sync], allocations: 3),
            FaultCases.Count(calls: [FaultClass(rawValue: 10)], allocations: 0),
        ]
        let cases = FaultCases(counts, seed: 3)
        let again = FaultCases(counts, seed: 3)
        let seen = (0..<cases.total).map { "\(cases[$0].workload) \(cases[$0].fault)" }
        #expect(seen == (0..<again.total).map { "\(again[$0].workload) \(again[$0].fault)" })
        #expect(Set(seen).count == cases.total, "each once")
        #expect(seen.filter { $0.contains("allocation") }.count == 6)
        #expect(seen.filter { $0.contains("(sync)") }.count == Fault.ways(.sync).count)
    }

    /// Seven numbers of errors for one call, four models of pages for a sync that fails with EIO.
    @Test func everyKindIsPlayed() {
        let kinds = Set(
            (0..<FaultClass.count).flatMap { number in
                Fault.ways(FaultClass(rawValue: UInt8(number))).compactMap { target, _ -> FaultKind? in
                    if case .call(_, let kind, _) = target { kind } else { nil }
                }
            })
        #expect(kinds == Set(FaultKind.allCases))
        let models = Set(
            Fault.ways(.sync).compactMap { target, _ -> FaultPages? in
                if case .call(_, .eio, let pages) = target { pages } else { nil }
            })
        #expect(models == Set(FaultPages.allCases))
    }

    @Test func answersThatAFaultMayHave() {
        func fault(_ number: UInt8, _ kind: FaultKind, _ lasting: Fault.Lasting = .once) -> Fault {
            Fault(target: .call(FaultClass(rawValue: number), kind, .clean), index: 1, lasting: lasting)
        }
        let full = fault(2, .enospc)
        #expect(full.mayAnswer(.diskFull) && full.mayAnswer(.notYetDurable) && !full.mayAnswer(.ioError))
        #expect(full.passes && !fault(2, .eio).passes)
        // A disk so full that its syncs fail is an I/O error.
        let all = fault(2, .enospc, .all)
        #expect(!all.passes && all.mayAnswer(.ioError) && all.mayAnswer(.diskFull))
        let sync = fault(4, .enospc)
        #expect(!sync.passes && sync.mayAnswer(.ioError) && !sync.mayAnswer(.diskFull))
        #expect(!fault(1, .eio).mayAnswer(.damaged) && fault(1, .short).mayAnswer(.damaged))
        #expect(fault(8, .busy).mayAnswer(.busy) && !fault(8, .busy).mayAnswer(.ioError))
    }

    // MARK: The ledger

    /// Two acknowledged, one unknown, one refused, one acknowledged.
    private static func ledger() -> (ledger: FaultLedger, rows: [String: String]) {
        var ledger = FaultLedger(seed: 1)
        var rows: [String: String] = [:]
        func add(_ change: Change) { rows[change.key] = change.value(seed: 1).word }
        for lsn in 1...2 {
            let change = ledger.next()
            ledger.acknowledge(change, lsn: UInt64(lsn), .process, isTransaction: lsn == 2)
            add(change)
        }
        rows[FaultLedger.newestKey] = "text:w0/2"
        let unknown = ledger.next()
        ledger.noteUnknown(unknown, isTransaction: false)
        add(unknown)
        ledger.reject(ledger.next())
        let last = ledger.next()
        ledger.acknowledge(last, lsn: 4, .process, isTransaction: false)
        add(last)
        return (ledger, rows)
    }

    @Test func whatWasAnsweredIsWhole() {
        let (ledger, rows) = Self.ledger()
        #expect(rows.keys.sorted() == ["newest", "w0/1", "w0/2", "w0/3", "w2/1"])
        #expect(ledger.judge(rows, .process).findings == [])
        #expect(ledger.judge(rows, .process).lost == 0)
    }

    @Test func everyKindOfLossIsFound() throws {
        var (ledger, rows) = Self.ledger()
        func found(_ damage: (inout [String: String]) -> Void, _ survival: Survival = .process) -> FaultLedger.Verdict {
            var damaged = rows
            damage(&damaged)
            return ledger.judge(damaged, survival)
        }
        #expect(found { $0["w2/1"] = nil }.lost > 0, "the last acknowledged is missing")
        #expect(found { $0["w0/1"] = "int:3" }.lost > 0, "a value is another")
        let hole = found({ $0["w0/3"] = nil }, .power)
        #expect(hole.lost == 0 && hole.findings == ["w2/1 is there without w0/3, which came before"])
        #expect(!found { $0["w1/1"] = Change(writer: 1, number: 1).value(seed: 1).word }.findings.isEmpty, "refused")
        #expect(!found { $0["half of w0/2"] = "text:x" }.findings.isEmpty, "half a record")
        #expect(!found { $0[FaultLedger.newestKey] = "text:w0/1" }.findings.isEmpty, "an older value")
        // A power cut may take the newest changes, all or some, until a sync covers them.
        #expect(found({ $0 = [:] }, .power).findings == [])
        ledger.sync()
        #expect(found({ $0["w2/1"] = nil }, .power).lost > 0)
        #expect(found({ $0 = [:] }, .power).lost >= 4, "what was unknown is durable, too")
    }
}
#endif
