// The row `rot`: R10, R11 and R12. The parent: makes the stores, has children play the cases, finds out which case it was
// that crashed or held one, and plays the controls.

internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

package struct RotRow {
    /// A child that says nothing for so long hangs, however busy the machine.
    private static let silenceMax: UInt64 = 20_000_000_000
    /// One child plays so many cases, and the budget is looked at after each.
    private static let casesPerChild = 2_000

    private let plan: LabPlan
    private let executable: String
    private let place: String
    private let cases: RotCases
    private var report: LabReport
    private var microseconds = 0

    /// - Parameter executable: the program to run as children: its main must call `runAsChildIfAsked` first.
    package static func run(
        _ plan: LabPlan, executable: String? = nil, progress: (Int) -> Void = { _ in }
    ) throws -> LabReport {
        var row = try RotRow(plan, executable ?? DrillPlan.ownExecutable)
        try row.play(progress)
        return row.report
    }

    private init(_ plan: LabPlan, _ executable: String) throws {
        self.plan = plan
        self.executable = executable
        place = try plan.makePlace("rot")
        report = LabReport("rot", plan)
        let stores = try RotStores(in: place, seed: plan.seed)
        cases = RotCases(stores.stores, foreign: stores.foreign, seed: plan.seed)
        try RotImages.write(cases, to: place)
    }

    private mutating func play(_ progress: (Int) -> Void) throws {
        for store in cases.stores {
            let bytes = store.image.filter { !$0.key.hasSuffix("-shm") }.values.reduce(0) { $0 + $1.count }
            report.count("KiB of \(store.kind)", bytes / 1_024)
        }
        for (part, count) in [
            ("of files", cases.surgeryCount), ("of sectors", cases.sectorCount), ("of bits and bytes", cases.byteCount),
        ] { report.count("cases \(part) in all", count) }
        try playControls()
        var number = plan.from
        while plan.includes(number), number < cases.count {
            var count = min(Self.casesPerChild, cases.count - number)
            if let most = plan.cases { count = min(count, plan.from + most - number) }
            number = try playSome(RotRole(place: place, seed: plan.seed, from: number, count: count), progress)
        }
        report.next = number < cases.count ? number : nil
        let played = max(1, report.cases)
        report.count("µs a case", microseconds / played)
        if report.failures.isEmpty { Platform.removeFolder(place) }
        report.end()
    }

    /// - Returns: the case behind the last one played.
    private mutating func playSome(_ role: RotRole, _ progress: (Int) -> Void) throws -> Int {
        var next = role.from
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: place + "/stderr")
        reading: while true {
            switch child.nextLines(until: Platform.monotonicNanoseconds() + Self.silenceMax) {
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
            report.note(line.outcome)
            report.count(line.how)
            return
        }
        fail(line.number, line.outcome, line.how, line.what)
    }

    private mutating func fail(_ number: Int, _ outcome: LabOutcome, _ how: String, _ what: String) {
        report.note(outcome)
        report.count(how)
        let files = "\(place)/case-\(number)"
        let rot = cases[number].map { "\(cases.stores[$0.store].kind): \($0)" } ?? ""
        guard report.fail(number, "\(how): \(rot): \(what)", artefacts: files), let rot = cases[number] else { return }
        // As the case found it. What cannot be made again here is said above.
        do {
            _ = try RotDamage(cases: cases).make(rot, number: number, in: files)
        } catch {
            report.skip("keeping the files of case \(number): \(error)")
        }
    }

    // MARK: Controls

    /// Bits that a store without its checks must get wrong. One is enough.
    private mutating func playControls() throws {
        for (name, sabotage, file) in [
            ("hashes of rows not compared", RotRole.Sabotage.checksums, "clean/state.db"),
            ("sync mark and SQLite WAL not looked at", .witnesses, "live/journal.db-wal"),
            ("end of the tail not looked at", .witnesses, "live/tail"),
        ] {
            var role = RotRole(
                place: place, seed: plan.seed, from: cases.surgeryCount + cases.sectorCount, count: cases.byteCount)
            role.only = file
            role.sabotage = sabotage
            report.control(name, fails: try fails(role))
        }
    }

    private func fails(_ role: RotRole) throws -> Bool {
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: place + "/stderr")
        defer {
            child.send(SIGKILL)
            _ = child.reap()
            Platform.removeFolder("\(place)/child-\(child.pid)")
        }
        var played = 0
        while played < 600,
            case .lines(let lines) = child.nextLines(until: Platform.monotonicNanoseconds() + Self.silenceMax)
        {
            let found = lines.compactMap { RotLine(line: $0) }
            if found.contains(where: { $0.outcome == .lost || $0.outcome == .wrong }) { return true }
            played += found.count
        }
        return false
    }
}
