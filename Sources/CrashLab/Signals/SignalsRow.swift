// `lab signals`: every signal at every moment, for programs started in every way: 8 × 13 × 7 cells.
//
// What must hold in each: the process ends within the hooks' deadline, by the signal, or goes on where the signal cannot
// reach it (ignored or blocked on entry; process 1 without a handler), and then ends by SIGKILL; and the next start finds
// everything that was answered.

internal import Backstay
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// When the signal comes.
enum SignalMoment: String, CaseIterable, Sendable {
    case creating, opening, firstAnswer, appending, appendingLong, appendingToTail, checkpointing, checkpointed, closing
    /// The same again as soon as the hook runs; and 300 ms later.
    case againInHook, againInSlowHook
    /// Twenty of them, one right after the other.
    case burst
    /// In a program without handlers.
    case unhandled

    var role: ChildRole {
        var role = ChildRole()
        role.part = self == .opening ? .recovers : .writes
        role.ending =
            switch self {
            case .checkpointing, .checkpointed: .checkpoints
            case .closing: .diesClosing
            case .againInSlowHook: .hookIsSlow
            case .unhandled: .waitsUnhandled
            default: .waits
            }
        if self == .closing { role.trigger = 60 }
        if self == .appendingToTail { role.strain = .process }
        return role
    }

    /// Answers to wait for.
    var answers: Int {
        switch self {
        case .creating, .opening, .checkpointing, .checkpointed, .closing: 0
        case .firstAnswer: 1
        case .appendingLong: 300
        default: 60
        }
    }

    /// What the child must have said.
    var phase: Message.Phase? {
        switch self {
        case .opening: .opening
        case .checkpointing: .checkpointing
        case .checkpointed: .checkpointed
        case .closing: .closing
        default: nil
        }
    }

    /// Whether handlers are there by then.
    var isHandled: Bool { self != .creating && self != .opening && self != .unhandled }
    /// Whether the program may have come to its end before.
    var mayBeOver: Bool { self == .opening || self == .closing }
}

