// SIGKILL at random moments, again and again, over the same store.
//
// Each kill falls into one of the campaign's phases, under one of the strains of ChildRole.swift. The next start is a reader
// that tells what is there, or, more often, the next victim itself, so that one crash follows on another. The oracle is
// the drill's.

internal import WriteAheadJournal
internal import SystemC

package final class KillSeries {
    /// A store is killed so often, then a new one is made.
    private static let killsPerStore = 20

    private let executable: String
    private let folder: String
    private let seed: UInt64
    /// A control: changes are answered before they are committed.
    private let isEarly: Bool
    private var random: SeededRandom
    private var history = History()
    package private(set) var report: KillCampaign.Report

    package init(executable: String, folder: String, seed: UInt64, isEarly: Bool = false) {
        self.executable = executable
        self.folder = folder
        self.seed = seed
        self.isEarly = isEarly
        random = SeededRandom(seed: seed, name: "kills 0")
        report = KillCampaign.Report(seed: seed)
    }

    package func play(store number: Int, most: Int, progress: () -> Void) throws {
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
        if report.problems.isEmpty { Files.removeFolder(store) }
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
        role.acknowledgesEarly = isEarly
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
        let child = try start(role)
        let before = report.acknowledged
        var isStruck = false
        func strike() {
            isStruck = true
            usleep(delay)
            child.send(SIGKILL)
        }
        if phase == .creating { strike() }
        let why = child.hear { messages in
            for message in messages {
                note(message)
                guard !isStruck, report.acknowledged - before >= target,
                    awaited == nil || message == .phase(awaited ?? .open)
                else { continue }
                strike()
            }
            return true
        }
        if why == .silence {
            report.problems.append("\(phase.rawValue): a child said nothing for a long time")
            return false
        }
        let end = child.reap()
        if end == .signalled(SIGKILL) { return true }
        // The kill came too late; but it had nothing else to end by.
        if end != .exited(0) { report.problems.append("\(phase.rawValue): a child ended by \(end)") }
        return false
    }

    private func start(_ role: ChildRole) throws -> ChildProcess {
        try ChildProcess(executable: executable, arguments: role.arguments, errors: folder + "/stderr")
    }

    private func note(_ message: Message) {
        history.note(message)
        switch message {
        case .acknowledged: report.acknowledged += 1
        case .recovered(let count): report.fromTail += count
        case .damage(let text): report.problems += NextStart.untrue([text])
        case .trouble(let text): report.problems.append(text)
        default: break
        }
    }

    /// The next start tells what is there; the oracle compares.
    private func judge(_ store: String) throws {
        var role = ChildRole()
        role.store = store
        let child = try start(role)
        var rows: [String: String] = [:]
        var isDone = false
        let why = child.hear { messages in
            for message in messages {
                note(message)
                if case .row(let key, let word) = message { rows[key] = word }
                if case .done(let count) = message { isDone = count == rows.count }
            }
            return true
        }
        if why == .silence {
            report.problems.append("the next start said nothing for a long time")
            child.send(SIGKILL)
        }
        let end = child.reap()
        guard isDone, end == .exited(0) else {
            report.problems.append("the next start did not open the store, or not close it: \(end)")
            return
        }
        let verdict = Oracle.judge(history, recovered: rows, seed: seed, survival: .process)
        report.judged += 1
        report.lost += verdict.lost
        report.gaps += verdict.findings.count - verdict.lost
        report.problems += verdict.findings.prefix(5).map { "\($0)" }
        history.adopt(rows)
    }
}
