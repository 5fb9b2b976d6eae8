// One cell: the program is started, the signal sent at its moment, the end awaited and judged; then the next start.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct SignalRound {
    /// Beyond the hooks' deadline of 5 s, for a machine that does other things too.
    private static let patience: UInt64 = 15_000_000_000
    /// A process that a signal does not reach is let go on for so long.
    private static let unreachedFor: UInt64 = 200_000_000

    private let cell: SignalsAttack.Cell
    private let plan: LabPlan
    private let folder: String
    /// A control: changes are answered before they are made.
    private let isEarly: Bool
    private var random: SeededRandom
    private(set) var record = CaseRecord()
    /// The signal left the process as it was.
    private(set) var isPassed = false

    init(cell: SignalsAttack.Cell, plan: LabPlan, number: Int, folder: String, isEarly: Bool = false) {
        (self.cell, self.plan, self.folder, self.isEarly) = (cell, plan, folder, isEarly)
        random = SeededRandom(seed: plan.seed, name: "signals \(number)")
    }

    private var store: String { folder + "/app.backstay" }

    mutating func play() throws {
        if cell.moment == .opening { try makeUnclosedStore() }
        var role = cell.moment.role
        role.store = store
        role.seed = plan.seed
        role.firstWriter = Writers.stride
        role.acknowledgesEarly = isEarly
        let end = try strike(role)
        judge(end)
        record.verify(store, seed: plan.seed, mayBeAbsent: true)
    }

    /// A store whose owner was killed.
    private mutating func makeUnclosedStore() throws {
        var role = ChildRole()
        role.part = .writes
        role.store = store
        role.seed = plan.seed
        let child = try start(role, .foreground)
        let why = child.hear { messages in
            for message in messages { record.note(message) }
            if record.answers >= 60 { child.send(SIGKILL) }
            return true
        }
        if why == .silence { record.complain("the owner before said nothing for a long time") }
        child.send(SIGKILL)
        _ = child.reap()
    }

    private func start(_ role: ChildRole, _ launch: Launch) throws -> ChildProcess {
        try ChildProcess(
            executable: plan.executable, arguments: role.arguments, errors: folder + "/stderr", launch: launch)
    }

    /// Runs the program, sends the signal at its moment, and waits for the end.
    private mutating func strike(_ role: ChildRole) throws -> ChildProcess.End {
        let child = try start(role, cell.launch)
        let before = record.answers
        var isStruck = false
        var isStruckAgain = false
        var again = UInt64.max
        var deadline = Clock.monotonicNanoseconds() + ChildProcess.silenceMax
        func send(_ signal: Int32) { if let program = child.program { _ = kill(program, signal) } }
        func blow() {
            for _ in 0..<(cell.moment == .burst ? 20 : 1) { send(cell.signal) }
            isStruck = true
            deadline =
                Clock.monotonicNanoseconds()
                + (cell.mayPass ? Self.unreachedFor : Self.patience)
        }
        if cell.moment == .creating {
            while child.program == nil && Clock.monotonicNanoseconds() < deadline { usleep(200) }
            usleep(UInt32.random(in: 0...60_000, using: &random))
            blow()
        }
        reading: while true {
            switch child.next(until: min(deadline, again)) {
            case .end: break reading
            case .silence:
                if again != .max, Clock.monotonicNanoseconds() >= again {
                    again = .max
                    send(cell.signal)
                    continue
                }
                guard Clock.monotonicNanoseconds() >= deadline else { continue }
                if !isStruck {
                    record.complain("the program said nothing for a long time")
                } else if !cell.mayPass {
                    record.complain("the program did not end")
                }
                isPassed = true
                send(SIGKILL)
                deadline = Clock.monotonicNanoseconds() + Self.patience
            case .messages(let messages):
                for message in messages {
                    record.note(message)
                    // A process that ends in order meanwhile calls its hooks for that.
                    if case .hook(let reason) = message, cell.mustPass,
                        !(cell.moment.mayBeOver && "\(reason)" == "normal")
                    {
                        record.complain("a hook was called (\(reason)) for a signal that was ignored on entry")
                    }
                    if case .hook = message, isStruck, !isStruckAgain {
                        isStruckAgain = true
                        if cell.moment == .againInHook { send(cell.signal) }
                        if cell.moment == .againInSlowHook {
                            again = Clock.monotonicNanoseconds() + 300_000_000
                        }
                    }
                    guard !isStruck, record.answers - before >= cell.moment.answers,
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
        if cell.mustPass { ends = isPassed ? [.signalled(SIGKILL)] : [] }
        if cell.mustPass && cell.moment.mayBeOver { ends.append(.exited(0)) }
        if !ends.contains(end) { record.complain("ended by \(end), not by \(ends.map(\.description))") }
    }
}
