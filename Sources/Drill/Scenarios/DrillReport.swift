// What a drill found, as a table for people and as JSON for programs.

/// What a drill found.
public struct DrillReport: Sendable {
    /// The seed of its random choices.
    public var seed: UInt64
    /// In the order they were played.
    public var scenarios: [ScenarioResult]
    /// How long all of it took, in seconds.
    public var seconds: Double

    /// Something was played, no scenario lost anything or went otherwise than it must, and every control lost.
    public var isGood: Bool { wasPlayed && scenarios.allSatisfy { $0.problems.isEmpty } }

    private var wasPlayed: Bool { scenarios.contains { $0.skipped == nil } }

    // MARK: For people

    /// The table, 100 columns wide, with what is wrong below it.
    public var table: String {
        var lines = [
            Self.row(
                "how it ends", "hook", "scope", "handler", "acked", "recovered", "lost", "the next start says", "s"),
            String(repeating: "-", count: 100),
        ]
        for result in scenarios { lines.append(Self.row(result)) }
        lines.append("")
        for result in scenarios {
            if let reason = result.skipped { lines.append("\(result.name): not played on this machine: \(reason)") }
            for problem in result.problems { lines.append("\(result.name): \(problem)") }
        }
        if scenarios.contains(where: { $0.name.hasPrefix("power") }) {
            lines.append(
                "Power loss is simulated: what was not synced is dropped. The machine was not started again, so the")
            lines.append("next start says \"killed\".")
        }
        let leftOut = scenarios.map(\.roundsLeftOut).reduce(0, +)
        if leftOut > 0 { lines.append("This machine is slow now: \(leftOut) repetitions were left out.") }
        let controls = scenarios.filter { $0.control != nil }
        let lost = scenarios.filter { $0.control == nil }.map(\.lost).reduce(0, +)
        let acknowledged = scenarios.filter { $0.control == nil }.map(\.acknowledged).reduce(0, +)
        lines.append(
            "\(isGood ? "ok" : wasPlayed ? "FAILED" : "NOT PLAYED"): \(lost) of \(acknowledged) acknowledged changes lost; "
                + "\(controls.filter { $0.lost > 0 }.count) of \(controls.count) controls lost, as they must; "
                + "seed \(seed); \(Self.decimal(seconds)) s")
        return lines.joined(separator: "\n")
    }

    private static func row(_ result: ScenarioResult) -> String {
        if result.skipped != nil {
            return row(result.name, "", "", "", "", "", "", "not played, see below", decimal(result.seconds))
        }
        let isBad = !result.problems.isEmpty
        return row(
            result.name, result.hooksRan ? "yes" : result.hookBegan ? "cut" : "no", result.scopeRan ? "yes" : "no",
            result.handlerRan ? (result.endedAs.hasPrefix("crash") ? "marked" : "yes") : "no", "\(result.acknowledged)",
            "\(result.recovered)", "\(result.lost)", isBad ? "\(result.endedAs)  WRONG" : result.endedAs,
            decimal(result.seconds))
    }

    private static func row(
        _ name: String, _ hook: String, _ scope: String, _ handler: String, _ acknowledged: String,
        _ recovered: String, _ lost: String, _ end: String, _ seconds: String
    ) -> String {
        func left(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        return left(name, 34) + " " + left(hook, 4) + " " + left(scope, 5) + " " + left(handler, 7) + " "
            + right(acknowledged, 6) + " " + right(recovered, 9) + " " + right(lost, 4) + "  " + left(end, 19) + " "
            + right(seconds, 4)
    }

    private static func decimal(_ seconds: Double) -> String {
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    // MARK: For programs

    /// One line of JSON: `{"ok":…,"seed":…,"seconds":…,"scenarios":[{"name","hooksRan","scopeRan","handlerRan",
    /// "acknowledged","recovered","lost","endedAs","control","seconds"}]}`.
    ///
    /// `control` tells the controls, which must lose; they also say which `option` was changed. A scenario that could not be
    /// played says why in `skipped`; what is wrong is in `problems`.
    public var json: String {
        let list = scenarios.map { result in
            var fields = [
                "\"name\":\(JSONString.quoted(result.name))", "\"hooksRan\":\(result.hooksRan)",
                "\"scopeRan\":\(result.scopeRan)", "\"handlerRan\":\(result.handlerRan)",
                "\"acknowledged\":\(result.acknowledged)", "\"recovered\":\(result.recovered)",
                "\"lost\":\(result.lost)", "\"endedAs\":\(JSONString.quoted(result.endedAs))",
                "\"control\":\(result.control != nil)", "\"seconds\":\(Self.decimal(result.seconds))",
            ]
            if let option = result.control { fields.append("\"option\":\(JSONString.quoted(option))") }
            if result.roundsLeftOut > 0 { fields.append("\"roundsLeftOut\":\(result.roundsLeftOut)") }
            if let reason = result.skipped { fields.append("\"skipped\":\(JSONString.quoted(reason))") }
            if !result.problems.isEmpty {
                fields.append("\"problems\":[\(result.problems.map(JSONString.quoted).joined(separator: ","))]")
            }
            return "{\(fields.joined(separator: ","))}"
        }
        return
            "{\"ok\":\(isGood),\"seed\":\(seed),\"seconds\":\(Self.decimal(seconds)),\"scenarios\":[\(list.joined(separator: ","))]}"
    }
}
