// `lab hooks`: hostile exit hooks, alone and in pairs, before and after the store's own, at nine ends.
//
// In each: the process ends within the hooks' deadline, by the end that is promised, or by one that only the hook can have
// made; hooks that nobody hindered have run; and the next start finds everything that was answered, and nothing else.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct HooksAttack {
    /// Cases of one hostile hook; as many pairs are between them.
    package static let alone = Hostility.allCases.count * 2 * HookChild.End.allCases.count
    /// Beyond the deadline: what `exit` and a signal's end may still take (0.6 s), and a machine that does other things too.
    private static let patience: UInt64 = HookChild.deadline + 600_000_000 + 4_000_000_000

    private var run: LabRun
    /// Milliseconds from the end's beginning to the process's, at most; and how often more than 100 beyond the deadline.
    private var longest: UInt64 = 0
    private var late = 0

    private var plan: LabPlan { run.plan }

    package static func run(_ plan: LabPlan, progress: (Int) -> Void) throws -> LabReport {
        var attack = HooksAttack(run: try LabRun("hooks", plan))
        if plan.cases != 1 { try attack.playControl() }
        let next = try plan.play(progress: progress) { try attack.play($0) }
        attack.run.report.count("ended later than 100 ms after the deadline", attack.late)
        attack.run.report.count("ms, longest end", Int(attack.longest))
        return attack.run.end(next: next)
    }

    /// The end and the hooks of a case: by turns one hostile hook, each cell once, and two, drawn.
    static func scene(_ number: Int, seed: UInt64) -> (end: HookChild.End, hooks: [Hostility?]) {
        guard number % 2 == 0 else {
            var random = SeededRandom(seed: seed, name: "hooks \(number)")
            var hooks: [Hostility?] = (0..<2).map { _ in Hostility.allCases.randomElement(using: &random) }
            hooks.insert(nil, at: Int.random(in: 0...2, using: &random))
            return (HookChild.End.allCases.randomElement(using: &random) ?? .returns, hooks)
        }
        // Neighbours differ in all three; 257 is a prime and shares no factor with their count.
        let mixed = number / 2 * 257 % alone
        let hostility = Hostility.allCases[mixed % Hostility.allCases.count]
        let rest = mixed / Hostility.allCases.count
        let end = HookChild.End.allCases[rest / 2]
        return (end, rest % 2 == 0 ? [hostility, nil] : [nil, hostility])
    }

    // MARK: Cases

    private mutating func play(_ number: Int) throws {
        let (end, hooks) = Self.scene(number, seed: plan.seed)
        let folder = try run.makeFolder(number)
        var round = Round(plan: plan, folder: folder, end: end, hooks: hooks)
        try round.play(isEarly: false)
        run.report.count("changes acknowledged", round.record.history.acknowledged.count)
        run.report.count("hooks of the store's called", round.isHookCalled ? 1 : 0)
        longest = max(longest, round.milliseconds)
        if round.milliseconds > HookChild.deadline / 1_000_000 + 100 { late += 1 }
        if round.isWithoutThread { run.report.count("held by a hook on the exit thread, without memory for another") }
        let order = hooks.map { $0?.rawValue ?? "the store's" }.joined(separator: ", ")
        run.close(number, folder, "\(end.rawValue); hooks: \(order)", round.record)
    }

    /// An answer before its change is made, and a hook that ends the process before the store is closed.
    private mutating func playControl() throws {
        let folder = "\(run.place)/control"
        try ScratchFiles.make(folder: folder)
        var round = Round(plan: plan, folder: folder, end: .exits, hooks: [.killsItself, nil])
        try round.play(isEarly: true)
        run.report.control("answers before the commit", fails: round.record.lost > 0)
        Files.removeFolder(folder)
    }

    private struct Round {
        let plan: LabPlan
        let folder: String
        let end: HookChild.End
        let hooks: [Hostility?]
        var record = CaseRecord()
        var isHookCalled = false
        var isWithoutThread = false
        /// From the end's beginning to the process's.
        var milliseconds: UInt64 = 0

        init(plan: LabPlan, folder: String, end: HookChild.End, hooks: [Hostility?]) {
            (self.plan, self.folder, self.end, self.hooks) = (plan, folder, end, hooks)
        }

        private var store: String { folder + "/app.backstay" }
        private var closesOthers: Bool { hooks.contains { $0?.closesOthers ?? false } }
        private var foreign: String { HookScene.foreignFile(beside: store) }

        mutating func play(isEarly: Bool) throws {
            try ScratchFiles.write(HookScene.foreignBytes, to: foreign)
            var child = HookChild(store: store, seed: plan.seed, end: end, hooks: hooks)
            child.isEarly = isEarly
            judge(try follow(child))
            if Files.contents(foreign) != HookScene.foreignBytes {
                record.complain("a file that is not the store's was written to")
            }
            try verify()
        }

        private mutating func follow(_ child: HookChild) throws -> ChildProcess.End {
            let process = try ChildProcess(
                executable: plan.executable, arguments: child.arguments, errors: folder + "/stderr")
            var deadline = Clock.monotonicNanoseconds() + ChildProcess.silenceMax
            var isEnding = false
            reading: while true {
                // A writer that goes on may keep it talking.
                if isEnding, Clock.monotonicNanoseconds() >= deadline { break }
                switch process.next(until: deadline) {
                case .end:
                    let found = process.reap()
                    if isEnding {
                        let begun = deadline - HooksAttack.patience
                        milliseconds = (Clock.monotonicNanoseconds() - begun) / 1_000_000
                    }
                    return found
                case .silence: break reading
                case .messages(let messages):
                    for message in messages {
                        note(message)
                        guard message == .phase(.closing) else { continue }
                        isEnding = true
                        deadline = Clock.monotonicNanoseconds() + HooksAttack.patience
                    }
                }
            }
            process.send(SIGKILL)
            drain(process)
            let found = process.reap()
            // Without memory there is no thread for a hook: it is called on the exit thread, and nobody can leave it behind.
            if isEnding, hooks.contains(.eatsMemory), !end.isInExit {
                isWithoutThread = true
                return end.promised[0]
            }
            record.complain(isEnding ? "the process did not end" : "the process said nothing for a long time")
            return found
        }

        /// What was said before the kill counts.
        private mutating func drain(_ process: ChildProcess) {
            while case .messages(let messages) = process.next(
                until: Clock.monotonicNanoseconds() + 1_000_000_000)
            {
                for message in messages { note(message) }
            }
        }

        private mutating func note(_ message: Message) {
            if case .trouble(HookScene.openedTwice) = message, closesOthers { return }
            record.note(message)
            if case .hook = message { isHookCalled = true }
        }

        private mutating func judge(_ found: ChildProcess.End) {
            var allowed: [ChildProcess.End] = []
            var isOver = !end.runsHooks
            var isHindered = false
            for hook in hooks where !isOver {
                guard let hook else {
                    if !isHindered && !isHookCalled { record.complain("the store's hook was not called") }
                    continue
                }
                allowed += hook.ends
                if hook.endsForSure && !isHindered { isOver = true }
                if hook.hinders { isHindered = true }
            }
            // Its reader is this process itself.
            if hooks.contains(.floodsFullPipe) && closesOthers {
                allowed.append(.signalled(SIGPIPE))
            }
            if !isOver || !end.runsHooks { allowed += end.promised }
            if !allowed.contains(found) { record.complain("ended by \(found), not by \(allowed)") }
        }

        private mutating func verify() throws {
            let finding = try NextStart.read(
                store: store, executable: plan.executable, errors: folder + "/next start")
            guard case .rows(let rows, let reported) = finding else {
                record.complain("the next start: \(finding)")
                return
            }
            record.judge(rows, seed: plan.seed)
            for untrue in reported { record.complain(untrue) }
        }
    }
}
