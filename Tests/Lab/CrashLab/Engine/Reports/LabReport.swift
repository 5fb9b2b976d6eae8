// What came of the cases of a run, in words for a person and as JSON: counts, failures with the command that plays each
// again, controls, and what could not be played.

internal import Drill

/// What a run of an attack says.
package struct LabReport: Sendable {
    package struct Failure: Sendable {
        package var number: Int
        package var what: String
        /// The case itself, and those before it that it goes on from.
        package var replayed: Range<Int>
        /// Where its files are kept; nil where nothing is left of it.
        package var artefacts: String?
    }

    package let attack: String
    /// Options of the attack's own that its cases depend on, as the command line has them.
    package var options: [String] = []
    package let plan: LabPlan
    /// Cases by what came of them.
    package private(set) var outcomes: [LabOutcome: Int] = [:]
    /// Further counts that the attack has to tell, in the order they were first met.
    package private(set) var counts: [(name: String, count: Int)] = []
    package private(set) var failures: [Failure] = []
    /// Failures in all; `failures` has the first of them.
    package private(set) var failed = 0
    /// What the machine could not do, by name.
    package private(set) var skipped: [String] = []
    /// Controls that failed as they must, and those that did not.
    package private(set) var controls: [(name: String, fails: Bool)] = []
    /// The case behind the last one played; nil where the attack came to its end.
    package var next: Int?
    package private(set) var seconds = 0.0

    /// So many failures are described, and keep their files.
    package static let described = 20

    package init(_ attack: String, _ plan: LabPlan) {
        self.attack = attack
        self.plan = plan
        next = plan.from
    }

    package var cases: Int { outcomes.values.reduce(0, +) }

    /// Nothing failed, every control did, and something was played.
    package var isGood: Bool {
        failed == 0 && controls.allSatisfy(\.fails) && cases > (outcomes[.skipped] ?? 0)
    }

    /// Nothing could be played here: neither good nor bad.
    package var isSkipped: Bool {
        failed == 0 && controls.allSatisfy(\.fails) && !skipped.isEmpty && cases == (outcomes[.skipped] ?? 0)
    }

    package mutating func note(_ outcome: LabOutcome) { outcomes[outcome, default: 0] += 1 }

    package mutating func count(_ name: String, _ more: Int = 1) {
        if let index = counts.firstIndex(where: { $0.name == name }) {
            counts[index].count += more
        } else {
            counts.append((name, more))
        }
    }

    /// - Parameter first: the first case to be played again; nil where this one stands alone.
    /// - Returns: whether the failure's files are to be kept.
    @discardableResult
    package mutating func fail(_ number: Int, _ what: String, from first: Int? = nil, artefacts: String? = nil) -> Bool
    {
        failed += 1
        guard failures.count < Self.described else { return false }
        let replayed = (first ?? number)..<number + 1
        failures.append(Failure(number: number, what: what, replayed: replayed, artefacts: artefacts))
        return true
    }

    package mutating func skip(_ what: String) { if !skipped.contains(what) { skipped.append(what) } }

    package mutating func control(_ name: String, fails: Bool) { controls.append((name, fails)) }

    package mutating func end() { seconds = plan.seconds }

    /// The command that plays these cases again.
    package func replay(_ cases: Range<Int>) -> String {
        let folder = plan.folder == LabPlan.usualFolder ? [] : ["--folder \(plan.folder)"]
        return
            (["swift run -c release lab", attack] + options + folder
            + ["--seed \(plan.seed) --from \(cases.lowerBound) --cases \(cases.count)"])
            .joined(separator: " ")
    }

    /// The command that plays this case alone again.
    package func replay(_ number: Int) -> String { replay(number..<number + 1) }

    /// Lines for a person.
    package var text: String {
        var lines = failures.map { failure in
            "case \(failure.number): \(failure.what)\n  again: \(replay(failure.replayed))"
                + (failure.artefacts.map { "\n  files: \($0)" } ?? "")
        }
        if failed > failures.count { lines.append("and \(failed - failures.count) more failures") }
        lines += skipped.map { "not played: \($0)" }
        lines += controls.map { "control \($0.name): \($0.fails ? "fails, as it must" : "DOES NOT FAIL")" }
        let kinds = LabOutcome.allCases.compactMap { kind in outcomes[kind].map { "\($0) \(kind.rawValue)" } }
        let more = counts.map { "\($0.count) \($0.name)" }
        lines.append(
            "\(isGood ? "ok" : isSkipped ? "NOT PLAYED" : "FAILED"): \(attack): \(cases) cases (\((kinds + more).joined(separator: ", "))); "
                + "seed \(plan.seed); \(Int(seconds)) s"
                + (next.map { "; go on with --from \($0)" } ?? "; all of it"))
        return lines.joined(separator: "\n")
    }

    /// One object.
    package var json: String {
        func members(_ pairs: [(String, Int)]) -> String {
            pairs.map { "\(JSONString.quoted($0.0)):\($0.1)" }.joined(separator: ",")
        }
        let outcomes = LabOutcome.allCases.map { ($0.rawValue, self.outcomes[$0] ?? 0) }
        let failures = failures.map { failure in
            "{\"case\":\(failure.number),\"what\":\(JSONString.quoted(failure.what)),\"replay\":\(JSONString.quoted(replay(failure.replayed)))"
                + (failure.artefacts.map { ",\"files\":\(JSONString.quoted($0))" } ?? "") + "}"
        }
        let controls = controls.map { "{\"name\":\(JSONString.quoted($0.name)),\"fails\":\($0.fails)}" }
        return "{\"ok\":\(isGood),\"row\":\(JSONString.quoted(attack)),\"seed\":\(plan.seed),\"from\":\(plan.from),"
            + "\"cases\":\(cases),\"outcomes\":{\(members(outcomes))},\"counts\":{\(members(counts.map { ($0.name, $0.count) }))},"
            + "\"failed\":\(failed),\"failures\":[\(failures.joined(separator: ","))],"
            + "\"skipped\":[\(skipped.map(JSONString.quoted).joined(separator: ","))],\"controls\":[\(controls.joined(separator: ","))],"
            + "\"next\":\(next.map(String.init) ?? "null"),\"seconds\":\(Int(seconds))}"
    }
}
