// `lab calls`: the process dies, or an error comes, at every system call of ten pieces of work.
//
// A case is a piece of work, the number of a call, and what happens at it. How many calls a piece of work makes is counted in
// a run of its own first, and differs a little from run to run: threads take turns differently each time. So cases are
// numbered as if each piece of work made `callsMax`, and numbers of calls that it does not make are passed over: the same
// number is the same work, event and place, though perhaps another call. What is judged does not depend on that.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct CallsAttack {
    /// What happens at a call.
    enum Event: CaseIterable, Sendable {
        case killBefore, killAfter, io, noSpace, quota, noDescriptors, noMemory, readOnly, ioForGood, noSpaceForGood

        func blow(_ index: UInt64) -> TracedRun.Blow {
            switch self {
            case .killBefore: .killBefore(index)
            case .killAfter: .killAfter(index)
            case .io: .fail(index, EIO, sticky: false)
            case .noSpace: .fail(index, ENOSPC, sticky: false)
            case .quota: .fail(index, EDQUOT, sticky: false)
            case .noDescriptors: .fail(index, EMFILE, sticky: false)
            case .noMemory: .fail(index, ENOMEM, sticky: false)
            case .readOnly: .fail(index, EROFS, sticky: false)
            case .ioForGood: .fail(index, EIO, sticky: true)
            case .noSpaceForGood: .fail(index, ENOSPC, sticky: true)
            }
        }

        var kills: Bool { self == .killBefore || self == .killAfter }
    }

    /// No piece of work makes so many calls.
    private static let callsMax = 4_096
    /// All numbers, also those that are passed over.
    package static let numbers = callsMax * CallsWork.allCases.count * Event.allCases.count

    /// What a case does.
    struct Case: Equatable {
        let work: CallsWork
        let event: Event
        /// From 1.
        let call: Int

        init(_ number: Int, seed: UInt64) {
            let chosen = CaseOrder(CallsAttack.numbers, seed: seed)[number]
            let works = CallsWork.allCases
            let events = Event.allCases
            work = works[chosen % works.count]
            event = events[chosen / works.count % events.count]
            call = chosen / works.count / events.count + 1
        }
    }

    private var run: LabRun
    /// So many calls each piece of work made when they were counted.
    private var calls: [CallsWork: Int] = [:]
    /// What the stores that work begins on hold.
    private var before: [CallsWork.Start: History] = [:]

    private var plan: LabPlan { run.plan }

    package static func run(_ plan: LabPlan, progress: (Int, Int) -> Void) throws -> LabReport {
        var attack = CallsAttack(run: try LabRun("calls", plan))
        var next: Int? = plan.from
        do {
            next = try attack.play(progress)
        } catch is TracedRun.Unsupported {
            attack.run.report.skip("everything: the tracer knows Linux on x86-64 alone")
            attack.run.report.note(.skipped)
        }
        return attack.run.end(next: next)
    }

    private func path(_ start: CallsWork.Start) -> String { run.place + "/\(start).backstay" }

    /// - Returns: the case to go on with.
    private mutating func play(_ progress: (Int, Int) -> Void) throws -> Int? {
        for start in [CallsWork.Start.closed, .killed] { try prepare(start) }
        try proveOrder()
        for work in CallsWork.allCases {
            let counted = try traced(work, run.place + "/counting", .none)
            try expectDone(counted, work)
            if counted.calls > Self.callsMax {
                run.report.skip("\(work.rawValue): calls behind number \(Self.callsMax) of \(counted.calls)")
            }
            // A few more, which this run may have and that one had not.
            calls[work] = counted.calls + counted.calls / 64 + 4
        }
        return try plan.play(of: Self.numbers, progress: { progress($0, Self.numbers) }) { number in
            let one = Case(number, seed: plan.seed)
            if one.call <= calls[one.work] ?? 0 { try play(number, one.work, UInt64(one.call), one.event) }
        }
    }

    // MARK: The order of an answer

    private mutating func proveOrder() throws {
        let sound = try orderProof(early: false)
        run.report.count("answers seen to follow their sync", sound.answers - sound.problems.count)
        if sound.answers == 0 || !sound.problems.isEmpty {
            run.report.note(.wrong)
            run.report.fail(plan.from, "order of answers: \(sound.answers) seen; \(sound.problems.prefix(3))")
        }
        let early = try orderProof(early: true)
        run.report.control("answers before the commit", fails: !early.problems.isEmpty)
    }

    private func orderProof(early: Bool) throws -> OrderProof {
        let folder = run.place + "/order"
        try ScratchFiles.make(folder: folder)
        defer { Files.removeFolder(folder) }
        let store = folder + "/app.backstay"
        try ScratchFiles.copy(store: path(.closed), to: store)
        let traced = try TracedRun(
            executable: plan.executable,
            arguments: CallsWork.power.arguments(store: store, seed: plan.seed, early: early),
            errors: folder + "/stderr", log: folder + "/log")
        try expectDone(traced, .power)
        let log = Files.contents(folder + "/log", limit: 64 << 20) ?? []
        return OrderProof(log: String(decoding: log, as: UTF8.self))
    }

    // MARK: Stores to begin with

    private mutating func prepare(_ start: CallsWork.Start) throws {
        let store = path(start)
        var history = History()
        history.begin(writer: 0)
        let open = try CallsChild.open(store)
        for number in 1...20 {
            let change = Change(writer: 0, number: number)
            let receipt = try open.put(change, seed: plan.seed, change.durability)
            history.acknowledge(change, lsn: receipt.lsn.value)
            if number == 8 { try open.checkpoint() }
        }
        if start == .killed {
            // As a kill at this moment leaves it: nobody writes now but for what is drained by age.
            let copy = store + ".live"
            try ScratchFiles.copy(store: store, to: copy)
            try open.close()
            Files.removeFolder(store)
            guard rename(copy, store) == 0 else { throw Files.failure("renaming", copy) }
        } else {
            try open.close()
        }
        before[start] = history
    }

    // MARK: One case

    private func traced(_ work: CallsWork, _ folder: String, _ blow: TracedRun.Blow) throws -> TracedRun {
        Files.removeFolder(folder)
        try ScratchFiles.make(folder: folder)
        let store = folder + "/app.backstay"
        if let start = work.start { try ScratchFiles.copy(store: path(start), to: store) }
        return try TracedRun(
            executable: plan.executable, arguments: work.arguments(store: store, seed: plan.seed),
            errors: folder + "/stderr", blow: blow)
    }

    private func expectDone(_ run: TracedRun, _ work: CallsWork) throws {
        guard run.end == .exited(0), run.messages.contains(.phase(.closed)) else {
            throw Trouble(
                description:
                    "without any fault the work \(work.rawValue) ended by \(run.end): \(run.messages.suffix(2))")
        }
    }

    private mutating func play(_ number: Int, _ work: CallsWork, _ index: UInt64, _ event: Event) throws {
        let folder = "\(run.place)/\(number)"
        let traced = try traced(work, folder, event.blow(index))
        var record = CaseRecord(work.start.flatMap { before[$0] } ?? History())
        record.history.ahead = work.ahead
        for message in traced.messages { record.note(message) }
        if traced.struck == nil { run.report.count("not met") }
        run.report.count(event.kills ? "kills" : "errors")
        if event.kills {
            if traced.struck != nil, traced.end != .signalled(SIGKILL) { record.complain("ended by \(traced.end)") }
        } else if traced.end != .exited(0) || !traced.messages.contains(.done(rows: 0)) {
            record.complain("the process ended by \(traced.end) instead of going on")
        }
        record.verify(folder + "/app.backstay", seed: plan.seed, mayBeAbsent: work == .create) { torn(work, $0) }
        let what = traced.struck.map { "\($0.name) \($0.target)" } ?? "no call"
        run.close(number, folder, "\(work.rawValue), \(event) at call \(index) (\(what))", record)
    }

    /// Transactions of which a part is there.
    private func torn(_ work: CallsWork, _ rows: [String: String]) -> [String] {
        let groups: [ClosedRange<Int>] =
            switch work {
            case .transactions: stride(from: 1, through: 12, by: 3).map { $0...$0 + 2 }
            case .oversize: [CallsChild.oversized]
            default: []
            }
        return groups.compactMap { group in
            let found = group.count { rows[Change(writer: CallsWork.writer, number: $0).key] != nil }
            return found == 0 || found == group.count
                ? nil : "of the transaction \(group) \(found) of \(group.count) changes are there"
        }
    }
}
