internal import Backstay
internal import Drill
internal import WriteAheadJournal

final class CrashStatesRun {
    var run: LabRun
    private let amount: CrashStatesAttack.Amount
    private let judge: CrashStateJudge

    private var plan: LabPlan { run.plan }

    /// After so many failures of one case the rest of it says nothing new.
    private static let failuresMax = 5

    init(_ plan: LabPlan, _ amount: CrashStatesAttack.Amount) throws {
        run = try LabRun("states", plan)
        self.amount = amount
        judge = CrashStateJudge(try CrashStateFolder(run.place + "/state"))
    }

    // MARK: Controls

    /// Each must lose an answered change, in workloads that without the flaw lose none.
    func playControls() throws {
        var lying = DiskRules()
        lying.flushesLie = true
        run.report.control("a disk that lies about flushes", fails: try loses(lying))
        var forgetting = DiskRules()
        forgetting.mappingsDie = true
        run.report.control("mapped pages that die with the process", fails: try loses(forgetting))
        run.report.control("answers before the commit", fails: try loses(DiskRules(), early: true))
    }

    private func loses(_ rules: DiskRules, early: Bool = false) throws -> Bool {
        // Single changes, and both levels.
        for number in 0..<4 {
            let played = try CrashStateCase(
                seed: plan.seed, number: number, at: run.place + "/case", isSmall: true, early: early)
            var random = SeededRandom(seed: plan.seed, name: "control \(number)")
            var isLost = false
            let effort = CrashStateEffort(exhaustiveMax: 3, sampled: 8, torn: 0, cuts: 0)
            let states = CrashStates(base: played.base, recording: played.recording, rules: rules, effort: effort)
            let visit = { (state: CrashState) throws -> Bool in
                try self.judge.folder.write(state.image)
                let expected = CrashStateJudge.Expected(allowed: played.answers.allowed(state))
                let found = self.judge.open(self.options(played, state.survival), played.oracle, expected)
                if found.fault?.outcome == .lost { isLost = true }
                return !isLost
            }
            try states.afterProcessDeath(&random, visit)
            if !isLost { try states.afterPowerLoss(&random, visit) }
            if isLost { return true }
        }
        return false
    }

    // MARK: Cases

    /// - Returns: false where the budget ended it.
    func play(_ number: Int) throws -> Bool {
        let played = try CrashStateCase(
            seed: plan.seed, number: number, at: run.place + "/case", isSmall: amount.isSmall)
        var random = SeededRandom(seed: plan.seed, name: "states of \(number)")
        var chance = SeededRandom(seed: plan.seed, name: "chances of \(number)")
        var states = CrashStates(base: played.base, recording: played.recording, effort: amount.effort)
        states.rules = played.rules(&random)
        var worst = LabOutcome.whole
        var failed = 0
        var count = 0
        var isCut = false
        let visit = { (state: CrashState) throws -> Bool in
            count += 1
            self.run.report.count(
                state.survival == .power ? "states after power loss" : "states after a process's death")
            if state.isTorn { self.run.report.count("of them torn") }
            if let fault = try self.fault(of: state, played, &chance) {
                worst = max(worst, fault.outcome)
                failed += 1
                let words = "\(played.workload.profile), state \(count): \(fault.what); \(state.what())"
                try self.keep(number, words, state.image)
            }
            if let budget = self.plan.budget, self.plan.seconds > budget + 1 { isCut = true }
            return failed < Self.failuresMax && !isCut
        }
        try states.afterProcessDeath(&random, visit)
        if failed < Self.failuresMax && !isCut { try states.afterPowerLoss(&random, visit) }
        run.report.count("changes made", played.workload.changes)
        run.report.note(worst)
        return !isCut
    }

    private func keep(_ number: Int, _ words: String, _ image: DiskImage) throws {
        let kept = "\(run.place)/failure-\(run.report.failed + 1)"
        if run.report.fail(number, words, artefacts: kept) { try CrashStateFolder(kept).write(image) }
    }

