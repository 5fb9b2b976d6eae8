internal import Drill
internal import WriteAheadJournal

/// What is recorded.
struct BlockScript: Sendable {
    struct Round: Sendable {
        var role: ChildRole
        /// Acknowledgements after which the process is killed; nil where it ends by itself.
        var target: Int?
        /// Microseconds between them and the kill.
        var delay: UInt32
    }

    /// What the device refuses, from some acknowledgement on.
    struct Errors: Sendable {
        var writes = 0
        var flushes = 0
        /// Acknowledgements before the first one.
        var after = 40
        /// Nanoseconds from then until the process is killed, where not all writers were told before: an error that the
        /// file system makes good, as Btrfs does with the second copy of its metadata, is told to nobody, and the process
        /// would go on until the disk is full. Not so many answers, as those before the error may still be on their way.
        static let goesOnFor: UInt64 = 3_000_000_000
    }

    var rounds: [Round] = []
    /// Options of the mount.
    var options = ""
    var errors: Errors?
    /// Of all choices made while it runs.
    var random: SeededRandom
    let seed: UInt64

    init(seed: UInt64, recording: Int, disk: String, marks: String) {
        self.seed = seed
        random = SeededRandom(seed: seed, name: "blocks \(recording)")
        let count = [1, 1, 2, 2, 3].randomElement(using: &random) ?? 1
        for round in 0..<count {
            var role = ChildRole()
            role.part = .writes
            role.store = disk + "/s.backstay"
            role.marks = marks
            role.seed = seed
            role.firstWriter = round * Writers.stride
            // Levels are as the oracle takes them to be: odd changes ask for `.power`.
            role.strain = Bool.random(using: &random) ? .mixed : .wrapping
            role.ending = [.waits, .waits, .checkpoints, .diesClosing].randomElement(using: &random) ?? .waits
            let target = Int.random(in: 30...400, using: &random)
            if role.ending == .diesClosing { role.trigger = target }
            rounds.append(
                Round(
                    role: role, target: role.ending == .diesClosing ? nil : target,
                    delay: UInt32.random(in: 0...5_000, using: &random)))
        }
    }

    /// One process, and a device that fails under it.
    static func failing(
        seed: UInt64, recording: Int, disk: String, marks: String, writes: Bool, flushes: Bool
    ) -> BlockScript {
        var script = BlockScript(seed: seed, recording: recording, disk: disk, marks: marks)
        script.rounds = Array(script.rounds.prefix(1))
        script.rounds[0].role.ending = .waits
        script.rounds[0].role.trigger = .max
        script.rounds[0].target = nil
        // Once, or from then on.
        let times = Bool.random(using: &script.random) ? 1 : -1
        script.errors = Errors(
            writes: writes ? times : 0, flushes: flushes ? times : 0,
            after: Int.random(in: 10...200, using: &script.random))
        return script
    }
}
