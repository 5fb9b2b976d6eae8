// The drill: which scenarios, with which seed, where. The command `backstay drill` is a thin cover over this.

internal import ExitHooks
internal import WriteAheadJournal
internal import SystemC

/// A run of the drill: every way a process can end, in real child processes.
public struct DrillPlan: Sendable {
    /// What all random choices come from. The same seed makes the same choices; the moments still differ.
    public var seed: UInt64
    /// Only scenarios whose name contains one of these; all where it is empty.
    public var only: [String] = []
    /// The program to run as children: its main must call `ChildPart.playIfAsked` first.
    public var executable: String

    /// Nanoseconds after which scenarios of several rounds make do with one: a slow disk must not take the drill beyond a
    /// minute.
    private static let hurriesAfter: UInt64 = 35_000_000_000

    /// Nil picks a seed; without an executable it is the running one.
    public init(seed: UInt64? = nil, executable: String? = nil) {
        self.seed = seed ?? Machine.randomBits() % 1_000_000_000
        self.executable = executable ?? ChildProcess.ownExecutable
    }

    /// The names, in the order they run.
    public static var names: [String] { Scenario.all.map(\.name) }

    /// The names of those that will run.
    public var chosen: [String] { scenarios.map(\.name) }

    private var scenarios: [Scenario] {
        Scenario.all.filter { scenario in
            only.isEmpty || only.contains { $0 == scenario.name }
                || (!only.contains { name in Scenario.all.contains { $0.name == name } }
                    && only.contains { Self.contains(scenario.name, $0) })
        }
    }

    /// Plays the chosen scenarios one after the other.
    ///
    /// - Parameters:
    ///   - folder: where stores are made; nil for the system's temporary folder. It is left as it was, but for the store of a
    ///     scenario that failed, which is kept for whoever looks into it.
    ///   - before: called with each scenario's name before it is played.
    /// - Throws: a `StoreError` where no folder can be made.
    public func run(in folder: String? = nil, before: (String) -> Void = { _ in }) throws -> DrillReport {
        let start = Clock.monotonicNanoseconds()
        let place = try ScratchFiles.makePlace("drill", in: folder ?? ScratchFiles.temporary)
        // For a drill that is stopped; its children end when nobody hears them.
        let cleanup = ExitHooks.register("remove the drill's stores") { _ in Files.removeFolder(place) }
        defer {
            rmdir(place)
            cleanup.cancel()
        }
        var results: [ScenarioResult] = []
        for (index, scenario) in scenarios.enumerated() {
            before(scenario.name)
            let folder = "\(place)/\(index + 1)"
            try ScratchFiles.make(folder: folder)
            var scenario = scenario
            let rounds = scenario.rounds
            if Clock.monotonicNanoseconds() - start > Self.hurriesAfter { scenario.rounds = 1 }
            var result = ScenarioRun(scenario, executable: executable, folder: folder, seed: seed).play()
            if result.problems.isEmpty {
                Files.removeFolder(folder)
            } else {
                result.problems.append("its store is kept in \(folder)")
            }
            result.roundsLeftOut = rounds - scenario.rounds
            results.append(result)
        }
        return DrillReport(
            seed: seed, scenarios: results, seconds: Double(Clock.monotonicNanoseconds() - start) / 1e9)
    }

    private static func contains(_ text: String, _ part: String) -> Bool {
        let text = Array(text.utf8)
        let part = Array(part.utf8)
        guard part.count <= text.count else { return false }
        return (0...text.count - part.count).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }
}
