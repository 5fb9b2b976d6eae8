// A recording: a file system, mounted, with processes that change a store on it, killed and started again; and the tape
// of all that, from the mount to the unmount.
//
// What a process tells its parent it says to the device first (ChildRole.say): so an acknowledgement has its place among
// the block writes. It is made after the call returned and before the writer's next change: a disk cut behind the mark
// owes the change, and a disk cut before it holds at most this one change more.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

final class BlockRecording {
    let tape: BlockTape
    let seed: UInt64
    /// What went wrong while it was made.
    private(set) var problems: [String] = []
    /// Answers after the first error of the device.
    private(set) var unknown = 0
    private(set) var refused = 0
    /// How the last process ended.
    private(set) var end = ChildProcess.End.exited(0)
    private let marks: [(position: Int, message: Message)]
    /// So many changes a writer may be ahead of what the tape has of its answers.
    private let ahead: Int

    /// Of what was recorded elsewhere.
    ///
    /// - Parameter ahead: so many answers of a writer may come later on the tape than what they answer.
    init(_ tape: BlockTape, seed: UInt64, ahead: Int, problems: [String]) {
        self.tape = tape
        self.seed = seed
        self.ahead = ahead
        self.problems = problems
        marks = Self.marks(tape)
    }

    private static func marks(_ tape: BlockTape) -> [(position: Int, message: Message)] {
        (0..<tape.count).compactMap { index in tape.mark(index).map { (index, $0) } }
    }

    /// Plays the script on the device, which must be as it was made, and leaves it unmounted.
    init(_ script: BlockScript, on device: BlockDevice, executable: String, errors: String) throws {
        seed = script.seed
        var player = Player(script: script, device: device, executable: executable, errors: errors)
        try device.mount(options: script.options)
        let played = Result { for round in script.rounds { try player.play(round) } }
        // After an error of the device the file system may have stopped, which is no trouble of ours.
        let unmounted = Result { try device.unmount() }
        device.fail(writes: 0, flushes: 0)
        let tape = device.takeTape()
        self.tape = tape
        marks = Self.marks(tape)
        ahead = 1
        problems = player.problems
        unknown = player.unknown
        refused = player.refused
        end = player.end
        try played.get()
        try unmounted.get()
    }

    /// Changes that were acknowledged.
    var acknowledged: Int {
        marks.count { $0.message.isAcknowledgement }
    }

    /// Where the first store was open.
    var opened: Int {
        marks.first { $0.message == .phase(.open) }?.position ?? tape.count
    }

    /// What was said before the position.
    func history(at position: Int) -> History {
        var history = History()
        history.ahead = ahead
        for (place, message) in marks {
            guard place < position else { break }
            history.note(message)
            // Opening syncs what the process before left, closing what this one made: from here on it survives, whatever
            // its level.
            if message == .phase(.open) || message == .phase(.closed) {
                for change in history.acknowledged.keys { history.acknowledge(change, lsn: nil) }
            }
        }
        return history
    }

    /// Runs the processes of a script.
    private struct Player {
        let script: BlockScript
        let device: BlockDevice
        let executable: String
        let errors: String
        var random: SeededRandom
        var problems: [String] = []
        var unknown = 0
        var refused = 0
        var end = ChildProcess.End.exited(0)

        init(script: BlockScript, device: BlockDevice, executable: String, errors: String) {
            self.script = script
            self.device = device
            self.executable = executable
            self.errors = errors
            random = script.random
        }

        mutating func play(_ round: BlockScript.Round) throws {
            let child = try ChildProcess(executable: executable, arguments: round.role.arguments, errors: errors)
            var acknowledged = 0
            var isStruck = false
            var fails = false
            var endsAt = UInt64.max
            reading: while true {
                let deadline = min(endsAt, Clock.monotonicNanoseconds() + ChildProcess.silenceMax)
                switch child.next(until: deadline) {
                case .end: break reading
                case .silence:
                    if !fails { problems.append("a child said nothing for a long time") }
                    child.send(SIGKILL)
                case .messages(let messages):
                    for message in messages { note(message, &acknowledged, fails: fails) }
                    if let failing = script.errors, !fails, acknowledged >= failing.after {
                        fails = true
                        endsAt = Clock.monotonicNanoseconds() + BlockScript.Errors.goesOnFor
                        device.fail(writes: failing.writes, flushes: failing.flushes)
                    }
                    // After an error all writers stop.
                    if fails, unknown + refused >= Writers.count || Clock.monotonicNanoseconds() >= endsAt {
                        child.send(SIGKILL)
                    }
                    if let target = round.target, acknowledged >= target, !isStruck {
                        isStruck = true
                        usleep(round.delay)
                        child.send(SIGKILL)
                    }
                    // The kernel writes back what nobody syncs, at its own time.
                    if script.errors == nil, Int.random(in: 0..<24, using: &random) == 0 { device.synchronize() }
                }
            }
            end = child.reap()
            // A mapped page that the device does not take is the kernel's SIGBUS, in SQLite's index or in the tail.
            let isOfTheDevice = fails && [.signalled(SIGKILL), .signalled(SIGBUS)].contains(end)
            let isExpected = round.target != nil ? end == .signalled(SIGKILL) : isOfTheDevice || end == .exited(0)
            if !isExpected { problems.append("the process ended by \(end)") }
        }

        private mutating func note(_ message: Message, _ acknowledged: inout Int, fails: Bool) {
            switch message {
            case .acknowledged: acknowledged += 1
            case .unknown: unknown += 1
            case .refused: refused += 1
            case .trouble(let text): if !fails { problems.append(text) }
            default: break
            }
        }
    }
}
