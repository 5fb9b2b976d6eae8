// A short drill with real processes: the command's own executable as the children.

#if CommandLine
@testable import Drill
import Testing
import WriteAheadJournal

import SystemC

@Suite(.serialized) struct ScenarioTests {
    private func drill(_ names: String...) throws -> DrillReport {
        var plan = DrillPlan(executable: builtCommand)
        plan.only = names
        return try plan.run()
    }

    @Test(arguments: [
        "return from main", "SIGTERM, handled", "fatalError", "kill -9 appending", "power loss, torn writes",
    ])
    func endingLosesNothing(name: String) throws {
        let report = try drill(name)
        let result = try #require(report.scenarios.first)
        #expect(report.scenarios.count == 1)
        #expect(result.name == name)
        #expect(result.lost == 0)
        #expect(result.acknowledged >= 1_000)
        #expect(result.problems.isEmpty, "backstay drill --only '\(name)' --seed \(report.seed)")
        #expect(report.isGood)
    }

    @Test(arguments: Scenario.all.filter(\.isControl).map(\.name))
    func controlLosesAndIsNoFailure(name: String) throws {
        let report = try drill(name)
        let result = try #require(report.scenarios.first)
        #expect(result.lost > 0)
        #expect(report.isGood)
    }

    /// The loss of a control is its flaw's, not the scenario's or the oracle's.
    @Test(arguments: Scenario.all.filter(\.isControl))
    func controlWithoutItsFlawLosesNothing(control: Scenario) throws {
        var harmless = control
        harmless.flaw = nil
        let result = try play(harmless)
        #expect(result.lost == 0)
        #expect(result.problems.isEmpty)
    }

    /// Syncs that lie do no harm where the power stays: as a control this is worth nothing, and says so.
    @Test func controlThatLosesNothingFailsTheDrill() throws {
        let harmless = try #require(Scenario.all.first { $0.name == "exit(3) in main" })
        let result = try play(harmless.with(.syncLies, name: "control: sync lies, exit"))
        #expect(result.acknowledged >= 1_000)
        #expect(result.lost == 0)
        #expect(result.problems.contains { $0.hasPrefix("the control lost nothing") })
        #expect(!DrillReport(seed: 1, scenarios: [result], seconds: 1).isGood)
        #expect(!DrillReport(seed: 1, scenarios: [], seconds: 1).isGood)
    }

    @Test func drillOfWhichNothingWasPlayedIsNotGood() {
        var result = ScenarioResult(name: "OOM kill")
        result.skipped = "it has no control groups"
        let report = DrillReport(seed: 1, scenarios: [result], seconds: 1)
        #expect(!report.isGood && report.table.contains("\nNOT PLAYED: "))
        let other = ScenarioResult(name: "abort", acknowledged: 1_000)
        #expect(DrillReport(seed: 1, scenarios: [result, other], seconds: 1).isGood)
    }

    /// What is expected is compared, not assumed: the same ending with other expectations fails.
    @Test func evidenceAgainstTheTableFails() throws {
        var wrong = try #require(Scenario.all.first { $0.name == "exit(3) in main" })
        wrong.hooks = false
        wrong.scope = true
        wrong.endedAs = ["clean"]
        wrong.ends = [.exited(0)]
        let problems = try play(wrong).problems
        #expect(problems.contains("the hook ran"))
        #expect(problems.contains("the scope's cleanup did not run"))
        #expect(problems.contains { $0.hasPrefix("the next start says exit(3)") })
        #expect(problems.contains { $0.hasPrefix("the process ended by exit status 3") })
    }

    @Test func everyEndingOfTheTableHasItsRow() {
        let names = Scenario.all.map(\.name)
        #expect(Set(names).count == names.count)
        for row in [
            "return from main", "exit(3) in main", "exit(4) on another thread", "exit(5) in a task",
            "throw Exit(3) in run",
            "error out of run", "error out of main", "SIGINT, handled", "SIGTERM, handled", "SIGHUP, handled",
            "SIGTERM, no handler", "fatalError", "SIGSEGV", "abort", "kill -9 appending", "OOM kill", "power loss",
        ] { #expect(names.contains(row)) }
        for control in Scenario.all where control.isControl {
            #expect(
                Scenario.all.contains {
                    !$0.isControl && $0.ending == control.ending && $0.survival == control.survival
                })
        }
    }

    @Test func reportIsJSONWithEveryMember() {
        var result = ScenarioResult(name: "a \"b\"", hooksRan: true, acknowledged: 3, recovered: 4, endedAs: "exit(3)")
        result.seconds = 0.26
        let report = DrillReport(seed: 5, scenarios: [result], seconds: 1.04)
        #expect(
            report.json == """
                {"ok":true,"seed":5,"seconds":1.0,"scenarios":[{"name":"a \\"b\\"","hooksRan":true,"scopeRan":false,\
                "handlerRan":false,"acknowledged":3,"recovered":4,"lost":0,"endedAs":"exit(3)","control":false,\
                "seconds":0.3}]}
                """)
        #expect(report.table.split(separator: "\n").allSatisfy { $0.count <= 110 })
    }

    private func play(_ scenario: Scenario) throws -> ScenarioResult {
        var template = Array("/tmp/backstay-drill-test-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let folder = try Files.resolved(String(cString: made))
        defer { Files.removeFolder(folder) }
        return ScenarioRun(scenario, executable: builtCommand, folder: folder, seed: 7).play()
    }
}
#endif
