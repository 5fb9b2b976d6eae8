// One case of the attack `full`: a store, its processes, and the disk that fills under them.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct FullStory {
    static let storeName = "s.backstay"
    /// The numbers of a process's writers begin so far from those of the process before.
    private static let stride = 100_000
    /// Beyond the hooks' deadline of 5 s, for a machine that does other things too.
    private static let patience: UInt64 = 15_000_000_000

    let plan: LabPlan
    let disk: FullDisk
    let moment: FullMoment
    let comesBack: Bool
    /// About so many bytes are left.
    let remainder: Int
    var isEarly = false
    private(set) var record = CaseRecord()
    private(set) var counts: [String: Int] = [:]

    private var random: SeededRandom
    private let errors: String
    private let fileBytesMax: UInt64
    private let ignoresLimitSignal: Bool
    private var processes = 0
    /// Whether the disk has room for a process that is started now.
    private var isFull = false

    init(
        plan: LabPlan, disk: FullDisk, moment: FullMoment, comesBack: Bool, random given: SeededRandom, errors: String
    ) {
        (self.plan, self.disk, self.moment, self.comesBack, self.errors) = (plan, disk, moment, comesBack, errors)
        random = given
        let most = [0, 16 << 10, 128 << 10, 512 << 10, 2 << 20].randomElement(using: &random) ?? 0
        remainder = Int.random(in: 0...most, using: &random)
        // The largest file is SQLite's WAL, 4 MiB and more.
        fileBytesMax = UInt64.random(in: 0...(5 << 20), using: &random)
        ignoresLimitSignal = Int.random(in: 0..<4, using: &random) > 0
    }

    private var store: String { disk.path + "/" + Self.storeName }

    mutating func play() throws {
        let target = Int.random(in: 10...150, using: &random)
        switch moment {
        case .opening, .openingUnclosed:
            let child = try start(.appends)
            follow(child) { $0.answers >= target }
            try end(child, by: moment == .opening ? SIGTERM : SIGKILL)
        default: break
        }
        if moment.isBefore { try fill(nil) }
        let child = try start(moment.work)
        if !moment.isBefore {
            follow(child) { $0.answers >= target }
            try fill(child)
        }
        let time = UInt64.random(in: 50...500, using: &random) * 1_000_000
        if follow(child, until: \.isStarted), follow(child, for: time) {
            try goOn(child)
        } else {
            try judgeEarlyEnd(child)
        }
        free(nil)
        try nextStart()
        // And it goes on.
        let last = try start(.appends)
        if follow(last, until: { $0.powerAnswers >= 5 }) {
            try end(last, by: SIGTERM)
        } else {
            try judgeEarlyEnd(last)
        }
        try nextStart()
    }

    /// The process lives, on a full disk.
    private mutating func goOn(_ child: ChildProcess) throws {
        if moment == .closing {
            try end(child, by: SIGTERM)
            return try nextStart()
        }
        guard comesBack else {
            try end(child, by: SIGKILL)
            try readAlone()
            return try nextStart()
        }
        free(child)
        // What was said before is still in the pipe.
        if follow(child, until: { $0.hasRoom }) {
            let before = heard.powerAnswers
            if follow(child, until: { $0.powerAnswers >= before + 5 }) { return try end(child, by: SIGTERM) }
        }
        try judgeEarlyEnd(child)
    }

    // MARK: The disk

    private mutating func fill(_ child: ChildProcess?) throws {
        isFull = true
        if disk.place == .fileSize { child?.send(SIGUSR1) } else { try disk.fill(leaving: remainder) }
    }

    private mutating func free(_ child: ChildProcess?) {
        isFull = false
        if disk.place != .fileSize { disk.free() }
        child?.send(SIGUSR2)
    }

    // MARK: Processes

    private struct Heard {
        var answers = 0
        var powerAnswers = 0
        /// It takes orders.
        var isStarted = false
        var isOpen = false
        var hasRoom = false
        /// The last code of an error.
        var code = ""
    }
    private var heard = Heard()

    private mutating func start(_ work: FullChild.Work) throws -> ChildProcess {
        var child = FullChild(work, store: store, seed: plan.seed)
        child.firstWriter = processes * Self.stride
        child.isEarly = isEarly
        child.ignoresLimitSignal = ignoresLimitSignal
        child.fileBytesMax = fileBytesMax
        child.isLimited = disk.place == .fileSize && isFull
        processes += 1
        heard = Heard()
        return try ChildProcess(executable: plan.executable, arguments: child.arguments, errors: errors)
    }

    /// False when the process has ended before, or said nothing for a long time.
    @discardableResult
    private mutating func follow(_ child: ChildProcess, until enough: (Heard) -> Bool) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + ChildProcess.silenceMax
        while !enough(heard) {
            switch child.next(until: deadline) {
            case .end: return false
            case .silence:
                record.complain("the process does not go on")
                child.send(SIGKILL)
                return false
            case .messages(let messages):
                for message in messages { note(message) }
                if Clock.monotonicNanoseconds() >= deadline && !enough(heard) {
                    record.complain("the process does not get on")
                    child.send(SIGKILL)
                    return false
                }
            }
        }
        return true
    }

    /// False when the process has ended before.
    private mutating func follow(_ child: ChildProcess, for nanoseconds: UInt64) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + nanoseconds
        while Clock.monotonicNanoseconds() < deadline {
            switch child.next(until: deadline) {
            case .end: return false
            case .silence: return true
            case .messages(let messages): for message in messages { note(message) }
            }
        }
        return true
    }

    private mutating func end(_ child: ChildProcess, by signal: Int32) throws {
        child.send(signal)
        let deadline = Clock.monotonicNanoseconds() + Self.patience
        reading: while true {
            switch child.next(until: deadline) {
            case .end: break reading
            case .silence:
                record.complain("the process does not end")
                child.send(SIGKILL)
                break reading
            case .messages(let messages): for message in messages { note(message) }
            }
        }
        let end = child.reap()
        if end != .signalled(signal) && !mayEnd(by: end) { record.complain("ended by \(end)") }
    }

    /// The process has ended by itself.
    private mutating func judgeEarlyEnd(_ child: ChildProcess) throws {
        let end = child.reap()
        if end == .exited(0) && !heard.isOpen {
            if heard.code != StoreError.Code.diskFull.rawValue { record.complain("not opened: \(heard.code)") }
            counts["openings refused", default: 0] += 1
            if moment == .creating && !disk.names.isEmpty { record.complain("half made: \(disk.names)") }
            if moment != .creating { try readAlone() }
            return
        }
        if !mayEnd(by: end) { record.complain("ended by \(end) by itself") }
    }

    /// Ends that are the system's own answer to a lack of space.
    private mutating func mayEnd(by end: ChildProcess.End) -> Bool {
        let isOurs =
            disk.place.raisesBusErrors && end == .signalled(SIGBUS)
            || disk.place.failsSyncs && end == .exited(FullChild.endsByFailedSync)
            || disk.place == .fileSize && !ignoresLimitSignal && end == .signalled(SIGXFSZ)
        if isOurs { counts["ended by \(end)", default: 0] += 1 }
        return isOurs
    }

    private mutating func note(_ message: Message) {
        record.note(message)
        switch message {
        case .acknowledged(let change, _):
            heard.answers += 1
            if change.writer % Self.stride % FullChild.Level.allCases.count == FullChild.Level.power.rawValue {
                heard.powerAnswers += 1
            }
        case .refused:
            counts["changes refused", default: 0] += 1
        case .unknown: counts["changes of unknown fate", default: 0] += 1
        case .phase(.opening): heard.isStarted = true
        case .phase(.open): heard.isOpen = true
        case .phase(.room): heard.hasRoom = true
        case .failed(let code): heard.code = code
        default: break
        }
    }

    // MARK: What is there

    /// Beside nobody, on a full disk: reading takes no room.
    private mutating func readAlone() throws {
        let role = FullChild(.reads, store: store, seed: plan.seed)
        let child = try ChildProcess(executable: plan.executable, arguments: role.arguments, errors: errors)
        judge(NextStart.hear(child, patience: ChildProcess.silenceMax), "read alone")
    }

    private mutating func nextStart() throws {
        guard Files.exists(store) else {
            if record.answers > 0 { record.complain("the store is gone") }
            return
        }
        judge(try NextStart.read(store: store, executable: plan.executable, errors: errors), "the next start")
    }

    private mutating func judge(_ finding: NextStart.Finding, _ what: String) {
        guard case .rows(let rows, let reported) = finding else {
            let text = "\(finding)"
            // The same answers as of any opening.
            let isFullAnswer = isFull && disk.place != .fileSize && text.contains(StoreError.Code.diskFull.rawValue)
            let isBusError = disk.place.raisesBusErrors && text.contains("\(ChildProcess.End.signalled(SIGBUS))")
            guard (isFullAnswer || isBusError) && what != "read alone" else {
                return record.complain("\(what): \(text)")
            }
            counts["next starts refused", default: 0] += 1
            return
        }
        record.judge(rows, seed: plan.seed, "\(what): ")
        for untrue in reported { record.complain("\(what): \(untrue)") }
        record.history.adopt(rows)
    }
}
