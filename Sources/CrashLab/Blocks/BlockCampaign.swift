// The row `blocks`: crash states of a block device under the real ext4, XFS and Btrfs.
//
// A hundred cases share a recording (BlockRecording.swift), in turn on each file system: 98 disks that a power cut at some
// moment of it may leave (BlockState.swift), a quarter of them with a second cut while the store is opened after the
// first, and two in which the device itself fails while a process writes. The oracle judges by the rules of power loss.

internal import ExitHooks
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

package enum BlockCampaign {
    static let casesOfARecording = 100
    /// The last cases of each recording are not states of it: in them the device fails.
    private static let failing = 2

    /// Plays the row.
    ///
    /// - Parameters:
    ///   - executable: whose main calls `runAsChildIfAsked`; nil for the running one.
    package static func row(
        _ plan: LabPlan, executable: String? = nil, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> LabReport {
        if let missing = BlockFileSystem.missingForAll {
            var report = LabReport("blocks", plan)
            report.skip(missing)
            return report
        }
        let place = try plan.makePlace("blocks")
        // For a run that is stopped: mounts and devices go by themselves.
        let cleanup = ExitHooks.register("remove the lab's folder") { _ in Platform.removeFolder(place) }
        defer { cleanup.cancel() }
        let executable = executable ?? DrillPlan.ownExecutable
        let report: LabReport
        do {
            report = try OwnMounts.run {
                try BlockRun(plan, place: place, executable: executable).play(progress)
            }
        } catch let refusal as OwnMounts.Refusal {
            Platform.removeFolder(place)
            throw StoreError(.ioError, refusal.description)
        }
        if report.failed == 0 { Platform.removeFolder(place) }
        return report
    }

    /// What a case does.
    enum Case: Equatable {
        case state(BlockState.Shape, isTwice: Bool)
        case failure(writes: Bool, flushes: Bool)

        init(_ number: Int) {
            let recording = number / casesOfARecording
            let place = number % casesOfARecording
            guard place < casesOfARecording - failing else {
                // Flushes and writes in the one, either of them in the other.
                self =
                    place == casesOfARecording - 1
                    ? .failure(writes: true, flushes: true)
                    : .failure(writes: recording % 2 == 0, flushes: recording % 2 == 1)
                return
            }
            let shapes = BlockState.Shape.allCases
            self = .state(shapes[place % shapes.count], isTwice: place % 16 < shapes.count)
        }
    }
}

/// One run of the row, on the thread whose mounts nobody else sees.
private final class BlockRun {
    private let plan: LabPlan
    private let place: String
    private let executable: String
    private var report: LabReport
    private var devices: [BlockFileSystem: BlockDevice] = [:]
    /// The recording that is on its device now, and how much of it the image has.
    private var recording: (number: Int, recording: BlockRecording, advanced: Int)?
    private var images = 0

    /// So many failing disks are kept: each may take a hundred megabytes.
    private static let imagesMax = 3
    /// A control that finds no loss in so many disks is blind.
    private static let controlStates = 120

    init(_ plan: LabPlan, place: String, executable: String) {
        self.plan = plan
        self.place = place
        self.executable = executable
        report = LabReport("blocks", plan)
    }

    func play(_ progress: (Int) -> Void) throws -> LabReport {
        // A case that is played again alone needs none.
        if plan.cases != 1 { try playControls() }
        var number = plan.from
        while plan.includes(number) {
            progress(number)
            try play(number)
            number += 1
        }
        report.next = number
        report.end()
        return report
    }

    private func play(_ number: Int) throws {
        let index = number / BlockCampaign.casesOfARecording
        let system = BlockFileSystem.allCases[index % BlockFileSystem.allCases.count]
        guard let device = try available(system) else {
            report.note(.skipped)
            return
        }
        switch BlockCampaign.Case(number) {
        case .state(let shape, let isTwice):
            let recording = try recorded(index, on: device)
            try playState(number, of: recording, on: device, shape, isTwice: isTwice)
        case .failure(let writes, let flushes):
            try playFailure(number, on: device, writes: writes, flushes: flushes)
        }
    }

    // MARK: Devices and recordings

    /// Nil, with the reason in the report, where the file system cannot be had.
    private func available(_ system: BlockFileSystem) throws -> BlockDevice? {
        if let device = devices[system] { return device }
        if let missing = system.missing {
            report.skip(missing)
            return nil
        }
        let folder = "\(place)/\(system.rawValue)"
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
        let device = try BlockDevice(system, folder: folder)
        devices[system] = device
        return device
    }

    private func errors(_ device: BlockDevice) -> String { "\(place)/\(device.system.rawValue)/stderr" }

    private func record(_ script: BlockScript, on device: BlockDevice) throws -> BlockRecording {
        try clear(device)
        let recording = try BlockRecording(script, on: device, executable: executable, errors: errors(device))
        try device.undo(recording.tape)
        return recording
    }

    /// The device is as it was made again.
    private func clear(_ device: BlockDevice) throws {
        guard let old = recording else { return }
        recording = nil
        let system = BlockFileSystem.allCases[old.number % BlockFileSystem.allCases.count]
        try devices[system]?.undo(old.recording.tape)
    }

    private func recorded(_ number: Int, on device: BlockDevice) throws -> BlockRecording {
        if let recording, recording.number == number { return recording.recording }
        let script = BlockScript(seed: plan.seed, recording: number, disk: device.disk, marks: device.marks)
        let made = try record(script, on: device)
        recording = (number, made, 0)
        report.count("recordings")
        report.count("changes acknowledged", made.acknowledged)
        report.count("block writes and flushes", made.tape.count)
        if let problem = made.problems.first {
            report.fail(number * BlockCampaign.casesOfARecording, "while recording: \(problem)")
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
        let states = BlockCampaign.casesOfARecording - 2
        let place = number % BlockCampaign.casesOfARecording
        // Evenly through the recording; within its part anywhere.
        let part = Double(place) + Double.random(in: 0..<1, using: &random)
        let position = min(recording.tape.count, Int(part / Double(states) * Double(recording.tape.count + 1)))
        let state = BlockState(
            recording.tape, at: position, shape, sector: device.system.sector, random: &random)
        let history = recording.history(at: state.position)
        try advance(to: state.flushed, on: device)
        try device.put(state.pieces, of: recording.tape)
        let judge = BlockJudge(device: device, executable: executable, errors: errors(device))
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
            let again = PowerVerdict(try judge.look(), history, seed: plan.seed)
            let rest = device.takeTape()
            try device.undo(rest)
            report.count("second cuts while the first was recovered from")
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
        if isCase { report.note(verdict.outcome) }
        report.count("disks")
        switch verdict.outcome {
        case .whole: return
        case .skipped:
            report.count("disks that \(device.system.rawValue) itself refused")
            report.skip("case \(number): \(what): \(verdict.what)")
        case .detected, .lost, .wrong:
            report.fail(
                number, "\(verdict.outcome.rawValue): \(what): \(verdict.what)", artefacts: keep(number, device))
        }
    }

    /// The disk as it was before the next start looked at it.
    private func keep(_ number: Int, _ device: BlockDevice) -> String? {
        guard images < Self.imagesMax else { return nil }
        images += 1
        let file = "\(place)/\(number)-\(images).\(device.system.rawValue)"
        do {
            try device.save(to: file)
            return file
        } catch {
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
        let judge = BlockJudge(device: device, executable: executable, errors: errors(device))
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
        report.count("processes whose device failed")
        report.count("changes of unknown fate", made.unknown)
        report.count("changes refused", made.refused)
        let isForGood = script.errors?.flushes == -1 || script.errors?.writes == -1
        if isForGood, made.unknown + made.refused == 0, made.end == .signalled(SIGKILL) {
            report.fail(number, "wrong: the device failed for good, and no writer was told")
        }
        if made.end != .signalled(SIGKILL) { report.count("of them ended by \(made.end)") }
        if let problem = made.problems.first { report.fail(number, "wrong: \(problem)") }
        try device.undo(made.tape)
    }

    // MARK: Controls

    /// Each must lose an acknowledged change in one of its disks.
    private func playControls() throws {
        for system in BlockFileSystem.allCases {
            guard let device = try available(system) else { continue }
            // The recording is a case's as any other; only the model or the store is at fault.
            var script = BlockScript(seed: plan.seed, recording: 0, disk: device.disk, marks: device.marks)
            script.rounds = Array(script.rounds.prefix(1))
            script.rounds[0].role.ending = .waits
            script.rounds[0].role.trigger = .max
            script.rounds[0].target = 200
            let sound = try record(script, on: device)
            try control("\(system.rawValue), a drive that lies about flushes", sound, on: device) { position, random in
                BlockState(lying: position, behind: Int.random(in: 1...60, using: &random))
            }
            if let options = system.withoutBarriers {
                var script = script
                script.options = options
                let recorded = try record(script, on: device)
                try control("\(system.rawValue), mounted with \(options)", recorded, on: device) { position, random in
                    BlockState(recorded.tape, at: position, .prefix, sector: device.system.sector, random: &random)
                }
            }
            script.rounds[0].role.acknowledgesEarly = true
            let early = try record(script, on: device)
            try control("\(system.rawValue), answers before the commit", early, on: device) { position, random in
                BlockState(early.tape, at: position, .whole, sector: device.system.sector, random: &random)
            }
        }
    }

    private func control(
        _ name: String, _ recording: BlockRecording, on device: BlockDevice,
        state: (Int, inout SeededRandom) -> BlockState
    ) throws {
        var random = SeededRandom(seed: plan.seed, name: "blocks control \(name)")
        let judge = BlockJudge(device: device, executable: executable, errors: errors(device))
        var hasLost = false
        for _ in 0..<Self.controlStates {
            let cut = state(Int.random(in: recording.opened...recording.tape.count, using: &random), &random)
            try device.advance(recording.tape, 0..<cut.flushed)
            try device.put(cut.pieces, of: recording.tape)
            let made = device.takeTape()
            let verdict = PowerVerdict(
                try judge.look(), recording.history(at: cut.position), seed: plan.seed)
            try device.undo(device.takeTape())
            try device.undo(made)
            try device.undo(recording.tape)
            hasLost = verdict.outcome == .lost
            if hasLost { break }
        }
        report.control(name, fails: hasLost)
    }
}
