// A recording of an emulated machine's drive: one boot, in which a program changes a store until the power goes, and the tape
// of all that its drive was sent.
//
// An answer comes by the console, later than it was given. How long the drive's log was when it was heard says what it can
// rely on: all that stands in the log by then. So an answer's place on the tape is too late rather than too early, which
// demands less of a disk, never more.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct MachineRecorder {
    /// More than the console's buffers hold: so many answers may be given and not heard.
    private static let ahead = 10_000
    private static let bootsMax = 4

    let machine: PowerMachine
    /// A folder for the drive and its log.
    let folder: String

    /// Records the first process of the script on the device, which must be as it was made, and leaves the image as the
    /// power cut leaves it where everything reached the disk.
    ///
    /// - Returns: the recording, and how many boots came to nothing before.
    func record(_ script: BlockScript, on device: BlockDevice) throws -> (recording: BlockRecording, missed: Int) {
        guard var round = script.rounds.first else { throw Trouble(description: "a script without a process") }
        round.role.store = PowerMachine.store
        round.role.marks = ""
        round.role.alarm = PowerMachine.alarmSeconds
        let drive = folder + "/drive", log = folder + "/drive-log"
        defer {
            unlink(drive)
            unlink(log)
        }
        var why = ""
        for missed in 0..<Self.bootsMax {
            try device.save(to: drive)
            try ScratchFiles.write([], to: log)
            var boot = Boot(round: round, log: log)
            try boot.play(machine.start(round.role, .logged(image: drive, log: log), errors: folder + "/stderr"))
            if let reason = boot.missed {
                why = reason
                continue
            }
            guard let bytes = Files.contents(log, limit: 1 << 30) else { throw Files.failure("reading", log) }
            try put(bytes, boot.heard, onto: device)
            let recording = BlockRecording(
                device.takeTape(), seed: script.seed, ahead: Self.ahead, problems: boot.problems)
            return (recording, missed)
        }
        throw Trouble(description: "the machine does not come up: \(why)")
    }

    private func put(_ bytes: [UInt8], _ heard: [(logBytes: Int, message: Message)], onto device: BlockDevice) throws {
        var rest = heard[...]
        func say(before place: Int) throws {
            while let next = rest.first, next.logBytes <= place {
                try device.note(next.message)
                rest.removeFirst()
            }
        }
        for entry in try DriveLog(bytes).entries {
            try say(before: entry.place)
            switch entry.kind {
            case .write:
                try bytes.withUnsafeBytes { try device.write(.init(rebasing: $0[entry.content]), at: entry.offset) }
            case .flush: try device.flush()
            }
        }
        try say(before: .max)
    }

    /// One boot, as it is heard.
    private struct Boot {
        let round: BlockScript.Round
        let log: String
        /// How long the log was when it was heard.
        var heard: [(logBytes: Int, message: Message)] = []
        var problems: [String] = []
        /// Why it counts for nothing.
        var missed: String?

        mutating func play(_ child: ChildProcess) throws {
            var acknowledged = 0
            var isCut = false
            let why = child.hear(patience: PowerMachine.patience) { messages in
                let logBytes = Files.size(log) ?? 0
                for message in messages {
                    switch message {
                    // Changes of a writer may be on the disk before it is heard that there is one.
                    case .began: heard.insert((0, message), at: 0)
                    case .trouble(let text): problems.append(text)
                    default: heard.append((logBytes, message))
                    }
                    if message.isAcknowledgement { acknowledged += 1 }
                }
                if let target = round.target, acknowledged >= target, !isCut {
                    isCut = true
                    usleep(round.delay)
                    child.send(SIGKILL)
                }
                return true
            }
            if why == .silence { child.send(SIGKILL) }
            let end = child.reap()
            if why == .silence {
                missed = "it said nothing for a long time"
            } else if end != (round.target == nil ? .exited(0) : .signalled(SIGKILL)) {
                missed = "it ended by \(end)"
            }
        }
    }
}
