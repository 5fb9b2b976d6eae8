// One run of the attack `blocks`: devices and recordings, and what is done with them in each case. Belongs to the thread whose
// mounts nobody else sees.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

final class BlockRun {
    private(set) var run: LabRun
    private let source: BlocksAttack.Source
    private var devices: [BlockFileSystem: BlockDevice] = [:]
    /// The recording that is on its device now, and how much of it the image has.
    private var recording: (number: Int, recording: BlockRecording, advanced: Int)?
    private var images = 0

    /// So many failing disks are kept: each may take a hundred megabytes.
    private static let imagesMax = 3

    var plan: LabPlan { run.plan }

    init(_ run: LabRun, _ source: BlocksAttack.Source) {
        self.run = run
        self.source = source
    }

    func play(_ progress: (Int) -> Void) throws -> LabReport {
        // A case that is played again alone needs none.
        if plan.cases != 1 {
            for system in source.systems {
                guard let device = try available(system) else { continue }
                for (name, fails) in try BlockControls(self, device).play() { run.report.control(name, fails: fails) }
            }
        }
        let next = try plan.play(progress: progress) { try play($0) }
        return run.concluded(next: next)
    }

    private func play(_ number: Int) throws {
        let index = number / BlocksAttack.casesOfARecording
        let system = source.systems[index % source.systems.count]
        guard let device = try available(system) else {
            run.report.note(.skipped)
            return
        }
        switch source.case(number) {
        case .state(let shape, let isTwice):
            let recording = try recorded(index, on: device)
            try playState(number, of: recording, on: device, shape, isTwice: isTwice)
        case .failure(let writes, let flushes):
            try playFailure(number, on: device, writes: writes, flushes: flushes)
        }
    }

    // MARK: Devices and recordings

    /// Whether the file system is mounted here while it is recorded.
    var mountsHere: Bool { if case .processes = source { true } else { false } }

    /// Nil, with the reason in the report, where the file system cannot be had.
    private func available(_ system: BlockFileSystem) throws -> BlockDevice? {
        if let device = devices[system] { return device }
        if let missing = system.missing {
            run.report.skip(missing)
            return nil
        }
        let folder = "\(run.place)/\(system.rawValue)"
        try ScratchFiles.make(folder: folder)
        let device = try BlockDevice(system, folder: folder)
        devices[system] = device
        return device
    }

    private func errors(_ device: BlockDevice) -> String { "\(run.place)/\(device.system.rawValue)/stderr" }

    func judge(_ device: BlockDevice) -> BlockJudge {
        BlockJudge(device: device, executable: plan.executable, errors: errors(device))
    }

    func record(_ script: BlockScript, on device: BlockDevice) throws -> BlockRecording {
        try clear(device)
        let recording: BlockRecording
        switch source {
        case .processes:
            recording = try BlockRecording(
                script, on: device, executable: plan.executable, errors: errors(device))
        case .machine(let recorder):
            let (made, missed) = try recorder.record(script, on: device)
            if missed > 0 { run.report.count("boots that count for nothing", missed) }
            recording = made
        }
        try device.undo(recording.tape)
        return recording
    }

    /// The device is as it was made again.
    private func clear(_ device: BlockDevice) throws {
        guard let old = recording else { return }
        recording = nil
        let system = source.systems[old.number % source.systems.count]
        try devices[system]?.undo(old.recording.tape)
    }

    private func recorded(_ number: Int, on device: BlockDevice) throws -> BlockRecording {
        if let recording, recording.number == number { return recording.recording }
        let script = BlockScript(seed: plan.seed, recording: number, disk: device.disk, marks: device.marks)
        let made = try record(script, on: device)
        recording = (number, made, 0)
        run.report.count("recordings")
        run.report.count("changes acknowledged", made.acknowledged)
        run.report.count("block writes and flushes", made.tape.count)
        if let problem = made.problems.first {
            run.report.fail(number * BlocksAttack.casesOfARecording, "while recording: \(problem)")
        }
        return made
    }

    /// Makes the image hold the recording's entries below `end`. Cases of a recording go forward through it.
    private func advance(to end: Int, on device: BlockDevice) throws {
        guard let now = recording else { return }
        try device.advance(now.recording.tape, now.advanced..<max(now.advanced, end))
        recording?.advanced = max(now.advanced, end)
    }

    // MARK: Cases

