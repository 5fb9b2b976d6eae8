// `lab calls`: the process dies, or an error comes, at every system call of ten pieces of work.
//
// A case is a piece of work, a call, and what happens at it. How many calls a piece of work makes is counted in a run of
// its own first; threads take turns differently each time, so the same number need not be the same call, and a case that
// is played again may meet another. What is judged does not depend on that.

internal import Backstay
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

package struct CallsRow {
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

    /// A piece of work, and where its cases begin.
    private struct Part {
        let work: CallsWork
        let calls: Int
        let first: Int
        var cases: Int { calls * Event.allCases.count }
    }

    private let plan: LabPlan
    private let place: String
    private var report: LabReport
    private var parts: [Part] = []
    /// What the stores that work begins on hold.
    private var before: [CallsWork.Start: History] = [:]

    package static func run(_ plan: LabPlan, progress: (Int, Int) -> Void) throws -> LabReport {
        var row = try CallsRow(plan)
        do {
            try row.play(progress)
        } catch is TracedRun.Unsupported {
            row.report.skip("everything: the tracer knows Linux on x86-64 alone")
            row.report.note(.skipped)
        }
        if row.report.failures.isEmpty { Platform.removeFolder(row.place) }
        row.report.end()
        return row.report
    }

    private init(_ plan: LabPlan) throws {
        self.plan = plan
        report = LabReport("calls", plan)
        place = try plan.makePlace("calls")
    }

    private func path(_ start: CallsWork.Start) -> String { place + "/\(start).backstay" }

    private mutating func play(_ progress: (Int, Int) -> Void) throws {
        for start in [CallsWork.Start.closed, .killed] { try prepare(start) }
        try proveOrder()
        var first = 0
        for work in CallsWork.allCases {
            let run = try traced(work, place + "/counting", .none)
            try expectDone(run, work)
            parts.append(Part(work: work, calls: run.calls, first: first))
            first += run.calls * Event.allCases.count
        }
        let all = first
        // Work by work would leave out the last of them when time is short.
        var number = plan.from
        while number < all, plan.includes(number) {
            let (part, index, event) = chosen(number, of: all)
            try play(number, part.work, index, event)
            number += 1
            progress(number, all)
        }
        report.next = number < all ? number : nil
    }

    /// The case of a number: neighbours are far apart, and each comes once.
    private func chosen(_ number: Int, of all: Int) -> (Part, UInt64, Event) {
        // A step that shares no factor with their count.
        var step = Int(Double(all) * 0.618)
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        while divisor(step, all) != 1 { step += 1 }
        let mixed = Int((UInt64(number) &* UInt64(step) &+ plan.seed % UInt64(all)) % UInt64(all))
        let part = parts.last { $0.first <= mixed } ?? parts[0]
        let within = mixed - part.first
        let events = Event.allCases
        return (part, UInt64(within / events.count + 1), events[within % events.count])
    }

    // MARK: The order of an answer

    private mutating func proveOrder() throws {
        let sound = try orderProof(early: false)
        report.count("answers seen to follow their sync", sound.answers - sound.problems.count)
        if sound.answers == 0 || !sound.problems.isEmpty {
            report.note(.wrong)
            report.fail(-1, "order of answers: \(sound.answers) seen; \(sound.problems.prefix(3))")
        }
        let early = try orderProof(early: true)
        report.control("answers before the commit", fails: !early.problems.isEmpty)
    }

    private func orderProof(early: Bool) throws -> OrderProof {
        let folder = place + "/order"
        Platform.removeFolder(folder)
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
        defer { Platform.removeFolder(folder) }
        let store = folder + "/app.backstay"
        try copyFolder(path(.closed), to: store)
        let run = try TracedRun(
            executable: plan.executable,
            arguments: CallsWork.power.arguments(store: store, seed: plan.seed, early: early),
            errors: folder + "/stderr", log: folder + "/log")
        try expectDone(run, .power)
        let log = Platform.contents(folder + "/log", limit: 64 << 20) ?? []
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
            let lsn: LSN
            switch change.value(seed: plan.seed) {
            case .int(let value): lsn = try open.set(change.key, value, durability: change.durability).lsn
            case .text(let text): lsn = try open.set(change.key, text, durability: change.durability).lsn
            }
            history.acknowledge(change, lsn: lsn.value)
            if number == 8 { try open.checkpoint() }
        }
        if start == .killed {
            // As a kill at this moment leaves it: nobody writes now but for what is drained by age.
            let copy = store + ".live"
            try copyFolder(store, to: copy)
            try open.close()
            Platform.removeFolder(store)
            guard rename(copy, store) == 0 else { throw Platform.failure("renaming", copy) }
        } else {
            try open.close()
        }
        before[start] = history
    }

    private func copyFolder(_ folder: String, to copy: String) throws {
        guard mkdir(copy, 0o700) == 0 else { throw Platform.failure("creating", copy) }
        for name in Platform.names(in: folder) where !name.hasSuffix("-shm") {
            try Platform.copyFile(folder + "/" + name, to: copy + "/" + name)
        }
    }

    // MARK: One case

    private func traced(_ work: CallsWork, _ folder: String, _ blow: TracedRun.Blow) throws -> TracedRun {
        Platform.removeFolder(folder)
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
        let store = folder + "/app.backstay"
        if let start = work.start { try copyFolder(path(start), to: store) }
        return try TracedRun(
            executable: plan.executable, arguments: work.arguments(store: store, seed: plan.seed),
            errors: folder + "/stderr", blow: blow)
    }

    private func expectDone(_ run: TracedRun, _ work: CallsWork) throws {
        guard run.end == .exited(0), run.messages.contains(.phase(.closed)) else {
            throw StoreError(
                .ioError, "without any fault the work \(work.rawValue) ended by \(run.end): \(run.messages.suffix(2))")
        }
    }

    private mutating func play(_ number: Int, _ work: CallsWork, _ index: UInt64, _ event: Event) throws {
        let folder = "\(place)/\(number)"
        let run = try traced(work, folder, event.blow(index))
        var problems: [String] = []
        let what = run.struck.map { "\($0.name) \($0.target)" } ?? "no call"
        if run.struck == nil { report.count("not met") }
        report.count(event.kills ? "kills" : "errors")
        if event.kills {
            if run.struck != nil, run.end != .signalled(SIGKILL) { problems.append("ended by \(run.end)") }
        } else if run.end != .exited(0) || !run.messages.contains(where: { $0 == .done(rows: 0) }) {
            problems.append("the process ended by \(run.end) instead of going on")
        }
        let history = note(run, work, &problems)
        judge(work, folder, history, &problems)
        if problems.isEmpty {
            report.note(.whole)
            Platform.removeFolder(folder)
            return
        }
        let isLost = problems.contains { $0.hasSuffix("is missing") }
        report.note(isLost ? .lost : .wrong)
        let text =
            "\(work.rawValue), \(event) at call \(index) (\(what)): \(problems.prefix(3).joined(separator: "; "))"
        if !report.fail(number, text, artefacts: folder) { Platform.removeFolder(folder) }
    }

    private func note(_ run: TracedRun, _ work: CallsWork, _ problems: inout [String]) -> History {
        var history = work.start.flatMap { before[$0] } ?? History()
        history.ahead = work.ahead
        for message in run.messages {
            switch message {
            case .began(let writer): history.begin(writer: writer)
            case .acknowledged(let change, let lsn): history.acknowledge(change, lsn: lsn)
            case .refused(let change): history.reject(change)
            case .trouble(let text): problems.append(text)
            default: break
            }
        }
        return history
    }

    /// The next start. A store that was being made when the process died may not be there.
    private func judge(_ work: CallsWork, _ folder: String, _ history: History, _ problems: inout [String]) {
        let store = folder + "/app.backstay"
        guard Platform.exists(store) else {
            if work != .create || !history.acknowledged.isEmpty { problems.append("the store is gone") }
            return
        }
        do {
            let open = try CallsChild.open(store)
            let rows = try CallsChild.rows(open)
            try open.close()
            let verdict = Oracle.judge(history, recovered: rows, seed: plan.seed, survival: .process)
            problems += verdict.findings.map(\.description)
            problems += torn(work, rows)
        } catch {
            problems.append("the next start: \(error)")
        }
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
