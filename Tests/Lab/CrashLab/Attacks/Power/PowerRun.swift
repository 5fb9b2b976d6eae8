internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// One run of the attack, on the thread whose mounts nobody else sees.
final class PowerRun {
    private var run: LabRun
    private let machine: PowerMachine
    private var drive: Drive?

    private var plan: LabPlan { run.plan }
    private var place: String { run.place }

    private struct Drive {
        var number: Int
        var image: String
        var history: History
    }

    /// What became of a boot.
    private enum Cut {
        /// It was cut.
        case made
        /// It hung, or ended before its time.
        case missed(String)
        /// It hung behind the program's beginning.
        case hung
        /// The program met an error.
        case troubled(String)
    }

    /// Answers that may be on their way through the console when the power goes: its buffer in the kernel has 4,096 bytes.
    private static let answersOnTheirWay = 500
    private static let bootsMax = 4
    private static let controlCuts = 6

    init(_ run: LabRun, machine: String) throws {
        self.run = run
        self.run.report.options = PowerMachine.options(machine)
        self.machine = try PowerMachine(folder: machine, place: run.place)
        try ScratchFiles.make(folder: run.place + "/disk")
    }

    func play(_ progress: (Int) -> Void) throws -> LabReport {
        if plan.cases != 1 { try playControl() }
        let next = try plan.play(progress: progress) { try play($0) }
        return run.concluded(next: next)
    }

    // MARK: Cases

    private func play(_ number: Int) throws {
        var random = SeededRandom(seed: plan.seed, name: "power \(number)")
        let round = number % PowerAttack.casesOfADrive
        if drive?.number != number / PowerAttack.casesOfADrive {
            if let old = drive { unlink(old.image) }
            drive = try makeDrive(number / PowerAttack.casesOfADrive, "\(number)")
        }
        var role = ChildRole()
        role.part = .writes
        role.store = PowerMachine.store
        role.alarm = PowerMachine.alarmSeconds
        role.seed = plan.seed
        role.firstWriter = round * Writers.stride
        role.strain = Bool.random(using: &random) ? .mixed : .wrapping
        role.ending = [.waits, .waits, .checkpoints].randomElement(using: &random) ?? .waits
        // A third of the cuts fall while the store is made or recovered.
        let isEarly = Int.random(in: 0..<3, using: &random) == 0
        let target = isEarly ? 0 : Int.random(in: 1...300, using: &random)
        let delay = UInt32.random(in: 0...(isEarly ? 400_000 : 60_000), using: &random)
        guard var drive = self.drive else { return }
        var hangs = 0
        booting: for boot in 1... {
            let cut = try self.cut(role, drive.image, target: target, delay: delay, isEarly: isEarly, &drive.history)
            var reason = "the program hangs"
            switch cut {
            case .made: break booting
            case .troubled(let trouble):
                run.report.fail(number, "wrong: \(trouble)", from: number - round)
                break booting
            case .missed(let why): reason = why
            case .hung: hangs += 1
            }
            run.report.count("boots that count for nothing")
            guard boot == Self.bootsMax else { continue }
            self.drive = drive
            // An emulator hangs now and then. What hangs each time is the program.
            guard hangs == Self.bootsMax else {
                run.report.skip("case \(number): \(reason)")
                return run.report.note(.skipped)
            }
            run.report.note(.wrong)
            run.report.fail(number, "wrong: \(reason)", from: number - round, artefacts: drive.image)
            self.drive = nil
            return
        }
        // While the store is small: a thousand values take the console a second or more.
        let isInGuest = round == 3
        // Whoever looks at it changes it, as does the mount: a failure is kept as the power left it.
        let asCut = "\(place)/\(number).as-cut.ext4"
        try SystemCommand.run(["cp", "--sparse=always", drive.image, asCut], log: place + "/log")
        let finding = try isInGuest ? readInMachine(drive.image) : readHere(drive.image)
        let verdict = PowerVerdict(finding, drive.history, seed: plan.seed)
        if case .rows(let rows, _) = finding { drive.history.adopt(rows) }
        self.drive = drive
        run.report.note(verdict.outcome)
        run.report.count(isInGuest ? "judged by the machine" : "judged here")
        switch verdict.outcome {
        case .whole: unlink(asCut)
        case .skipped:
            unlink(asCut)
            run.report.skip("case \(number): \(verdict.what)")
        case .detected, .lost, .wrong:
            run.report.fail(
                number, "\(verdict.outcome.rawValue): \(verdict.what)", from: number - round, artefacts: asCut)
            // What comes behind a failure says nothing: a new drive for the next case, and this one is kept.
            unlink(drive.image)
            self.drive = nil
        }
    }

