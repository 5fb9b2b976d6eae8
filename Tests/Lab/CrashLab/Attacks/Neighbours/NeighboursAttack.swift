// `lab neighbours`: other processes that want the same store.
//
//   race      sixteen processes want it at once, by several names of its path; some kill themselves while they have it
//   takeover  the owner is killed while somebody waits: how long until the store is open again
//   locks     a thread of the owner opens and closes the store's files, which drops the process's POSIX locks on them
//             (https://www.sqlite.org/howtocorrupt.html, 2.2), while another process tries to get in
//
// In each: one owner at a time, nobody is let in beside it, everything that was answered is there at the end.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct NeighboursAttack {
    enum Kind: String, CaseIterable { case race, takeover, locks }

    private static let racers = 16

    private var run: LabRun
    /// Microseconds from the kill of an owner to the next one's first word.
    private var takeovers: [UInt64] = []

    package static func run(_ plan: LabPlan, progress: (Int) -> Void) throws -> LabReport {
        var attack = NeighboursAttack(run: try LabRun("neighbours", plan))
        // A case that is played again alone needs none.
        if plan.cases != 1 {
            attack.run.report.control("an intruder that takes the lock away", fails: try attack.intruderIsSeen())
        }
        let next = try plan.play(progress: progress) { try attack.play($0) }
        attack.tellTakeovers()
        return attack.run.end(next: next)
    }

    private mutating func tellTakeovers() {
        let sorted = takeovers.sorted()
        guard let longest = sorted.last else { return }
        run.report.count("µs, median takeover", Int(sorted[sorted.count / 2]))
        run.report.count("µs, longest takeover", Int(longest))
    }

    // MARK: One case

    private mutating func play(_ number: Int) throws {
        let kind = Kind.allCases[number % Kind.allCases.count]
        let folder = try run.makeFolder(number)
        var scene = Scene(plan: run.plan, number: number, folder: folder)
        switch kind {
        case .race: try scene.race(Self.racers)
        case .takeover: takeovers += try scene.takeover()
        case .locks: try scene.locks(.intrudes)
        }
        scene.record.verify(scene.store, seed: run.plan.seed)
        run.report.count(kind.rawValue)
        run.report.count("changes acknowledged", scene.record.answers)
        run.close(number, folder, kind.rawValue, scene.record)
    }

    /// Somebody who gets in beside the owner is noticed.
    private func intruderIsSeen() throws -> Bool {
        let folder = "\(run.place)/control"
        try ScratchFiles.make(folder: folder)
        defer { Files.removeFolder(folder) }
        var scene = Scene(plan: run.plan, number: -1, folder: folder)
        try scene.locks(.breaksIn)
        return !scene.record.problems.isEmpty
    }

    private struct Scene {
        let plan: LabPlan
        let folder: String
        var random: SeededRandom
        var record = CaseRecord()

        init(plan: LabPlan, number: Int, folder: String) {
            (self.plan, self.folder) = (plan, folder)
            random = SeededRandom(seed: plan.seed, name: "neighbours \(number)")
        }

        var store: String { folder + "/app.backstay" }

        private func start(_ child: NeighbourChild) throws -> ChildProcess {
            try ChildProcess(executable: plan.executable, arguments: child.arguments, errors: folder + "/stderr")
        }

        /// Listens to a child until it is gone, or until `enough`.
        ///
        /// - Returns: whether it said enough.
        private mutating func follow(
            _ child: ChildProcess, until enough: (Message) -> Bool = { _ in false }
        ) -> Bool {
            let why = child.hear { messages in
                for message in messages { record.note(message) }
                return !messages.contains(where: enough)
            }
            if why == .silence {
                record.complain("a child said nothing for a long time")
                child.send(SIGKILL)
            }
            return why == .enough
        }

        /// The child has ended, or was killed.
        private mutating func expect(_ expected: ChildProcess.End, of child: ChildProcess, _ who: String) {
            let end = child.reap()
            if end != expected { record.complain("\(who) ended by \(end), not by \(expected)") }
        }

        mutating func race(_ racers: Int) throws {
            // The path itself, one with a detour, and a link to the folder above.
            let link = folder + "/link"
            guard symlink(folder, link) == 0 else { throw Files.failure("linking", link) }
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
                expect(dies ? .signalled(SIGKILL) : .exited(0), of: child, "a racer")
            }
        }

        /// Changes that an owner makes before the next one comes.
        private static let changesOfAnOwner = 40

        private mutating func awaitChanges(of writer: Int, _ owner: ChildProcess) {
            let last = Change(writer: writer, number: Self.changesOfAnOwner)
            // All at once may be what it said last.
            if record.history.acknowledged[last] != nil { return }
            let isThere = follow(owner) { if case .acknowledged(last, _) = $0 { true } else { false } }
            if !isThere { record.complain("owner \(writer) did not make its changes") }
        }

        /// Four owners, one after the other.
        ///
        /// - Returns: how long each next one took, in microseconds.
        mutating func takeover() throws -> [UInt64] {
            func holder(_ writer: Int) throws -> ChildProcess {
                try start(
                    .init(.holds, store: store, seed: plan.seed, writer: writer, count: Self.changesOfAnOwner))
            }
            var times: [UInt64] = []
            var owner = try holder(0)
            awaitChanges(of: 0, owner)
            for writer in 1...3 {
                let next = try holder(writer)
                // It waits for the lock by now, or will soon; both are takeovers.
                usleep(UInt32.random(in: 0...30_000, using: &random))
                let killed = Clock.monotonicNanoseconds()
                owner.send(SIGKILL)
                expect(.signalled(SIGKILL), of: owner, "an owner")
                guard follow(next, until: { $0 == .phase(.open) }) else {
                    record.complain("nobody took the store over")
                    return times
                }
                times.append((Clock.monotonicNanoseconds() - killed) / 1_000)
                awaitChanges(of: writer, next)
                owner = next
            }
            owner.send(SIGKILL)
            expect(.signalled(SIGKILL), of: owner, "the last owner")
            return times
        }

        mutating func locks(_ intruding: NeighbourChild.Part) throws {
            let owner = try start(.init(.dropsLocks, store: store, seed: plan.seed, writer: 0, count: 0))
            guard follow(owner, until: { $0 == .phase(.open) }) else {
                return record.complain("the owner did not open")
            }
            let intruder = try start(.init(intruding, store: store, seed: plan.seed, writer: 1, count: 50))
            var letIn: Int?
            _ = follow(intruder) { message in
                if case .done(let times) = message { letIn = times }
                return false
            }
            expect(.exited(0), of: intruder, "the intruder")
            if letIn != 0 {
                record.complain("let in beside the owner: \(letIn.map { "\($0) times" } ?? "nobody knows")")
            }
            owner.send(SIGKILL)
            _ = follow(owner)
            expect(.signalled(SIGKILL), of: owner, "the owner")
        }
    }
}
