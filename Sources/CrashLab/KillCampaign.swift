// The campaign: SIGKILL at random moments, again and again, over the same store.
//
// Each kill falls into one of the phases below, under one of the strains of ChildRole.swift. The next start is a reader that tells what is there, or, now and then, the
// next victim itself, so that one crash follows on another. The oracle is the drill's.

internal import Backstay
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

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
    /// The program to run as children: its main must call `runAsChildIfAsked` first.
    public var executable: String

    /// Nil picks a seed; without an executable it is the running one.
    public init(kills: Int, seed: UInt64? = nil, executable: String? = nil) {
        let plan = DrillPlan(seed: seed, executable: executable)
        self.kills = kills
        self.seed = plan.seed
        self.executable = plan.executable
    }

    /// Runs it in a new folder below `folder`, or below the system's temporary folder; removes it afterwards.
    ///
    /// - Throws: a `StoreError` where no folder can be made or no child started.
    public func run(in folder: String? = nil, progress: (Int) -> Void = { _ in }) throws -> Report {
        let base = folder ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let place = try Platform.resolved(
            "\(base)/backstay-kills-\(getpid())-\(String(Platform.randomBits(), radix: 36))")
        guard mkdir(place, 0o700) == 0 else { throw Platform.failure("creating", place) }
        defer { Platform.removeFolder(place) }
        let start = Platform.monotonicNanoseconds()
        let series = KillSeries(executable: executable, folder: place, seed: seed)
        var stores = 0
        while series.report.total < kills && series.report.problems.isEmpty {
            try series.play(store: stores, most: kills) { progress(series.report.total) }
            stores += 1
        }
        var report = series.report
        report.seconds = Double(Platform.monotonicNanoseconds() - start) / 1e9
        return report
    }

    /// The same as a row of the lab: a case is one store with all its kills.
    package static func row(_ plan: LabPlan, progress: (Int) -> Void = { _ in }) throws -> LabReport {
        var report = LabReport("kills", plan)
        let place = try plan.makePlace("kills")
        var number = plan.from
        while plan.includes(number) {
            let folder = "\(place)/\(number)"
            guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
            let series = KillSeries(executable: plan.executable, folder: folder, seed: plan.seed)
            try series.play(store: number, most: .max) {}
            let seen = series.report
            report.note(seen.lost > 0 ? .lost : seen.problems.isEmpty && seen.gaps == 0 ? .whole : .wrong)
            report.count("kills", seen.total)
            report.count("changes acknowledged", seen.acknowledged)
            report.count("records from the tail alone", seen.fromTail)
            let isGood = seen.lost == 0 && seen.gaps == 0 && seen.problems.isEmpty
            let isKept =
                !isGood && report.fail(number, seen.problems.joined(separator: "; "), artefacts: folder)
            if !isKept { Platform.removeFolder(folder) }
            number += 1
            progress(number)
        }
        report.next = number
        if report.failures.isEmpty { Platform.removeFolder(place) }
        report.end()
        return report
    }
}

private final class KillSeries {
    /// A store is killed so often, then a new one is made.
    private static let killsPerStore = 20

    private let executable: String
    private let folder: String
    private let seed: UInt64
    private var random: SeededRandom
    private var history = History()
    private(set) var report: KillCampaign.Report

    init(executable: String, folder: String, seed: UInt64) {
        self.executable = executable
        self.folder = folder
        self.seed = seed
        random = SeededRandom(seed: seed, name: "kills 0")
        report = KillCampaign.Report(seed: seed)
    }

    func play(store number: Int, most: Int, progress: () -> Void) throws {
        let store = folder + "/\(number).backstay"
        // Of its own, so that each store can be played alone.
        random = SeededRandom(seed: seed, name: "kills \(number)")
        history = History()
        var round = 0
        var fallen = 0
        while fallen < Self.killsPerStore && report.total < most && report.problems.isEmpty {
            let phase: KillCampaign.Phase =
                round == 0 ? .creating : KillCampaign.Phase.allCases.randomElement(using: &random) ?? .appending
            let strain = Strain.allCases.randomElement(using: &random) ?? .mixed
            if try strike(phase, strain, store, round) {
                report.kills[phase, default: 0] += 1
                report.strains[strain.rawValue, default: 0] += 1
                fallen += 1
                progress()
            }
            round += 1
            // One crash upon another, more often than not: what is lost stays lost.
            if Int.random(in: 0..<3, using: &random) != 0 && fallen < Self.killsPerStore { continue }
            try judge(store)
        }
        try judge(store)
        // What went wrong is for whoever looks into it.
        if report.problems.isEmpty { Platform.removeFolder(store) }
    }