package struct SignalsRow {
    static let signals: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGUSR1]
    static let handled: Set<Int32> = [SIGHUP, SIGINT, SIGTERM]
    package static let cells = signals.count * SignalMoment.allCases.count * 7
    /// Beyond the hooks' deadline of 5 s, for a machine that does other things too.
    private static let patience: UInt64 = 15_000_000_000
    /// A process that a signal does not reach is let go on for so long.
    private static let unreachedFor: UInt64 = 200_000_000

    struct Cell {
        var signal: Int32
        var moment: SignalMoment
        var launch: Launch

        var name: String { "\(SignalName.of(signal)), \(moment.rawValue), \(launch.name)" }

        /// Whether the signal may leave the process as it is.
        var mayPass: Bool {
            if signal == SIGKILL { return false }
            switch launch {
            case .ignored, .blocked: return true
            case .nohup: return signal == SIGHUP
            case .firstProcess: return !(moment.isHandled && SignalsRow.handled.contains(signal))
            default: return false
            }
        }
    }

    private let plan: LabPlan
    private let place: String
    private var report: LabReport

    package static func run(_ plan: LabPlan, progress: (Int) -> Void) throws -> LabReport {
        var row = try SignalsRow(plan)
        var number = plan.from
        while plan.includes(number) {
            try row.play(number)
            number += 1
            progress(number)
        }
        row.report.next = number
        if row.report.failures.isEmpty { Platform.removeFolder(row.place) }
        row.report.end()
        return row.report
    }

    private init(_ plan: LabPlan) throws {
        self.plan = plan
        report = LabReport("signals", plan)
        place = try plan.makePlace("signals")
    }

    private func cell(_ number: Int) -> Cell {
        // Neighbours differ in all three; 257 shares no factor with 8 × 13 × 7.
        let mixed = number * 257 % Self.cells
        let signal = Self.signals[mixed % 8]
        let moment = SignalMoment.allCases[mixed / 8 % 13]
        return Cell(signal: signal, moment: moment, launch: Launch.all(signal)[mixed / 104])
    }

    // MARK: One case

    private mutating func play(_ number: Int) throws {
        let cell = cell(number)
        if cell.launch == .firstProcess && getuid() != 0 {
            report.skip("process 1: needs root for a PID namespace")
            report.note(.skipped)
            return
        }
        let folder = "\(place)/\(number)"
        guard mkdir(folder, 0o700) == 0 else { throw Platform.failure("creating", folder) }
        var round = CellRound(cell: cell, plan: plan, number: number, folder: folder)
        try round.play()
        report.count(round.isPassed ? "not reached by the signal" : "ended by the signal")
        if round.problems.isEmpty {
            report.note(.whole)
            Platform.removeFolder(folder)
            return
        }
        report.note(round.lost > 0 ? .lost : .wrong)
        let text = "\(cell.name): \(round.problems.prefix(3).joined(separator: "; "))"
        if !report.fail(number, text, artefacts: folder) { Platform.removeFolder(folder) }
    }

    private struct CellRound {
        let cell: Cell
        let plan: LabPlan
        let number: Int
        let folder: String
        var random: SeededRandom
        var history = History()
        var problems: [String] = []
        var lost = 0
        /// The signal left the process as it was.
        var isPassed = false

        init(cell: Cell, plan: LabPlan, number: Int, folder: String) {
            (self.cell, self.plan, self.number, self.folder) = (cell, plan, number, folder)
            random = SeededRandom(seed: plan.seed, name: "signals \(number)")
        }

        private var store: String { folder + "/app.backstay" }

        mutating func play() throws {
            if cell.moment == .opening { try makeUnclosedStore() }
            var role = cell.moment.role
            role.store = store
            role.seed = plan.seed
            role.firstWriter = Writers.stride
            let end = try strike(role)
            judge(end)
            try verify()
        }

        /// A store whose owner was killed.
        private mutating func makeUnclosedStore() throws {
            var role = ChildRole()
            role.part = .writes
            role.store = store
            role.seed = plan.seed
            let child = try ChildProcess(
                executable: plan.executable, arguments: role.arguments, errors: folder + "/stderr")
            var answers = 0
            reading: while true {
                switch child.next(until: Platform.monotonicNanoseconds() + ScenarioRun.silenceMax) {
                case .end, .silence: break reading
                case .messages(let messages):
                    for message in messages { note(message, &answers) }
                    if answers >= 60 { child.send(SIGKILL) }
                }
            }
            _ = child.reap()
        }

        private mutating func note(_ message: Message, _ answers: inout Int) {
            switch message {
            case .began(let writer): history.begin(writer: writer)
            case .acknowledged(let change, let lsn):
                history.acknowledge(change, lsn: lsn)
                answers += 1
            case .refused(let change): history.reject(change)
            case .trouble(let text): problems.append(text)
            default: break
            }
        }

        /// Runs the program, sends the signal at its moment, and waits for the end.
        private mutating func strike(_ role: ChildRole) throws -> ChildProcess.End {
            let child = try ChildProcess(
                executable: plan.executable, arguments: role.arguments, errors: folder + "/stderr", launch: cell.launch)
            var answers = 0
            var isStruck = false
            var isStruckAgain = false
            var again = UInt64.max
            var deadline = Platform.monotonicNanoseconds() + ScenarioRun.silenceMax
            func send(_ signal: Int32) { if let program = child.program { _ = kill(program, signal) } }
            func blow() {
                for _ in 0..<(cell.moment == .burst ? 20 : 1) { send(cell.signal) }
                isStruck = true
                deadline =
                    Platform.monotonicNanoseconds()
                    + (cell.mayPass ? SignalsRow.unreachedFor : SignalsRow.patience)
            }
            if cell.moment == .creating {
                while child.program == nil { usleep(200) }
                usleep(UInt32.random(in: 0...60_000, using: &random))
                blow()
            }
            reading: while true {
                switch child.next(until: min(deadline, again)) {
                case .end: break reading
                case .silence:
                    if again != .max, Platform.monotonicNanoseconds() >= again {
                        again = .max
                        send(cell.signal)
                        continue
                    }
                    guard Platform.monotonicNanoseconds() >= deadline else { continue }
                    if !isStruck {
                        problems.append("the program said nothing for a long time")
                    } else if !cell.mayPass {
                        problems.append("the program did not end")
                    }
                    isPassed = true
                    send(SIGKILL)
                    deadline = Platform.monotonicNanoseconds() + SignalsRow.patience
                case .messages(let messages):
                    for message in messages {
                        note(message, &answers)
                        if case .hook = message, isStruck, !isStruckAgain {
                            isStruckAgain = true
                            if cell.moment == .againInHook { send(cell.signal) }
                            if cell.moment == .againInSlowHook {
                                again = Platform.monotonicNanoseconds() + 300_000_000
                            }
                        }
                        guard !isStruck, answers >= cell.moment.answers,
                            cell.moment.phase == nil || message == .phase(cell.moment.phase ?? .open)
                        else { continue }
                        blow()
                    }
                }
            }
            return child.reap()
        }

        /// By what it ended.
        private mutating func judge(_ end: ChildProcess.End) {
            let signal = isPassed ? SIGKILL : cell.signal
            var ends: [ChildProcess.End] = [.signalled(signal)]
            // What a shell, or process 1 itself, makes of it.
            if cell.launch.isWrapped { ends.append(.exited(128 + signal)) }
            // `unshare` cannot kill itself as its child was killed: it is the namespace's own business.
            if cell.launch == .firstProcess && signal == SIGKILL { ends.append(.exited(1)) }
            // The default of SIGABRT does not end process 1; abort() then ends it by an instruction that is none.
            if cell.launch == .firstProcess && cell.signal == SIGABRT {
                ends += [.signalled(SIGILL), .signalled(SIGTRAP)]
            }
            if cell.moment.mayBeOver { ends.append(.exited(0)) }
            // Twenty signals take no time on a machine with nothing else to do: SIGKILL may be sent for nothing.
            if isPassed { ends.append(.signalled(cell.signal)) }
            if !ends.contains(end) { problems.append("ended by \(end), not by \(ends.map(\.description))") }
        }

        private mutating func verify() throws {
            guard Platform.exists(store) else {
                if !history.acknowledged.isEmpty { problems.append("the store is gone") }
                return
            }
            do {
                let open = try CallsChild.open(store)
                let rows = try CallsChild.rows(open)
                try open.close()
                let verdict = Oracle.judge(history, recovered: rows, seed: plan.seed, survival: .process)
                lost = verdict.lost
                problems += verdict.findings.map(\.description)
            } catch {
                problems.append("the next start: \(error)")
            }
        }
    }
}