    private func options(_ played: CrashStateCase, _ survival: Survival, recoveries: Int = 1) -> StoreOptions {
        var options = played.workload.options(boot: CrashStateWorkload.boot)
        if survival == .power { options.boot = "boot \(recoveries) after the crash" }
        return options
    }

    // MARK: One state

    private func fault(
        of state: CrashState, _ played: CrashStateCase, _ chance: inout SeededRandom
    ) throws -> CrashStateFault? {
        let allowed = played.answers.allowed(state)
        let options = options(played, state.survival)
        try judge.folder.write(state.image)
        let expected = CrashStateJudge.Expected(allowed: allowed, ends: CrashStateJudge.ends(state.survival))
        let found = judge.open(options, played.oracle, expected)
        if let fault = found.fault { return fault }
        if Int.random(in: 0..<amount.goesOnEvery, using: &chance) == 0 {
            run.report.count("stores that went on")
            try judge.folder.write(state.image)
            if let fault = judge.goesOn(options, played.oracle, allowed) { return fault }
        }
        if Int.random(in: 0..<amount.pairsEvery, using: &chance) == 0 {
            return try faultInRecovery(from: state, played, allowed, &chance)
        }
        return nil
    }

    /// Crashes inside the recovery from a crash. What the first recovery finds must be what every later one finds, but where
    /// the power went, either time, before anybody was told of it:
    ///   - after the death of a process it may then be an earlier state, and
    ///   - a later one where the first cut had kept the end of a transaction and lost its beginning, which the recovery
    ///     happened to write again, byte for byte. The transaction is whole then, as its owner wrote it.
    /// Both must be allowed by the answers that were given.
    private func faultInRecovery(
        from state: CrashState, _ played: CrashStateCase, _ allowed: ClosedRange<Int>, _ chance: inout SeededRandom
    ) throws -> CrashStateFault? {
        run.report.count("recoveries crashed into")
        try judge.folder.write(state.image)
        var recovering = options(played, state.survival)
        recovering.vfs = FaultVFS.name
        let (first, recovery) = try Recording.of(judge.folder.path) {
            judge.open(recovering, played.oracle, CrashStateJudge.Expected(allowed: allowed)) { _ in
                Recording.mark(.opened)
            }
        }
        guard let digest = first.digest else { return first.fault }
        var again = CrashStates(base: state.image, recording: recovery)
        if state.survival == .process {
            again = CrashStates(
                base: played.base,
                recording: played.recording.prefix(state.events, lastWriteCutTo: state.cut, then: recovery),
                first: state.events)
        }
        again.rules = played.rules(&chance)
        again.effort = CrashStateEffort(exhaustiveMax: 4, sampled: 8, torn: 4, cuts: 1)
        let opened = again.first + (Answers(recovery).opened ?? recovery.events.count)
        var byPower = state
        byPower.survival = .power
        let afterPower = played.answers.allowed(byPower)
        var fault: CrashStateFault?
        var draw = SeededRandom(seed: chance.next())
        let visit = { (second: CrashState) throws -> Bool in
            guard Int.random(in: 0..<5, using: &draw) == 0 else { return true }
            self.run.report.count("crashes inside a recovery")
            let mayDiffer =
                (state.survival == .power || second.survival == .power) && second.acknowledged < opened
            let expected = CrashStateJudge.Expected(
                allowed: second.survival == .power && mayDiffer
                    ? afterPower.lowerBound...allowed.upperBound : allowed,
                digest: mayDiffer ? nil : digest)
            try self.judge.folder.write(second.image)
            let survivals = state.survival == .power || second.survival == .power
            let options = self.options(
                played, survivals ? .power : .process, recoveries: second.survival == .power ? 2 : 1)
            if let found = self.judge.open(options, played.oracle, expected).fault {
                fault = CrashStateFault(
                    outcome: found.outcome,
                    what: "\(found.what); in the recovery from the state below: \(second.what())")
            }
            return fault == nil
        }
        var random = SeededRandom(seed: chance.next())
        try again.afterProcessDeath(&random, visit)
        if fault == nil { try again.afterPowerLoss(&random, visit) }
        return fault
    }
}
