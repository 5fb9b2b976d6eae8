// Plays one scenario: starts the children, strikes, starts the store again and has the oracle judge.
//
// A round: a writer runs and ends · in a power cut the shadow becomes the store · the next start tells what is there ·
// the oracle compares. The next round goes on with the same store, new writers, and all that was found before.

internal import Backstay
internal import WriteAheadJournal
internal import SystemC

final class ScenarioRun {
    /// A scenario has at least so many acknowledged changes.
    static let changesMin = 1_000

    private let scenario: Scenario
    private let executable: String
    private let folder: String
    private let seed: UInt64
    private var random: SeededRandom
    private var history = History()
    private var result: ScenarioResult
    private var memoryGroup: MemoryGroupOfOurOwn?
    private var fellIntoCheckpoint = false

    init(_ scenario: Scenario, executable: String, folder: String, seed: UInt64) {
        self.scenario = scenario
        self.executable = executable
        self.folder = folder
        self.seed = seed
        random = SeededRandom(seed: seed, name: scenario.name)
        result = ScenarioResult(name: scenario.name, control: scenario.flaw?.rawValue)
    }

    private var store: String { folder + "/app.backstay" }
    private var shadow: String { folder + "/disk" }
    private var errors: String { folder + "/stderr" }

    package func play() -> ScenarioResult {
        let start = Clock.monotonicNanoseconds()
        do throws(Skip) {
            if scenario.usesMemoryGroup { try makeMemoryGroup() }
            do {
                try rounds()
            } catch {
                result.problems.append("\(error)")
            }
            judgeEvidence()
        } catch {
            result.skipped = error.reason
        }
        result.seconds = Double(Clock.monotonicNanoseconds() - start) / 1e9
        return result
    }

    private struct Skip: Error {
        let reason: String
    }

    private func makeMemoryGroup() throws(Skip) {
        do throws(MemoryGroupOfOurOwn.Refusal) {
            memoryGroup = try MemoryGroupOfOurOwn()
        } catch {
            throw Skip(reason: error.reason)
        }
    }

    // MARK: Rounds

    private func rounds() throws {
        // The disk of a power cut has a whole store on it before the first change.
        if case .power = scenario.survival { _ = try nextStart() }
        for round in 0..<scenario.rounds {
            var role = ChildRole()
            role.part = .writes
            role.store = store
            role.seed = seed
            role.ending = scenario.ending
            role.firstWriter = round * Writers.stride
            role.acknowledgesEarly = scenario.flaw == .acknowledgesEarly
            role.memoryGroup = memoryGroup?.path ?? ""
            try write(role)
            if case .killedRecoveries(let count) = scenario.aftermath { try killRecoveries(count) }
            try verify()
        }
    }

    private func write(_ role: ChildRole) throws {
        var role = role
        let target = Self.changesMin + Int.random(in: 50...400, using: &random)
        if case .none = scenario.blow { role.trigger = target }
        // Closing makes some 15 writing calls, a commit 4: where all of them passed there is another try.
        var calls: UInt64 = 12
        for attempt in 0... {
            if scenario.ending == .diesCommitting || scenario.ending == .diesClosing {
                role.dieIn = UInt64.random(in: 1...calls, using: &random)
            }
            try preparePower(&role)
            let seen = try follow(role, target: target)
            try cutPower()
            guard seen.phases.last == .closed else { return }
            guard attempt < 8 else { throw Trouble(description: "no kill fell into the closing of the store") }
            calls = max(1, calls / 2)
            try verify()
            role.firstWriter += Writers.stride * scenario.rounds
        }
    }

    /// Kills openings of the store at random calls, so that one recovery follows on another's half.
    private func killRecoveries(_ count: Int) throws {
        var fallen = 0
        var calls: UInt64 = 16
        for _ in 0..<count * 4 where fallen < count {
            var role = ChildRole()
            role.part = .recovers
            role.store = store
            role.seed = seed &+ UInt64(fallen)
            role.dieIn = UInt64.random(in: 1...calls, using: &random)
            try preparePower(&role)
            let seen = try follow(role, target: .max)
            try cutPower()
            if seen.phases.contains(.open) { calls = max(1, calls / 2) } else { fallen += 1 }
        }
        guard fallen > 0 else { throw Trouble(description: "no kill fell into a recovery") }
    }

    // MARK: Power

    /// The disk as it is: a copy of the store, to which from now on only synced bytes get.
    private func preparePower(_ role: inout ChildRole) throws {
        role.syncLies = scenario.flaw == .syncLies
        switch scenario.power {
        case .stays: return
        case .goes: break
        case .goesTearing: role.tears = true
        }
        role.shadow = shadow
        Files.removeFolder(shadow)
        try ScratchFiles.copy(store: store, to: shadow)
    }

    /// The power is gone and back: what is on the disk is the store.
    private func cutPower() throws {
        if case .stays = scenario.power { return }
        Files.removeFolder(store)
        guard rename(shadow, store) == 0 else { throw Files.failure("renaming", shadow) }
    }

    // MARK: Children

    private struct Seen {
        var phases: [Message.Phase] = []
        var hookReasons: [String] = []
        package var rows: [String: String] = [:]
        var endedAs: String?
        var isDone = false
        package var end = ChildProcess.End.exited(0)
    }

