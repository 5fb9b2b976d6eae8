// What of `lab mutants` can be shown without a build of its own: the table is whole, a verdict is right, and nothing is
// planted in an ordinary build.

@testable import CrashLab
import ExitHooks
import Foundation
import Testing
import WriteAheadJournal

@Suite struct MutantsTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    private static func faults() throws -> [(name: String, what: String)] {
        try PlantedSource.files.flatMap { PlantedSource.faults(try text($0)) }
    }

    @Test func everyFaultHasItsLineAndItsTests() throws {
        let faults = try Self.faults()
        #expect(faults.count >= 40)
        #expect(faults.map(\.name).sorted() == Mutant.all.map(\.fault).sorted())
        for fault in faults { #expect(fault.what.hasSuffix("."), "\(fault.name) does not say what it is") }
        var functions: Set<String> = []
        for case let file as String in try #require(FileManager.default.enumerator(atPath: Self.root + "/Tests"))
        where file.hasSuffix(".swift") {
            for line in try Self.text("Tests/" + file).components(separatedBy: "\n") {
                guard let start = line.range(of: "func ")?.upperBound else { continue }
                functions.insert(String(line[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
            }
        }
        for mutant in Mutant.all {
            #expect(!mutant.tests.isEmpty)
            for test in mutant.tests { #expect(functions.contains(test), "\(mutant.fault): \(test) is no test") }
        }
    }

    /// A fault that nobody reads would be a line without a bug.
    @Test func everyFaultIsReadSomewhere() throws {
        var sources = ""
        for module in ["WriteAheadJournal", "Backstay", "ExitHooks", "CExitHooks"] {
            for file in try FileManager.default.contentsOfDirectory(atPath: Self.root + "/Sources/" + module)
            where file != "Planted.swift" && (file.hasSuffix(".swift") || file.hasSuffix(".c")) {
                sources += try Self.text("Sources/\(module)/\(file)")
            }
        }
        for fault in try Self.faults() {
            let isRead = ["Planted.\(fault.name).isOn", "PlantedInHooks.\(fault.name).isOn", "(\"\(fault.name)\")"]
                .contains {
                    sources.contains($0)
                }
            #expect(isRead, "\(fault.name) is read nowhere")
        }
    }

    @Test func pageHasTheKillMatrix() throws {
        let page = try Self.text("docs/testing.md")
        for fault in try Self.faults() {
            let line = page.split(separator: "\n").first { $0.hasPrefix("| `\(fault.name)` |") }
            #expect(line?.contains("| \(fault.what) |") == true, "docs/testing.md: \(fault.name)")
            #expect(line?.contains("SURVIVES") == false)
        }
    }

    #if !PLANTED
    /// Not even where the environment asks for it.
    @Test func nothingIsPlantedInAnOrdinaryBuild() async {
        await #expect(processExitsWith: .success) {
            setenv("BACKSTAY_PLANTED", "commitsAtNormal", 1)
            precondition(!Planted.commitsAtNormal.isOn && !PlantedInHooks.ignoresBudget.isOn)
        }
    }
    #endif

    @Test func verdictsAreRead() {
        func verdict(_ status: Int32, _ output: String) -> MutantVerdict {
            MutantVerdict(.exited(status), output, tests: ["a", "b"])
        }
        let (good, bad) = (
            "✔ Test a() passed after 0.5 seconds.\n", "✘ Test b(of:) failed after 0.1 seconds with 1 issue.\n"
        )
        #expect(verdict(1, good + bad) == .failed(["b"]))
        #expect(
            verdict(1, good + "✘ Test b(of:) recorded an issue with 1 argument of → 3 at X.swift:1:1\n")
                == .failed(["b"]))
        #expect(verdict(0, good + "✔ Test b(of:) with 3 test cases passed after 2.25 seconds.\n") == .survived)
        #expect(MutantVerdict(nil, good, tests: ["a"]) == .hung)
        #expect(MutantVerdict(.signalled(5), good, tests: ["a"]) == .crashed("SIGTRAP"))
        // A test that was skipped, or is not there, has noticed nothing, and has not passed.
        #expect(!verdict(0, good).isNoticed && verdict(0, good) != .survived)
        #expect(verdict(0, good + "➜ Test b(of:) skipped: no root\n") != .survived)
        #expect(!verdict(69, "").isNoticed && verdict(69, "") != .survived)
        #expect(MutantVerdict.seconds(good, "a") == 0.5 && MutantVerdict.seconds(good, "b") == 0)
    }

    /// The control: a fault that no test notices makes the row red, and so does one whose tests were not run.
    @Test(arguments: [MutantVerdict.survived, .notRun("a test was skipped")])
    func survivorMakesTheRowRed(verdict: MutantVerdict) throws {
        let mutant = try #require(Mutant.all.first)
        var report = LabReport("mutants", LabPlan(seed: 1))
        for noticed in [MutantVerdict.failed(["a"]), .hung, .crashed("SIGTRAP")] {
            MutantsRow.note(noticed, of: mutant, 2, log: "log", in: &report)
        }
        #expect(report.isGood && report.outcomes[.detected] == 3)
        MutantsRow.note(verdict, of: mutant, 3, log: "log", in: &report)
        #expect(!report.isGood && report.failed == 1)
        #expect(report.text.contains(mutant.fault) && report.text.contains("--from 3 --cases 1"))
    }

    @Test func placeThatIsNoCloneIsRefused() {
        #expect(throws: MutantsRow.Unusable.self) {
            try MutantsRow.run(LabPlan(seed: 1), package: "/tmp") { _ in }
        }
    }
}
