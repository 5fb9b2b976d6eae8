// `lab rivals`: who loses what. The same changes, the same ends and the same rot for the store and for what an application
// would use instead; one oracle for all.
//
// A case is one rival under one blow: a child makes changes and tells which were answered; it is killed, or closes; in
// a power cut what was synced becomes the disk; a bit is flipped where that is the blow; then the rival is opened again
// and asked for all it has.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct RivalsAttack {
    /// What became of the cases of one rival under one blow.
    struct Cell {
        var cases = 0
        /// Something acknowledged was gone or wrong, and nothing said so.
        var silent = 0
        /// The rival refused to open, or said what was gone.
        var noticed = 0
        /// Something acknowledged was gone, which this rival had said it may be.
        var allowed = 0

        var text: String {
            var parts: [String] = []
            if silent > 0 { parts.append("\(silent) silent") }
            if noticed > 0 { parts.append("\(noticed) noticed") }
            if allowed > 0 { parts.append("\(allowed) the newest, as it says") }
            return cases == 0 ? "–" : parts.isEmpty ? "0 of \(cases)" : "\(parts.joined(separator: ", ")) of \(cases)"
        }
    }

    private var run: LabRun
    private var cells: [RivalBlow: [Rival: Cell]] = [:]

    private var plan: LabPlan { run.plan }

    /// A table of what was lost, and the attack's report. Only the store's own losses are failures.
    package static func run(
        _ plan: LabPlan, progress: (Int) -> Void
    ) throws -> (report: LabReport, table: String) {
        var attack = RivalsAttack(run: try LabRun("rivals", plan))
        let next = try plan.play(progress: progress) { number in
            let rival = Rival.allCases[number % Rival.allCases.count]
            let blow = RivalBlow.allCases[number / Rival.allCases.count % RivalBlow.allCases.count]
            let folder = try attack.run.makeFolder(number)
            let isKept = try attack.play(number, rival, blow, folder)
            if !isKept { Files.removeFolder(folder) }
        }
        if plan.cases != 1 { attack.judgeControls() }
        return (attack.run.end(next: next), attack.table)
    }

    /// Who must lose, if loss can be seen at all.
    private mutating func judgeControls() {
        func silent(_ blow: RivalBlow, _ rival: Rival) -> Bool { cells[blow]?[rival]?.silent ?? 0 > 0 }
        run.report.control("power loss takes from \(Rival.sqliteNormal.rawValue)", fails: silent(.power, .sqliteNormal))
        run.report.control("power loss takes from \(Rival.file.rawValue)", fails: silent(.power, .file))
        run.report.control(
            "a flipped bit goes unnoticed in \(Rival.fileSynced.rawValue)", fails: silent(.bitAfterClose, .fileSynced))
    }

    // MARK: One case

    /// True when its files are to be kept.
    private mutating func play(_ number: Int, _ rival: Rival, _ blow: RivalBlow, _ folder: String) throws -> Bool {
        var random = SeededRandom(seed: plan.seed, name: "rivals \(number)")
        let live = folder + "/live"
        try ScratchFiles.make(folder: live)
        var child = RivalChild(
            rival: rival, folder: live, seed: plan.seed &+ UInt64(number),
            changes: Int.random(in: 30...200, using: &random))
        child.closes = blow == .bitAfterClose
        // All begin with a file that is there and closed: what making one risks is not compared here.
        try rival.open(live, vfs: nil).close()
        let files = rival.files(in: live)
        if blow.cutsPower {
            let disk = folder + "/disk"
            try ScratchFiles.copy(store: files, to: disk)
            child.shadow = disk
            child.tears = blow == .torn
        }
        let target = child.closes ? Int.max : Int.random(in: 20...child.changes, using: &random)
        let history = try follow(child, target: target, errors: folder + "/stderr")
        if blow.cutsPower {
            Files.removeFolder(files)
            guard rename(folder + "/disk", files) == 0 else { throw Files.failure("renaming", files) }
        }
        if blow.flips { try flipBit(files, &random) }
        let seen = judge(rival, live, history, seed: child.seed)
        return note(number, rival, blow, seen, folder)
    }

    /// Runs the child to its end and returns what it was answered.
    private func follow(_ role: RivalChild, target: Int, errors: String) throws -> History {
        var record = CaseRecord()
        record.history.begin(writer: 0)
        let child = try ChildProcess(executable: plan.executable, arguments: role.arguments, errors: errors)
        let why = child.hear { messages in
            for message in messages {
                record.note(message)
                if message.isAcknowledgement && record.answers == target { child.send(SIGKILL) }
            }
            return record.problems.isEmpty
        }
        if why == .silence { throw Trouble(description: "a child said nothing for a long time") }
        if let problem = record.problems.first { throw Trouble(description: "a child failed: \(problem)") }
        let end = child.reap()
        guard end == (role.closes ? .exited(0) : .signalled(SIGKILL)) else {
            throw Trouble(description: "a child ended by \(end)")
        }
        return record.history
    }

    /// One bit of one byte that is not zero: files have parts that were made ready and hold nothing yet.
    private func flipBit(_ folder: String, _ random: inout SeededRandom) throws {
        let names = Files.names(in: folder).filter { !$0.hasSuffix("-shm") && $0 != "lock" }.sorted()
        var bytes: [(name: String, offset: Int, byte: UInt8)] = []
        for name in names {
            let content = Files.contents(folder + "/" + name, limit: 16 << 20) ?? []
            for (offset, byte) in content.enumerated() where byte != 0 { bytes.append((name, offset, byte)) }
        }
        guard let chosen = bytes.randomElement(using: &random) else {
            throw Trouble(description: "there is nothing to flip")
        }
        let file = open(folder + "/" + chosen.name, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Files.failure("opening", chosen.name) }
        defer { close(file) }
        var flipped = chosen.byte ^ (1 << UInt8.random(in: 0..<8, using: &random))
        guard pwrite(file, &flipped, 1, off_t(chosen.offset)) == 1 else {
            throw Files.failure("writing", chosen.name)
        }
    }

    private struct Seen {
        var verdict = Verdict()
        /// What the rival said; empty where it said nothing.
        var said = ""
    }

    private func judge(_ rival: Rival, _ folder: String, _ history: History, seed: UInt64) -> Seen {
        var seen = Seen()
        do {
            let store = try rival.open(folder, vfs: nil)
            let entries = try store.entries()
            seen.said = store.said
            seen.verdict = Oracle.judge(history, recovered: entries, seed: seed, survival: .process)
            try store.close()
        } catch let noticed as Noticed {
            seen.said = noticed.what
        } catch {
            seen.said = "\(error)"
        }
        return seen
    }

    /// True when the files are to be kept.
    private mutating func note(
        _ number: Int, _ rival: Rival, _ blow: RivalBlow, _ seen: Seen, _ folder: String
    ) -> Bool {
        var cell = cells[blow, default: [:]][rival] ?? Cell()
        defer { cells[blow, default: [:]][rival] = cell }
        cell.cases += 1
        let findings = seen.verdict.findings
        let onlyMissing = findings.allSatisfy { if case .missing = $0 { true } else { false } }
        guard !findings.isEmpty || !seen.said.isEmpty else {
            run.report.note(.whole)
            return false
        }
        if !seen.said.isEmpty && onlyMissing {
            if findings.isEmpty && seen.verdict.recovered > 0 {
                // It said what it dropped or repaired, and all that was acknowledged is there.
                run.report.note(.whole)
                return false
            }
            cell.noticed += 1
            run.report.note(.detected)
            guard rival.isOurs, !blow.flips else { return false }
            return run.report.fail(number, "\(rival.rawValue), \(blow.rawValue): \(seen.said)", artefacts: folder)
        }
        if onlyMissing && blow.mayTake(from: rival) {
            cell.allowed += 1
            run.report.note(.whole)
            return false
        }
        cell.silent += 1
        guard rival.isOurs else {
            run.report.note(.whole)
            return false
        }
        run.report.note(seen.verdict.lost > 0 ? .lost : .wrong)
        return run.report.fail(
            number, "\(rival.rawValue), \(blow.rawValue): \(findings.prefix(3).map(\.description))", artefacts: folder
        )
    }

    // MARK: The table

    private var table: String {
        let head = "| | " + Rival.allCases.map(\.rawValue).joined(separator: " | ") + " |"
        let line = "|---|" + Rival.allCases.map { _ in "---|" }.joined()
        let rows = RivalBlow.allCases.map { blow in
            "| \(blow.rawValue) | "
                + Rival.allCases.map { (cells[blow]?[$0] ?? Cell()).text }.joined(separator: " | ") + " |"
        }
        return ([head, line] + rows).joined(separator: "\n")
    }
}