    /// Runs one child to its end, strikes when it is time, and notes all it says.
    private func follow(_ role: ChildRole, target: Int) throws -> Seen {
        var seen = Seen()
        var acknowledged = 0
        var blows = 0
        var strikeAgainAt = UInt64.max
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: errors)
        reading: while true {
            let deadline = min(Clock.monotonicNanoseconds() + ChildProcess.silenceMax, strikeAgainAt)
            switch child.next(until: deadline) {
            case .end: break reading
            case .silence:
                guard strikeAgainAt != .max else {
                    throw Trouble(
                        description:
                            "a child said nothing for \(ChildProcess.silenceMax / 1_000_000_000) s: \(role.ending)")
                }
                if case .signalTwice(let signal) = scenario.blow { child.send(signal) }
                strikeAgainAt = .max
            case .messages(let messages):
                for message in messages {
                    note(message, &seen, &acknowledged)
                    guard role.part == .writes else { continue }
                    if blows == 0, acknowledged >= target, strikes(child, after: seen.phases) { blows = 1 }
                    if case .signalTwice = scenario.blow, case .hook = message {
                        strikeAgainAt = Clock.monotonicNanoseconds() + 300_000_000
                    }
                }
            }
        }
        seen.end = child.reap()
        if role.part == .writes, !scenario.ends.contains(seen.end), seen.phases.last != .closed {
            result.problems.append("the process ended by \(seen.end), not by \(scenario.ends.map(\.description))")
        }
        if role.part == .writes, seen.phases.last == .checkpointing { fellIntoCheckpoint = true }
        for reason in seen.hookReasons where reason.hasPrefix("SIG") { result.handlerRan = true }
        if seen.phases.contains(.cancelled) { result.handlerRan = true }
        if !seen.hookReasons.isEmpty { result.hookBegan = true }
        if seen.phases.contains(.hookEnded) { result.hooksRan = true }
        if seen.phases.contains(.scopeEnded), seen.phases.last != .closed { result.scopeRan = true }
        return seen
    }

    /// Enough is acknowledged: whether this was the moment.
    private func strikes(_ child: ChildProcess, after phases: [Message.Phase]) -> Bool {
        switch scenario.blow {
        case .none: return true
        case .signal(let signal), .signalTwice(let signal): child.send(signal)
        case .kill:
            usleep(UInt32.random(in: 0...5_000, using: &random))
            child.send(SIGKILL)
        case .killInCheckpoint:
            guard phases.last == .checkpointing else { return false }
            usleep(UInt32.random(in: 0...8_000, using: &random))
            child.send(SIGKILL)
        }
        return true
    }

    private func note(_ message: Message, _ seen: inout Seen, _ acknowledged: inout Int) {
        history.note(message)
        switch message {
        case .acknowledged: acknowledged += 1
        case .began, .refused, .unknown, .recovered, .failed: break
        case .phase(let phase): seen.phases.append(phase)
        case .hook(let reason): seen.hookReasons.append(reason)
        case .row(let key, let word): seen.rows[key] = word
        case .ended(_, _, let text): seen.endedAs = String(text.prefix { $0 != ":" })
        case .done(let rows): seen.isDone = rows == seen.rows.count
        case .damage(let text):
            // After a simulated power loss the machine's boot is the same: what was only never written looks altered.
            if case .process = scenario.survival { result.problems += NextStart.untrue([text]) }
        case .trouble(let text): result.problems.append(text)
        }
    }

    // MARK: Judging

    /// Opens the store as the next start does; nil where it does not open.
    private func nextStart() throws -> Seen? {
        var role = ChildRole()
        role.store = store
        role.memoryGroup = memoryGroup?.path ?? ""
        let seen = try follow(role, target: .max)
        return seen.isDone ? seen : nil
    }

    private func verify() throws {
        let seen = try nextStart()
        let recovered = seen?.rows ?? [:]
        let verdict = Oracle.judge(history, recovered: recovered, seed: seed, survival: scenario.survival)
        result.acknowledged = max(result.acknowledged, verdict.acknowledged)
        result.recovered = verdict.recovered
        result.lost += verdict.lost
        if !scenario.isControl {
            result.problems += verdict.findings.prefix(5).map(\.description)
            if verdict.findings.count > 5 { result.problems.append("and \(verdict.findings.count - 5) more") }
        }
        history.adopt(recovered)
        guard let seen, let endedAs = seen.endedAs else {
            throw Trouble(description: "the next start did not open the store: \(lastWords())")
        }
        // "crash SIGSEGV (certain)" without how certain it is.
        result.endedAs = String(endedAs.prefix(while: { $0 != " " }))
        let parts = endedAs.split(separator: " ")
        if parts.count > 2 { result.endedAs = parts.dropLast().joined(separator: " ") }
        if !scenario.isControl, !scenario.endedAs.contains(result.endedAs), seen.endedAs != nil {
            result.problems.append("the next start says \(endedAs), not \(scenario.endedAs)")
        }
        if result.endedAs.hasPrefix("crash") { result.handlerRan = true }
    }

    private func judgeEvidence() {
        if scenario.isControl {
            if result.lost == 0 { result.problems.append("the control lost nothing: this drill cannot see loss") }
            return
        }
        func compare(_ what: String, _ seen: Bool, _ expected: Bool) {
            if seen != expected { result.problems.append("\(what) \(seen ? "ran" : "did not run")") }
        }
        compare("the hook", result.hooksRan, scenario.hooks)
        compare("the scope's cleanup", result.scopeRan, scenario.scope)
        compare("a handler", result.handlerRan, scenario.handler)
        if case .signalTwice = scenario.blow, !result.hookBegan {
            result.problems.append("the slow hook did not begin")
        }
        if case .killInCheckpoint = scenario.blow, !fellIntoCheckpoint {
            result.problems.append("no kill fell into a checkpoint")
        }
        if result.acknowledged < Self.changesMin {
            result.problems.append("only \(result.acknowledged) changes were acknowledged")
        }
    }

    /// The end of what the children wrote to stderr.
    private func lastWords() -> String {
        let text = Files.text(at: errors) ?? ""
        return String(text.suffix(400).map { $0 == "\n" ? " " : $0 })
    }
}
