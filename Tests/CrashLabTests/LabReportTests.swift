// What an attack says of a failure, and what of a next start counts as one.

#if CommandLine
@testable import Backstay
@testable import CrashLab
@testable import Drill
import Glibc
import Testing
import WriteAheadJournal

@Suite struct LabReportTests {
    /// The command has all that the case depends on, also the cases that it goes on from.
    @Test func failureNamesTheCommandThatPlaysItAgain() {
        var report = LabReport("power", LabPlan(seed: 5, from: 3, folder: "/some/disk"))
        report.options = PowerMachine.options("/a/machine")
        report.fail(7, "lost", from: 0)
        report.fail(8, "wrong")
        let command = "again: swift run -c release lab power --machine /a/machine --folder /some/disk --seed 5 "
        #expect(report.text.contains(command + "--from 0 --cases 8\n"), "\(report.text)")
        #expect(report.text.contains(command + "--from 8 --cases 1\n"), "\(report.text)")
        #expect(report.json.contains("--from 0 --cases 8\""))
        var usual = LabReport("power", LabPlan(seed: 5))
        usual.options = PowerMachine.options(PowerMachine.usualFolder)
        usual.fail(0, "lost")
        #expect(usual.text.contains("again: swift run -c release lab power --seed 5 --from 0 --cases 1\n"))
    }

    /// A control that does not fail is no lack of this machine's, whatever else it lacks.
    @Test func blindControlIsNotSkipped() {
        var report = LabReport("faults", LabPlan(seed: 1))
        report.skip("control: it said nothing for a long time")
        #expect(report.isSkipped && !report.isGood)
        report.control("a failed sync is tried again", fails: false)
        #expect(!report.isSkipped && !report.isGood && report.text.contains("\nFAILED: "))
    }

    /// The budget ends what comes behind the first case: nothing played is nothing shown.
    @Test func firstCaseIsPlayedWhateverTheBudget() {
        var played: [Int] = []
        let next = LabPlan(seed: 1, budget: 1e-9, from: 4).play(progress: { _ in }) { played.append($0) }
        #expect(played == [4] && next == 5)
    }

    /// What a campaign of kills failed at is kept; that of one that did not is not.
    @Test func campaignThatFailsKeepsItsStore() throws {
        let place = try ScratchFiles.makePlace("campaigns", in: "/tmp")
        defer { Files.removeFolder(place) }
        var campaign = KillCampaign(kills: 1, seed: 3, executable: builtLab)
        let good = try campaign.run(in: place)
        #expect(good.isGood && Files.names(in: place).isEmpty, "\(good.text)")
        campaign.isEarly = true
        campaign.kills = 20
        let report = try campaign.run(in: place)
        let kept = try #require(Files.names(in: place).first.map { "\(place)/\($0)" })
        #expect(!report.isGood && report.text.contains("the store is kept in \(kept)\n"), "\(report.text)")
        #expect(Files.exists(kept + "/0.backstay/journal.db"))
    }

    /// A start that finds everything, and reports damage where nothing was altered, does not pass.
    @Test func reportThatIsNotTrueIsAFailure() {
        let history = History()
        func outcome(_ reported: [String]) -> LabOutcome {
            PowerVerdict(.rows([:], reported: reported), history, seed: 1).outcome
        }
        #expect(outcome([]) == .whole)
        #expect(outcome(NextStart.untrue(["tail: altered"])) == .detected)
        #expect(outcome(NextStart.untrue(["x-wal: byte 3: repaired; the file as found is in evidence"])) == .whole)
        #expect(PowerVerdict(.hung, history, seed: 1).outcome == .detected)
        #expect(PowerVerdict(.silent, history, seed: 1).outcome == .skipped)
    }

    /// The next start of a store whose tail was altered says so; the attacks that judge the death of a process see it.
    @Test func damageThatAStartReportsIsSeen() throws {
        let place = try ScratchFiles.makePlace("reports", in: "/tmp")
        defer { Files.removeFolder(place) }
        var options = StoreOptions()
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.ageMax = 3_600_000_000_000
        let live = place + "/live"
        let store = try StateStore.open(live, options: options)
        var record = CaseRecord()
        record.history.begin(writer: 0)
        for number in 1...4 {
            let change = Change(writer: 0, number: number)
            record.history.acknowledge(change, lsn: try store.put(change, seed: 1, .process).lsn.value)
        }
        for name in ["sound", "sound for a child"] { try ScratchFiles.copy(store: live, to: "\(place)/\(name)") }
        for name in ["altered", "altered for a child"] {
            try ScratchFiles.copy(store: live, to: "\(place)/\(name)")
            var bytes = try #require(Files.contents("\(place)/\(name)/tail"))
            for index in bytes.indices.dropFirst(4_096) where bytes[index] != 0 { bytes[index] ^= 1 }
            try ScratchFiles.write(bytes, to: "\(place)/\(name)/tail")
        }
        try store.close()

        var (whole, wrong) = (record, record)
        whole.verify(place + "/sound", seed: 1)
        #expect(whole.problems.isEmpty, "\(whole.problems)")
        wrong.verify(place + "/altered", seed: 1)
        #expect(wrong.problems.contains { $0.hasPrefix("reported as damage: ") }, "\(wrong.problems)")
        for (name, isReported) in [("sound", false), ("altered", true)] {
            let finding = try NextStart.read(
                store: "\(place)/\(name) for a child", executable: builtLab, errors: place + "/errors")
            guard case .rows(_, let reported) = finding else {
                Issue.record("\(finding)")
                continue
            }
            #expect(reported.isEmpty != isReported, "\(reported)")
        }
    }
}
#endif
