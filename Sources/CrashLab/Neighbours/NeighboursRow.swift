// `lab neighbours`: other processes that want the same store.
//
//   race      sixteen processes want it at once, by several names of its path; some kill themselves while they have it
//   takeover  the owner is killed while somebody waits: how long until the store is open again
//   locks     a thread of the owner opens and closes the store's files, which drops the process's POSIX locks on them
//             (https://www.sqlite.org/howtocorrupt.html, 2.2), while another process tries to get in
//
// In each: one owner at a time, nobody is let in beside it, everything that was answered is there at the end.

internal import Backstay
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

package struct NeighboursRow {
    enum Kind: String, CaseIterable { case race, takeover, locks }

    private static let racers = 16

    private let plan: LabPlan
    private let place: String
    private var report: LabReport
    /// Microseconds from the kill of an owner to the next one's first word.
    private var takeovers: [UInt64] = []

    package static func run(_ plan: LabPlan, progress: (Int) -> Void) throws -> LabReport {
        var row = NeighboursRow(plan, try plan.makePlace("neighbours"))
        var number = plan.from
        while plan.includes(number) {
            try row.play(number)
            number += 1
            progress(number)
        }
        row.report.next = number
        row.tellTakeovers()
        if row.report.failures.isEmpty { Platform.removeFolder(row.place) }
        row.report.end()
        return row.report
    }

    private init(_ plan: LabPlan, _ place: String) {
        (self.plan, self.place) = (plan, place)
        report = LabReport("neighbours", plan)
    }

    private mutating func tellTakeovers() {
        let sorted = takeovers.sorted()
        guard let longest = sorted.last else { return }
        report.count("µs, median takeover", Int(sorted[sorted.count / 2]))
        report.count("µs, longest takeover", Int(longest))
    }

    // MARK: One case

    private mutating func play(_ number: Int) throws {
        let kind = Kind.allCases[number % Kind.allCases.count]
        let folder = "\(place)/\(number)"
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
        var scene = Scene(plan: plan, number: number, folder: folder)
        switch kind {
        case .race: try scene.race(Self.racers)
        case .takeover: takeovers += try scene.takeover()
        case .locks: try scene.locks()
        }
        try scene.verify()
        report.count(kind.rawValue)
        report.count("changes acknowledged", scene.history.acknowledged.count)
        if scene.problems.isEmpty {
            report.note(.whole)
            Platform.removeFolder(folder)
            return
        }
        report.note(scene.lost > 0 ? .lost : .wrong)
        let text = "\(kind.rawValue): \(scene.problems.prefix(3).joined(separator: "; "))"
        if !report.fail(number, text, artefacts: folder) { Platform.removeFolder(folder) }
    }

    private struct Scene {
        let plan: LabPlan
        let folder: String
        var random: SeededRandom
        var history = History()
        var problems: [String] = []
        var lost = 0

        init(plan: LabPlan, number: Int, folder: String) {
            (self.plan, self.folder) = (plan, folder)
            random = SeededRandom(seed: plan.seed, name: "neighbours \(number)")
        }

        private var store: String { folder + "/app.backstay" }

        private func start(_ child: NeighbourChild) throws -> ChildProcess {
            try ChildProcess(executable: plan.executable, arguments: child.arguments, errors: folder + "/stderr")
        }

        private mutating func note(_ message: Message) {
            switch message {
            case .began(let writer): history.begin(writer: writer)
            case .acknowledged(let change, let lsn): history.acknowledge(change, lsn: lsn)
            case .trouble(let text): problems.append(text)
            default: break
            }
        }

        /// Reads what a child says until it is gone, or until `enough`.
        private mutating func follow(
            _ child: ChildProcess, until enough: (Message) -> Bool = { _ in false }
        ) -> Bool {
            while true {
                switch child.next(until: Platform.monotonicNanoseconds() + ScenarioRun.silenceMax) {
                case .end: return false
                case .silence:
                    problems.append("a child said nothing for a long time")
                    child.send(SIGKILL)
                    return false
                case .messages(let messages):
                    for message in messages { note(message) }
                    if messages.contains(where: enough) { return true }
                }
            }
        }

        mutating func race(_ racers: Int) throws {
            // The path itself, one with a detour, and a link to the folder above.
            let link = folder + "/link"
            guard symlink(folder, link) == 0 else { throw Platform.failure("linking", link) }
            let names = [store, folder + "/./app.backstay", link + "/app.backstay"]
            var children: [(ChildProcess, dies: Bool)] = []
            for writer in 0..<racers {
                let name = names[writer % names.count]
                var child = NeighbourChild(.takesTurn, store: name, seed: plan.seed, writer: writer, count: 8)
                if Bool.random(using: &random) { child.diesAfter = Int.random(in: 1...8, using: &random) }
                children.append((try start(child), child.diesAfter > 0))
            }
            for (child, dies) in children {
                _ = follow(child)
                let end = child.reap()
                let expected: ChildProcess.End = dies ? .signalled(SIGKILL) : .exited(0)
                if end != expected { problems.append("a racer ended by \(end), not by \(expected)") }
            }
        }

        /// Three owners, one after the other. Returns how long each next one took, in microseconds.
        mutating func takeover() throws -> [UInt64] {
            var times: [UInt64] = []
            var owner = try start(.init(.holds, store: store, seed: plan.seed, writer: 0, count: 40))
            _ = follow(owner) { if case .acknowledged(let change, _) = $0 { change.number == 40 } else { false } }
            for writer in 1...3 {
                let next = try start(.init(.holds, store: store, seed: plan.seed, writer: writer, count: 40))
                // It waits for the lock by now, or will soon; both are takeovers.
                usleep(UInt32.random(in: 0...30_000, using: &random))
                let killed = Platform.monotonicNanoseconds()
                owner.send(SIGKILL)
                _ = owner.reap()
                guard follow(next, until: { $0 == .phase(.open) }) else {
                    problems.append("nobody took the store over")
                    return times
                }
                times.append((Platform.monotonicNanoseconds() - killed) / 1_000)
                // All at once may be what it said last.
                if history.acknowledged[Change(writer: writer, number: 40)] == nil {
                    _ = follow(next) {
                        if case .acknowledged(let change, _) = $0 { change.number == 40 } else { false }
                    }
                }
                owner = next
            }
            owner.send(SIGKILL)
            _ = owner.reap()
            return times
        }

        mutating func locks() throws {
            let owner = try start(.init(.dropsLocks, store: store, seed: plan.seed, writer: 0, count: 200))
            guard follow(owner, until: { $0 == .phase(.open) }) else {
                return problems.append("the owner did not open")
            }
            let intruder = try start(.init(.intrudes, store: store, seed: plan.seed, writer: 1, count: 50))
            _ = follow(owner)
            let end = owner.reap()
            if end != .signalled(SIGKILL) { problems.append("the owner ended by \(end)") }
            // The intruder may be let in once the owner is dead, not before; what it finds then is judged below.
            _ = follow(intruder)
            _ = intruder.reap()
        }

        mutating func verify() throws {
            do {
                let open = try CallsChild.open(store)
                let rows = try CallsChild.rows(open)
                try open.close()
                let verdict = Oracle.judge(history, recovered: rows, seed: plan.seed, survival: .process)
                lost = verdict.lost
                problems += verdict.findings.map(\.description)
            } catch {
                problems.append("the next start: \(error)")
            }
        }
    }
}
