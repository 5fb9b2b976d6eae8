// The attack `rot`. The parent: makes the stores, has children play the cases, finds out which case it was
// that crashed or held one, and plays the controls.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct RotAttack {
    /// A child that says nothing for so long hangs, however busy the machine.
    private static let silenceMax: UInt64 = 20_000_000_000
    /// One child plays so many cases, and the budget is looked at after each.
    private static let casesPerChild = 2_000

    private var run: LabRun
    private let extent: RotExtent
    private let cases: RotCases
    private var microseconds = 0

    private var plan: LabPlan { run.plan }
    private var place: String { run.place }

    /// - Parameter everyBit: of smaller stores, each bit once and nothing else.
    package static func run(
        _ plan: LabPlan, everyBit: Bool = false, progress: (Int) -> Void = { _ in }
    ) throws -> LabReport {
        var attack = try RotAttack(plan, everyBit ? .bits : .everything)
        return try attack.play(progress)
    }

    private init(_ plan: LabPlan, _ extent: RotExtent) throws {
        run = try LabRun("rot", plan)
        self.extent = extent
        if extent == .bits { run.report.options = ["--every-bit"] }
        let stores = try RotStores(in: run.place, seed: plan.seed, extent)
        cases = RotCases(stores.stores, foreign: stores.foreign, seed: plan.seed, extent: extent)
        try RotImages.write(cases, to: run.place)
    }

    private mutating func play(_ progress: (Int) -> Void) throws -> LabReport {
        for store in cases.stores {
            let bytes = store.image.filter { !$0.key.hasSuffix("-shm") }.values.reduce(0) { $0 + $1.count }
            run.report.count("KiB of \(store.kind)", bytes / 1_024)
        }
        for (part, count) in [
            ("of files", cases.surgeryCount), ("of sectors", cases.sectorCount),
            (extent == .bits ? "of bits" : "of bits and bytes", cases.byteCount),
        ] where count > 0 { run.report.count("cases \(part) in all", count) }
        try playControls()
        var number = plan.from
        while plan.includes(number), number < cases.count {
            var count = min(Self.casesPerChild, cases.count - number)
            if let most = plan.cases { count = min(count, plan.from + most - number) }
            number = try playSome(role(from: number, count: count), progress)
        }
        run.report.count("µs a case", microseconds / max(1, run.report.cases))
        return run.end(next: number < cases.count ? number : nil)
    }

    private func role(from: Int, count: Int) -> RotRole {
        RotRole(place: place, seed: plan.seed, extent: extent, from: from, count: count)
    }

    private func start(_ role: RotRole) throws -> ChildProcess {
        try ChildProcess(executable: plan.executable, arguments: role.arguments, errors: place + "/stderr")
    }

    /// - Returns: the case behind the last one played.
    private mutating func playSome(_ role: RotRole, _ progress: (Int) -> Void) throws -> Int {
        var next = role.from
        let child = try start(role)
        reading: while true {
            switch child.nextLines(until: Clock.monotonicNanoseconds() + Self.silenceMax) {
            case .end: break reading
            case .silence:
                child.send(SIGKILL)
                _ = child.reap()
                fail(next, .wrong, "hang", "the child said nothing for \(Self.silenceMax / 1_000_000_000) s")
                return next + 1
            case .lines(let lines):
                for line in lines {
                    guard let line = RotLine(line: line) else { continue }
                    next = line.number + 1
                    note(line)
                }
                progress(next)
            }
        }
        let end = child.reap()
        guard end != .exited(0) else { return next }
        fail(next, .wrong, "crash", "the child ended by \(end)")
        return next + 1
    }

    private mutating func note(_ line: RotLine) {
        microseconds += line.microseconds
        guard line.outcome == .lost || line.outcome == .wrong else {
            run.report.note(line.outcome)
            run.report.count(line.how)
            return
        }
        fail(line.number, line.outcome, line.how, line.what)
    }

    private mutating func fail(_ number: Int, _ outcome: LabOutcome, _ how: String, _ what: String) {
        run.report.note(outcome)
        run.report.count(how)
        let files = "\(place)/case-\(number)"
        let rot = cases[number].map { "\(cases.stores[$0.store].kind): \($0)" } ?? ""
        guard run.report.fail(number, "\(how): \(rot): \(what)", artefacts: files), let rot = cases[number] else {
            return
        }
        // As the case found it. What cannot be made again here is said above.
        do {
            _ = try RotDamage(cases: cases).make(rot, number: number, in: files)
        } catch {
            run.report.skip("keeping the files of case \(number): \(error)")
        }
    }

    // MARK: Controls

    /// Bits that a reader without checks must get wrong. One is enough. The tail has what is lost of SQLite's WAL, so
    /// that one is read without it.
    private mutating func playControls() throws {
        for (name, reader, file) in [
            ("a reader without checks: the table", RotTrial.Reader.naive, "clean/state.db"),
            ("a reader without checks: SQLite's WAL", .naiveWithoutTail, "live/journal.db-wal"),
            ("a reader without checks: the tail", .naive, "live/tail"),
        ] {
            var role = role(from: cases.surgeryCount + cases.sectorCount, count: cases.byteCount)
            role.only = file
            role.reader = reader
            run.report.control(name, fails: try fails(role))
        }
    }

    private func fails(_ role: RotRole) throws -> Bool {
        let child = try start(role)
        defer {
            child.send(SIGKILL)
            _ = child.reap()
            Files.removeFolder("\(place)/child-\(child.pid)")
        }
        var played = 0
        while played < 600,
            case .lines(let lines) = child.nextLines(until: Clock.monotonicNanoseconds() + Self.silenceMax)
        {
            let found = lines.compactMap { RotLine(line: $0) }
            if found.contains(where: { $0.outcome == .lost || $0.outcome == .wrong }) { return true }
            played += found.count
        }
        return false
    }
}