    /// One victim. True when the kill met it before it had ended.
    private func strike(
        _ phase: KillCampaign.Phase, _ strain: Strain, _ store: String, _ round: Int
    ) throws -> Bool {
        var role = ChildRole()
        role.store = store
        role.seed = seed
        role.firstWriter = round * Writers.stride
        role.part = .writes
        role.strain = strain
        role.ending = .waits
        // Few as a rule: more kills in the same time, and smaller stores to judge.
        var target = Int.random(in: 1...20, using: &random) * Int.random(in: 1...20, using: &random)
        var delay = UInt32.random(in: 0...5_000, using: &random)
        var awaited: Message.Phase?
        switch phase {
        case .appending: break
        case .creating:
            // From the first instruction to somewhere among the first changes.
            target = 0
            delay = UInt32.random(in: 0...60_000, using: &random)
        case .recovering:
            role.part = .recovers
            target = 0
            awaited = .opening
            delay = UInt32.random(in: 0...15_000, using: &random)
        case .checkpointing:
            role.ending = .checkpoints
            awaited = .checkpointing
            delay = UInt32.random(in: 0...8_000, using: &random)
        case .closing:
            role.ending = .diesClosing
            role.trigger = target
            target = 0
            awaited = .closing
            delay = UInt32.random(in: 0...15_000, using: &random)
        }
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: folder + "/stderr")
        var acknowledged = 0
        var isStruck = phase == .creating
        if isStruck {
            usleep(delay)
            child.send(SIGKILL)
        }
        reading: while true {
            switch child.next(until: Platform.monotonicNanoseconds() + ScenarioRun.silenceMax) {
            case .end: break reading
            case .silence:
                report.problems.append("\(phase.rawValue): a child said nothing for a long time")
                return false
            case .messages(let messages):
                for message in messages {
                    note(message, &acknowledged)
                    guard !isStruck, acknowledged >= target, awaited == nil || message == .phase(awaited ?? .open)
                    else {
                        continue
                    }
                    isStruck = true
                    usleep(delay)
                    child.send(SIGKILL)
                }
            }
        }
        return child.reap() == .signalled(SIGKILL)
    }

    private func note(_ message: Message, _ acknowledged: inout Int) {
        switch message {
        case .began(let writer): history.begin(writer: writer)
        case .acknowledged(let change, let lsn):
            history.acknowledge(change, lsn: lsn)
            acknowledged += 1
            report.acknowledged += 1
        case .refused(let change): history.reject(change)
        case .recovered(let count): report.fromTail += count
        case .trouble(let text): report.problems.append(text)
        default: break
        }
    }

    /// The next start tells what is there; the oracle compares.
    private func judge(_ store: String) throws {
        var role = ChildRole()
        role.store = store
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: folder + "/stderr")
        var rows: [String: String] = [:]
        var isDone = false
        reading: while true {
            switch child.next(until: Platform.monotonicNanoseconds() + ScenarioRun.silenceMax) {
            case .end: break reading
            case .silence:
                report.problems.append("the next start said nothing for a long time")
                break reading
            case .messages(let messages):
                for message in messages {
                    switch message {
                    case .row(let key, let word): rows[key] = word
                    case .recovered(let count): report.fromTail += count
                    case .done(let count): isDone = count == rows.count
                    case .trouble(let text): report.problems.append(text)
                    default: break
                    }
                }
            }
        }
        _ = child.reap()
        guard isDone else {
            report.problems.append("the next start did not open the store")
            return
        }
        let verdict = Oracle.judge(history, recovered: rows, seed: seed, survival: .process)
        report.judged += 1
        report.lost += verdict.lost
        report.gaps += verdict.findings.count - verdict.lost
        report.problems += verdict.findings.prefix(5).map { "\($0)" }
        history.settle(rows)
    }
}
