// The child of the attack `hooks`: it opens a store, registers hooks, makes changes and ends.
//
// It tells its parent what was answered by the descriptor of stdin, which no hook closes or floods; stdout goes nowhere.

internal import Backstay
internal import Drill
internal import ExitHooks
internal import WriteAheadJournal
internal import SystemC

struct HookChild: Sendable {
    enum End: String, CaseIterable, Sendable {
        case returns, returnsFromRun
        case exits, exitsOnThread
        /// In `run`, and with handlers alone.
        case terminated, interrupted, hungUp
        case throwsInRun, throwsFromMain

        /// What the parent is promised to see where no hook ends the process by other means.
        var promised: [ChildProcess.End] {
            switch self {
            case .returns, .returnsFromRun: [.exited(0)]
            case .exits: [.exited(3)]
            case .exitsOnThread: [.exited(4)]
            case .terminated: [.signalled(SIGTERM)]
            case .interrupted: [.signalled(SIGINT)]
            case .hungUp: [.signalled(SIGHUP)]
            case .throwsInRun: [.exited(1)]
            case .throwsFromMain: Hostility.trapped
            }
        }

        var runsHooks: Bool { self != .throwsFromMain }

        /// Whether a thread in `exit()` waits for the hooks, and goes on when their time is over.
        var isInExit: Bool { self == .returns || self == .exits || self == .exitsOnThread }
    }

    static let firstArgument = "--hook-child"
    /// Five seconds and two, where the product's defaults hold.
    static let deadline: UInt64 = 1_000_000_000
    private static let budget = Duration.milliseconds(150)
    private static let changes = 24
    private static let storeWord = "store"

    var store: String
    var seed: UInt64
    var end: End
    /// In the order in which they are called; nil is the store's own, which makes a change.
    var hooks: [Hostility?]
    /// A control: the last change is answered before it is made, and the end comes in between.
    var isEarly = false

    var arguments: [String] {
        let words = hooks.map { $0?.rawValue ?? Self.storeWord }.joined(separator: ",")
        return [Self.firstArgument, store, "\(seed)", end.rawValue, words, "\(isEarly)"]
    }

    init(store: String, seed: UInt64, end: End, hooks: [Hostility?]) {
        (self.store, self.seed, self.end, self.hooks) = (store, seed, end, hooks)
    }

    init?(arguments: [String]) {
        guard arguments.count == 6, arguments[0] == Self.firstArgument, let seed = UInt64(arguments[2]),
            let end = End(rawValue: arguments[3]), let isEarly = Bool(arguments[5])
        else { return nil }
        var hooks: [Hostility?] = []
        for word in arguments[4].split(separator: ",") {
            guard word != Self.storeWord else {
                hooks.append(nil)
                continue
            }
            guard let hostility = Hostility(rawValue: String(word)) else { return nil }
            hooks.append(hostility)
        }
        self.init(store: arguments[1], seed: seed, end: end, hooks: hooks)
        self.isEarly = isEarly
    }

    static func say(_ message: Message) {
        let bytes = Array((message.line + "\n").utf8)
        let written = bytes.withUnsafeBytes { Files.writeAll(STDIN_FILENO, $0) }
        if !written { _exit(99) }
    }

    func run() async throws {
        dup2(STDOUT_FILENO, STDIN_FILENO)
        let nowhere = open("/dev/null", O_WRONLY)
        dup2(nowhere, STDOUT_FILENO)
        close(nowhere)
        alarm(ChildProgram.alarmSeconds)
        ResourceLimit.core.set(0)
        ExitHooks.deadline = .nanoseconds(Int64(Self.deadline))
        switch end {
        case .returns, .exits, .exitsOnThread, .hungUp, .throwsFromMain:
            try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])
            try work()
            try await come()
        case .returnsFromRun, .terminated, .interrupted, .throwsInRun:
            await ExitHooks.run(unwindBudget: .milliseconds(200)) {
                try work()
                try await come()
            }
        }
    }

    private func work() throws {
        var options = StoreOptions()
        options.tailBytes = Writers.leastTail
        do {
            let scene = HookScene(try StateStore.open(store, options: options), path: store, seed: seed)
            // As a program that keeps its store in a global.
            _ = Unmanaged.passRetained(scene)
            register(scene)
            Self.say(.began(writer: 0))
            for number in 1..<Self.changes { scene.set(Change(writer: 0, number: number)) }
            let last = Change(writer: 0, number: Self.changes)
            if isEarly { try tellEarly(last, scene) } else { scene.set(last) }
        } catch {
            Self.say(.trouble("\(error)"))
            throw error
        }
    }

    /// Tells that the change is made, and makes it later, by when the process has come to its end.
    private func tellEarly(_ change: Change, _ scene: HookScene) throws {
        Self.say(.acknowledged(change, lsn: 0))
        _ = try WorkerThread("lab-late") {
            sleep(2)
            scene.set(change)
        }
    }

    private func register(_ scene: HookScene) {
        // The last one registered is called first.
        for (place, hook) in hooks.enumerated().reversed() {
            guard let hook else {
                scene.list(
                    ExitHooks.register("store", budget: Self.budget) { reason in
                        Self.say(.hook(reason: reason.description))
                        Self.say(.began(writer: Writers.hook))
                        scene.set(Change(writer: Writers.hook, number: 1))
                    })
                continue
            }
            let token = ExitHooks.register(hook.rawValue, budget: Self.budget) { _ in
                try scene.perform(hook, writer: Writers.hook + 1 + place)
            }
            scene.list(token)
        }
    }

    private func come() async throws {
        Self.say(.phase(.closing))
        switch end {
        case .returns, .returnsFromRun: return
        case .exits: exit(3)
        case .exitsOnThread:
            _ = try WorkerThread("exit") { exit(4) }
            try await Task.sleep(for: .seconds(60))
        case .terminated: try await wait(for: SIGTERM)
        case .interrupted: try await wait(for: SIGINT)
        case .hungUp: try await wait(for: SIGHUP)
        case .throwsInRun, .throwsFromMain: throw Trouble(description: "thrown by the lab")
        }
    }

    private func wait(for signal: Int32) async throws {
        kill(getpid(), signal)
        try await Task.sleep(for: .seconds(60))
    }
}