    /// Acknowledging before the commit must lose.
    private func playControl() throws {
        var hasLost = false
        for attempt in 0..<Self.controlCuts where !hasLost {
            var random = SeededRandom(seed: plan.seed, name: "power control \(attempt)")
            var drive = try makeDrive(-1, "control-\(attempt)")
            var role = ChildRole()
            role.part = .writes
            role.store = PowerMachine.store
            role.alarm = PowerMachine.alarmSeconds
            role.seed = plan.seed
            role.acknowledgesEarly = true
            let cut = try self.cut(
                role, drive.image, target: Int.random(in: 100...400, using: &random),
                delay: UInt32.random(in: 0...60_000, using: &random), isEarly: false, &drive.history)
            guard case .made = cut else { continue }
            let verdict = PowerVerdict(try readHere(drive.image), drive.history, seed: plan.seed)
            hasLost = verdict.outcome == .lost
            unlink(drive.image)
        }
        run.report.control("answers before the commit", fails: hasLost)
    }

    private func makeDrive(_ number: Int, _ name: String) throws -> Drive {
        let image = "\(place)/\(name).ext4"
        try BlockFileSystem.ext4.make(image: image, log: place + "/log")
        var history = History()
        history.ahead = Self.answersOnTheirWay
        return Drive(number: number, image: image, history: history)
    }

    /// One boot, cut off.
    private func cut(
        _ role: ChildRole, _ image: String, target: Int, delay: UInt32, isEarly: Bool, _ history: inout History
    ) throws -> Cut {
        let child = try machine.start(role, .plain(image: image), errors: place + "/stderr")
        var acknowledged = 0
        var isCut = false
        var hasBegun = false
        var trouble: String?
        let why = child.hear(patience: PowerMachine.patience) { messages in
            for message in messages {
                history.note(message)
                switch message {
                case .acknowledged: acknowledged += 1
                case .phase(.opening): hasBegun = true
                case .trouble(let text): trouble = text
                default: break
                }
            }
            if !isCut, isEarly ? hasBegun : acknowledged >= max(1, target) {
                isCut = true
                usleep(delay)
                child.send(SIGKILL)
            }
            return true
        }
        if why == .silence {
            child.send(SIGKILL)
            _ = child.reap()
            return hasBegun ? .hung : .missed("the machine said nothing for a long time")
        }
        let end = child.reap()
        run.report.count("changes acknowledged", acknowledged)
        if let trouble { return .troubled(trouble) }
        guard isCut, end == .signalled(SIGKILL) else {
            return .missed("the machine ended by \(end): \((Files.text(at: place + "/stderr") ?? "").suffix(200))")
        }
        return .made
    }

    // MARK: The next start

    private func readHere(_ image: String) throws -> NextStart.Finding {
        let (device, path) = try OwnMounts.attach(image)
        defer { close(device) }
        let disk = place + "/disk"
        do {
            try OwnMounts.mount(path, at: disk, type: "ext4", options: "")
        } catch {
            return .unmountable(error.description)
        }
        let finding = Result {
            try NextStart.read(store: disk + "/s.backstay", executable: plan.executable, errors: place + "/stderr")
        }
        try OwnMounts.unmount(disk)
        return try finding.get()
    }

    /// The whole next boot as a user has it. A boot that hangs is tried again, and counts for nothing; a program that hangs
    /// each time has not opened the store.
    private func readInMachine(_ image: String) throws -> NextStart.Finding {
        var role = ChildRole()
        role.store = PowerMachine.store
        role.alarm = PowerMachine.alarmSeconds
        var hangs = 0
        for _ in 1..<Self.bootsMax {
            let child = try machine.start(role, .plain(image: image), errors: place + "/stderr")
            let finding = NextStart.hear(child, patience: PowerMachine.patience)
            switch finding {
            case .silent: break
            case .hung: hangs += 1
            default: return finding
            }
            run.report.count("boots that count for nothing")
        }
        return hangs == Self.bootsMax - 1 ? .hung : .silent
    }
}
