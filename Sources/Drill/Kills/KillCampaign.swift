// The campaign of `backstay drill --kills`: so many SIGKILLs at random moments, over the same store, then a new one
// (KillSeries.swift); and what came of it.

internal import ExitHooks
internal import WriteAheadJournal

/// Many random kills. The command `backstay drill --kills` is a thin cover over this.
public struct KillCampaign: Sendable {
    /// Where a kill falls.
    public enum Phase: String, CaseIterable, Sendable {
        /// Changes are made.
        case appending
        /// The process starts and makes, or opens, the store.
        case creating
        /// A store that was not closed is opened.
        case recovering
        /// Checkpoints run one after the other while changes are made.
        case checkpointing
        /// The store is closed while changes are made.
        case closing
    }

    /// What came of it.
    public struct Report: Sendable {
        /// The seed of all random choices.
        public var seed: UInt64
        /// Kills that met a running process, by phase.
        public var kills: [Phase: Int] = [:]
        /// The same kills, by what the writers and their store were like.
        public var strains: [String: Int] = [:]
        /// Records that a next start found in the tail alone.
        public var fromTail = 0
        /// Starts after which the oracle judged.
        public var judged = 0
        /// Changes acknowledged.
        public var acknowledged = 0
        /// Acknowledged changes that were gone or altered.
        public var lost = 0
        /// Holes in a writer's or the log's order, changes that nobody made, refused ones that appeared.
        public var gaps = 0
        /// Everything that is not as it must be.
        public var problems: [String] = []
        /// How long it took, in seconds.
        public var seconds = 0.0

        /// All kills.
        public var total: Int { kills.values.reduce(0, +) }

        /// Nothing was lost, and nothing else was wrong.
        public var isGood: Bool { problems.isEmpty && lost == 0 && gaps == 0 && total > 0 }

        /// Lines for a person.
        public var text: String {
            let parts = Phase.allCases.map { "\($0.rawValue) \(kills[$0] ?? 0)" }.joined(separator: ", ")
            let strained = Strain.allCases.map { "\($0.rawValue) \(strains[$0.rawValue] ?? 0)" }.joined(separator: ", ")
            var lines = problems
            lines.append(
                "\(isGood ? "ok" : "FAILED"): \(total) kills (\(parts); \(strained)); \(acknowledged) changes acknowledged, "
                    + "\(lost) lost, \(gaps) gaps; \(fromTail) records from the tail; \(judged) starts judged; "
                    + "seed \(seed); \(Int(seconds)) s")
            return lines.joined(separator: "\n")
        }

        /// One object.
        public var json: String {
            let parts = Phase.allCases.map { "\"\($0.rawValue)\":\(kills[$0] ?? 0)" }.joined(separator: ",")
            let strained = Strain.allCases.map { "\"\($0.rawValue)\":\(strains[$0.rawValue] ?? 0)" }
                .joined(separator: ",")
            return "{\"ok\":\(isGood),\"kills\":\(total),\"phases\":{\(parts)},\"strains\":{\(strained)},"
                + "\"acknowledged\":\(acknowledged),\"lost\":\(lost),\"gaps\":\(gaps),\"fromTail\":\(fromTail),"
                + "\"judged\":\(judged),\"seed\":\(seed),\"seconds\":\(Int(seconds))}"
        }
    }

    /// Kills that must meet a running process.
    public var kills: Int
    /// What all random choices come from.
    public var seed: UInt64
    /// The program to run as children: its main must call `ChildPart.playIfAsked` first.
    public var executable: String
    /// A control: changes are answered before they are committed.
    package var isEarly = false

    /// Nil picks a seed; without an executable it is the running one.
    public init(kills: Int, seed: UInt64? = nil, executable: String? = nil) {
        let plan = DrillPlan(seed: seed, executable: executable)
        self.kills = kills
        self.seed = plan.seed
        self.executable = plan.executable
    }

    /// Runs it in a new folder below `folder`, or below the system's temporary folder. It is removed afterwards, but where
    /// something was wrong: then the store is kept in it, for whoever looks into it.
    ///
    /// - Throws: a `StoreError` where no folder can be made or no child started.
    public func run(in folder: String? = nil, progress: (Int) -> Void = { _ in }) throws -> Report {
        let place = try ScratchFiles.makePlace("kills", in: folder ?? ScratchFiles.temporary)
        // For a campaign that is stopped; its children end when nobody hears them.
        let cleanup = ExitHooks.register("remove the campaign's stores") { _ in Files.removeFolder(place) }
        defer { cleanup.cancel() }
        let start = Clock.monotonicNanoseconds()
        let series = KillSeries(executable: executable, folder: place, seed: seed, isEarly: isEarly)
        var stores = 0
        while series.report.total < kills && series.report.problems.isEmpty {
            try series.play(store: stores, most: kills) { progress(series.report.total) }
            stores += 1
        }
        var report = series.report
        if report.isGood {
            Files.removeFolder(place)
        } else {
            report.problems.append("the store is kept in \(place)")
        }
        report.seconds = Double(Clock.monotonicNanoseconds() - start) / 1e9
        return report
    }
}
