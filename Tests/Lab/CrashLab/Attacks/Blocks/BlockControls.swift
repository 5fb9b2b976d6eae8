// The controls of the attack `blocks`: each must lose an acknowledged change in one of its disks.

internal import Drill

struct BlockControls {
    /// A control that finds no loss in so many disks is blind.
    private static let states = 120

    private let run: BlockRun
    private let device: BlockDevice

    init(_ run: BlockRun, _ device: BlockDevice) {
        self.run = run
        self.device = device
    }

    /// - Returns: each with whether it has lost.
    func play() throws -> [(name: String, fails: Bool)] {
        let system = device.system
        var controls: [(name: String, fails: Bool)] = []
        func play(
            _ name: String, _ script: BlockScript,
            _ state: (BlockTape, Int, inout SeededRandom) -> BlockState
        ) throws {
            let name = "\(system.rawValue), \(name)"
            controls.append((name, try loses(name, try run.record(script, on: device), state)))
        }
        // The recording is a case's as any other; only the model or the store is at fault.
        var script = BlockScript(seed: run.plan.seed, recording: 0, disk: device.disk, marks: device.marks)
        script.rounds = Array(script.rounds.prefix(1))
        script.rounds[0].role.ending = .waits
        script.rounds[0].role.trigger = .max
        script.rounds[0].target = 200
        try play("a drive that lies about flushes", script) { _, position, random in
            BlockState(lying: position, behind: Int.random(in: 1...60, using: &random))
        }
        if run.mountsHere, let options = system.withoutBarriers {
            var script = script
            script.options = options
            try play("mounted with \(options)", script) { tape, position, random in
                BlockState(tape, at: position, .prefix, sector: system.sector, random: &random)
            }
        }
        script.rounds[0].role.acknowledgesEarly = true
        try play("answers before the commit", script) { tape, position, random in
            BlockState(tape, at: position, .whole, sector: system.sector, random: &random)
        }
        return controls
    }

    private func loses(
        _ name: String, _ recording: BlockRecording, _ state: (BlockTape, Int, inout SeededRandom) -> BlockState
    ) throws -> Bool {
        var random = SeededRandom(seed: run.plan.seed, name: "blocks control \(name)")
        let judge = run.judge(device)
        for _ in 0..<Self.states {
            let position = Int.random(in: recording.opened...recording.tape.count, using: &random)
            let cut = state(recording.tape, position, &random)
            try device.advance(recording.tape, 0..<cut.flushed)
            try device.put(cut.pieces, of: recording.tape)
            let made = device.takeTape()
            let verdict = PowerVerdict(try judge.look(), recording.history(at: cut.position), seed: run.plan.seed)
            try device.undo(device.takeTape())
            try device.undo(made)
            try device.undo(recording.tape)
            if verdict.outcome == .lost { return true }
        }
        return false
    }
}