    private func playState(
        _ number: Int, of recording: BlockRecording, on device: BlockDevice, _ shape: BlockState.Shape, isTwice: Bool
    ) throws {
        var random = SeededRandom(seed: plan.seed, name: "blocks case \(number)")
        let states = source.statesOfARecording
        let place = number % BlocksAttack.casesOfARecording
        // Evenly through the recording; within its part anywhere.
        let part = Double(place) + Double.random(in: 0..<1, using: &random)
        let position = min(recording.tape.count, Int(part / Double(states) * Double(recording.tape.count + 1)))
        let state = BlockState(
            recording.tape, at: position, shape, sector: device.system.sector, random: &random)
        let history = recording.history(at: state.position)
        try advance(to: state.flushed, on: device)
        try device.put(state.pieces, of: recording.tape)
        let judge = self.judge(device)
        let made = device.takeTape()
        let verdict = PowerVerdict(try judge.look(), history, seed: plan.seed)
        let recovery = device.takeTape()
        try device.undo(recovery)
        note(
            verdict, number, "\(device.system.rawValue), cut at \(position) of \(recording.tape.count), \(shape)",
            device)
        if isTwice, verdict.outcome == .whole, recovery.count > 0 {
            let second = BlockState(
                recovery, at: Int.random(in: 0...recovery.count, using: &random),
                BlockState.Shape.allCases.randomElement(using: &random) ?? .whole, sector: device.system.sector,
                random: &random)
            try device.advance(recovery, 0..<second.flushed)
            try device.put(second.pieces, of: recovery)
            let pieces = device.takeTape()
            let again = PowerVerdict(try judge.look(boot: "the-boot-after-that"), history, seed: plan.seed)
            let rest = device.takeTape()
            try device.undo(rest)
            run.report.count("second cuts while the first was recovered from")
            note(again, number, "\(device.system.rawValue), second cut at \(second.position)", device, isCase: false)
            try device.undo(pieces)
            try device.undo(recovery)
        }
        try device.undo(made)
    }

    /// - Parameters:
    ///   - isCase: false where the verdict is about a further disk of a case that is counted already.
    private func note(
        _ verdict: PowerVerdict, _ number: Int, _ what: String, _ device: BlockDevice, isCase: Bool = true
    ) {
        if isCase { run.report.note(verdict.outcome) }
        run.report.count("disks")
        switch verdict.outcome {
        case .whole: return
        case .skipped:
            run.report.count("disks that \(device.system.rawValue) itself refused")
            run.report.skip("case \(number): \(what): \(verdict.what)")
        case .detected, .lost, .wrong:
            run.report.fail(
                number, "\(verdict.outcome.rawValue): \(what): \(verdict.what)", artefacts: keep(number, device))
        }
    }

    /// The disk as it was before the next start looked at it.
    private func keep(_ number: Int, _ device: BlockDevice) -> String? {
        guard images < Self.imagesMax else { return nil }
        images += 1
        let file = "\(run.place)/\(number)-\(images).\(device.system.rawValue)"
        do {
            try device.save(to: file)
            return file
        } catch {
            run.report.skip("keeping the disk of case \(number): \(error)")
            return nil
        }
    }

    /// The device fails under a process, for once or for good: no change is answered as durable that is not, and each
    /// writer gets an error. After a reboot the oracle holds.
    private func playFailure(_ number: Int, on device: BlockDevice, writes: Bool, flushes: Bool) throws {
        let script = BlockScript.failing(
            seed: plan.seed, recording: number, disk: device.disk, marks: device.marks, writes: writes,
            flushes: flushes)
        let made = try record(script, on: device)
        let judge = self.judge(device)
        let history = made.history(at: made.tape.count)
        let what = "\(device.system.rawValue), failing \(writes ? "writes " : "")\(flushes ? "flushes" : "")"
        var random = SeededRandom(seed: plan.seed, name: "blocks case \(number)")
        // What was answered after a failed flush shows where what was not flushed is gone.
        for shape in [BlockState.Shape.whole, .subset] {
            let state = BlockState(
                made.tape, at: made.tape.count, shape, sector: device.system.sector, random: &random)
            try device.advance(made.tape, 0..<state.flushed)
            try device.put(state.pieces, of: made.tape)
            let pieces = device.takeTape()
            let verdict = PowerVerdict(try judge.look(), history, seed: plan.seed)
            try device.undo(device.takeTape())
            let isAfterAll = shape == .whole
            note(verdict, number, isAfterAll ? what : what + ", then a power cut", device, isCase: isAfterAll)
            try device.undo(pieces)
        }
        run.report.count("processes whose device failed")
        run.report.count("changes of unknown fate", made.unknown)
        run.report.count("changes refused", made.refused)
        let isForGood = script.errors?.flushes == -1 || script.errors?.writes == -1
        if isForGood, made.unknown + made.refused == 0, made.end == .signalled(SIGKILL) {
            run.report.fail(number, "wrong: the device failed for good, and no writer was told")
        }
        if made.end != .signalled(SIGKILL) { run.report.count("of them ended by \(made.end)") }
        if let problem = made.problems.first { run.report.fail(number, "wrong: \(problem)") }
        try device.undo(made.tape)
    }
}
