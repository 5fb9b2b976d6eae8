// What of `lab mutants` can be shown without a build of its own: the table is whole and applies, and a verdict is right.

@testable import CrashLab
import Drill
import Foundation
import Testing

@Suite struct MutantsTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    /// Tests alone: product code has no `func` of a test's name, and a helper is none.
    private static func testFunctions() throws -> Set<String> {
        var functions: Set<String> = []
        for case let file as String in try #require(FileManager.default.enumerator(atPath: root + "/Tests"))
        where file.hasSuffix("Tests.swift") {
            for line in try text("Tests/" + file).components(separatedBy: "\n") {
                guard let start = line.range(of: "func ")?.upperBound else { continue }
                functions.insert(String(line[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
            }
        }
        return functions
    }

    @Test func everyMutantNamesTests() throws {
        #expect(Mutant.all.count >= 163)
        #expect(Set(Mutant.all.map(\.name)).count == Mutant.all.count)
        let functions = try Self.testFunctions()
        for mutant in Mutant.all {
            #expect(mutant.what.hasSuffix("."), "\(mutant.name) does not say what it is")
            #expect(!mutant.tests.isEmpty)
            for test in mutant.tests { #expect(functions.contains(test), "\(mutant.name): \(test) is no test") }
        }
    }

    /// All at once, as the row plants them: each place is found exactly once, and each condition is in the result.
    @Test func everyMutantAppliesOnce() throws {
        let texts = try MutantCopy.planted(Mutant.all) { try Self.text("Sources/" + $0) }
        for mutant in Mutant.all {
            for edit in mutant.edits {
                let condition =
                    edit.file.hasSuffix(".c") ? "mutant_is(\"\(mutant.name)\")" : "Mutant.is(.\(mutant.name))"
                let text = try #require(texts[edit.file])
                let places = mutant.edits.count { $0.file == edit.file }
                #expect(text.components(separatedBy: condition).count == places + 1, "\(mutant.name) in \(edit.file)")
            }
        }
        for text in texts.values { #expect(!text.contains(Mutant.on)) }
    }

    private static func plant(_ mutants: [Mutant], in text: String) throws -> String? {
        try MutantCopy.planted(mutants) { _ in text }["F.swift"]
    }

    private static func mutant(_ name: String, _ sound: String, _ planted: String) -> Mutant {
        Mutant(name, "A bug.", in: "F.swift", sound: sound, planted: planted, seenBy: "test")
    }

    @Test func placesThatAreTheSameHoldAll() throws {
        let text = "    work()\n    rest()\n"
        let (a, b) = (
            Self.mutant("a", "work()", "if ⟨on⟩ { x }\nwork()"), Self.mutant("b", "work()", "work()\nif ⟨on⟩ { y }")
        )
        #expect(
            try Self.plant([a, b], in: text)
                == "    if Mutant.is(.a) { x }\nwork()\nif Mutant.is(.b) { y }\n    rest()\n")
        // Indentation does not count.
        let c = Self.mutant("c", "work()\nrest()", "⟨on⟩")
        #expect(try Self.plant([c], in: text) == "    Mutant.is(.c)\n")
    }

    /// What makes `everyMutantAppliesOnce` fail.
    @Test func placesThatAreNotOneAreRefused() {
        let text = "a\nb\nb\nc\nd\n"
        for (first, second) in [("b", nil), ("x", nil), ("c\nd", "d"), ("a", nil)] as [(String, String?)] {
            let planted = first == "a" ? "no mark" : "⟨on⟩"
            let mutants = [Self.mutant("m", first, planted)] + (second.map { [Self.mutant("n", $0, "⟨on⟩")] } ?? [])
            #expect(throws: MutantCopy.Refused.self) { try Self.plant(mutants, in: text) }
        }
    }

    @Test func pageHasTheKillMatrix() throws {
        let page = try Self.text("docs/mutants.md").split(separator: "\n")
        for mutant in Mutant.all {
            let line = page.first { $0.hasPrefix("| `\(mutant.name)` |") }
            #expect(line?.contains("| \(mutant.what) |") == true, "docs/mutants.md: \(mutant.name)")
            #expect(line?.contains("SURVIVES") == false && line?.contains("NOT RUN") == false)
        }
    }

    /// The product knows nothing of what is planted in its copies.
    @Test func productHasNoMutants() throws {
        var files = 0
        for case let file as String in try #require(FileManager.default.enumerator(atPath: Self.root + "/Sources"))
        where [".swift", ".c", ".h"].contains(where: file.hasSuffix) {
            files += 1
            let text = try Self.text("Sources/" + file)
            for word in ["Mutant", "mutant_is", "Planted", "BACKSTAY_MUTANT", "Sabotage"] {
                let isThere = text.contains(word)
                #expect(!isThere, "\(file): \(word)")
            }
        }
        #expect(files > 100)
    }

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
            MutantsAttack.note(noticed, of: mutant, 2, log: "log", in: &report)
        }
        #expect(report.isGood && report.outcomes[.detected] == 3)
        MutantsAttack.note(verdict, of: mutant, 3, log: "log", in: &report)
        #expect(!report.isGood && report.failed == 1)
        #expect(report.text.contains(mutant.name) && report.text.contains("--from 3 --cases 1"))
    }

    @Test func placeThatIsNoCloneIsRefused() {
        #expect(throws: MutantsAttack.Unusable.self) {
            try MutantsAttack.run(LabPlan(seed: 1), package: "/tmp") { _ in }
        }
    }
}
