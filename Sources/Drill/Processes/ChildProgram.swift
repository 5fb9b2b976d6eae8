// The child's side: a small program with hooks, a scope and a store, that ends in the way its role says.
//
// Why the unsafe pointers are right: they are endings. One is a store to no memory, others are memory that is taken and never
// given back; the store that is retained for good is one that a program keeps in a global.

internal import Backstay
internal import CFaultVFS
internal import ExitHooks
internal import WriteAheadJournal
internal import SystemC

package enum ChildProgram {
    /// Seconds after which a child that hangs is ended by SIGALRM, unless its role says otherwise.
    package static let alarmSeconds: UInt32 = 60
    static let slowHookSeconds: UInt32 = 3

    package static func run(_ role: ChildRole) async throws {
        alarm(role.alarm)
        // What a child starts in turn, as a backtracer, must not keep the parent waiting for the pipe's end.
        _ = fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC)
        ResourceLimit.core.set(0)
        do {
            if !role.memoryGroup.isEmpty { try MemoryGroupOfOurOwn.join(role.memoryGroup) }
            if role.usesFaults { try registerFaults(role) }
            switch role.part {
            case .reads: return try await read(role)
            case .recovers: return try await recover(role)
            case .writes: break
            }
        } catch {
            Message.trouble("\(error)").send()
            throw error
        }
        try await write(role)
    }

    private static func registerFaults(_ role: ChildRole) throws {
        var options = backstay_fault_options()
        options.sync_lies = role.syncLies
        options.tears = role.tears
        options.seed = role.seed &+ UInt64(role.firstWriter)
        guard !role.shadow.isEmpty else { return try FaultVFS.register(options) }
        try FaultVFS.register(folder: role.store, shadow: role.shadow) {
            $0.sync_lies = options.sync_lies
            $0.tears = options.tears
            $0.seed = options.seed
        }
    }

    private static func options(_ role: ChildRole) -> StoreOptions {
        var options = StoreOptions()
        if role.usesFaults { options.vfs = FaultVFS.name }
        if role.strain.isBulky { options.tailBytes = Writers.leastTail }
        if !role.boot.isEmpty { options.boot = role.boot }
        if role.strain.lags { options.ageMax = UInt64(alarmSeconds) * 1_000_000_000 }
        return options
    }

    // MARK: The next start

    private static func read(_ role: ChildRole) async throws {
        var options = options(role)
        options.closesAtExit = false
        // The last owner may have been killed a moment ago, with its locks on their way out.
        options.lockPatience = 5_000_000_000
        let store = try await StateStore.open(role.store, options: options)
        let end = store.recovery.lastEnd
        Message.recovered(fromTail: store.recovery.recordsFromTail).send()
        for what in store.recovery.damage { Message.damage(what).send() }
        var rows = 0
        for entry in try store.entries() {
            Message.row(key: entry.key, word: try entry.word).send()
            rows += 1
        }
        try await store.close()
        Message.ended(kind: end.kind.rawValue, status: end.status, text: end.description).send()
        Message.done(rows: rows).send()
    }

    // MARK: Killed while it recovers

    private static func recover(_ role: ChildRole) async throws {
        var options = options(role)
        options.lockPatience = 5_000_000_000
        Message.phase(.opening).send()
        backstay_fault_kill_in(role.dieIn)
        let store = try await StateStore.open(role.store, options: options)
        backstay_fault_kill_in(0)
        Message.recovered(fromTail: store.recovery.recordsFromTail).send()
        Message.phase(.open).send()
        _exit(0)
    }

    // MARK: Changes, then an end

    private static func write(_ role: ChildRole) async throws {
        switch role.ending {
        case .returns:
            try await withStateStore(role.store, options: options(role)) { store in
                try await body(role, store)
            }
        case .exits, .exitsOnThread, .exitsInTask, .throwsFromMain, .waitsUnhandled, .faultsUnmarked:
            if role.ending == .throwsFromMain { ExitHooks.markCrashes() }
            try await session(role)
        case .throwsExit, .throwsError, .waits, .ignoresCancellation, .hookIsSlow, .traps, .faults, .aborts,
            .checkpoints,
            .diesCommitting, .diesClosing, .eatsMemory:
            await ExitHooks.run(unwindBudget: .milliseconds(400)) { try await session(role) }
        }
    }

    private static func session(_ role: ChildRole) async throws {
        let store = try await StateStore.open(role.store, options: options(role))
        // As a program that keeps its store in a global: unwinding does not drop it.
        _ = Unmanaged.passRetained(store)
        try await body(role, store)
    }

    private static func body(_ role: ChildRole, _ store: StateStore) async throws {
        defer { Message.phase(.scopeEnded).send() }
        role.say(.phase(.open))
        let writers = Writers(store, role)
        ExitHooks.register("drill") { reason in
            Message.hook(reason: reason.description).send()
            if role.ending == .hookIsSlow { sleep(slowHookSeconds) }
            writers.writeInHook()
            Message.phase(.hookEnded).send()
        }
        try writers.start()
        if role.strain == .forking { try LingeringChild.fork(store) }
        if role.trigger != .max { await writers.reachTrigger() }
        try await end(role, store)
    }

    private static func end(_ role: ChildRole, _ store: StateStore) async throws {
        switch role.ending {
        case .returns: return
        case .exits: exit(3)
        case .exitsOnThread:
            _ = try WorkerThread("exit") { exit(4) }
            try await untilCancelled()
        case .exitsInTask:
            Task.detached { exit(5) }
            try await untilCancelled()
        case .throwsExit: throw ExitHooks.Exit(3)
        case .throwsError, .throwsFromMain: throw Trouble(description: "thrown by the drill")
        case .waits, .hookIsSlow, .waitsUnhandled: try await untilCancelled()
        case .ignoresCancellation: await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        case .traps: fatalError("trapped by the drill")
        case .faults, .faultsUnmarked: UnsafeMutableRawPointer(bitPattern: 16)?.storeBytes(of: 1, as: Int.self)
        case .aborts: abort()
        case .checkpoints:
            while true {
                Message.phase(.checkpointing).send()
                try await store.checkpoint()
                Message.phase(.checkpointed).send()
            }
        case .diesCommitting:
            backstay_fault_kill_in(role.dieIn)
            try await untilCancelled()
        case .diesClosing:
            Message.phase(.closing).send()
            backstay_fault_kill_in(role.dieIn)
            try await store.close()
            backstay_fault_kill_in(0)
            role.say(.phase(.closed))
        case .eatsMemory:
            Message.phase(.hungry).send()
            eatMemory()
        }
    }

    private static func untilCancelled() async throws {
        do {
            try await Task.sleep(for: .seconds(Int(alarmSeconds)))
        } catch {
            Message.phase(.cancelled).send()
            throw error
        }
    }

    /// Touches ever more memory; at most 4 GiB, where no limit is in force.
    private static func eatMemory() {
        let size = 1 << 20
        for _ in 0..<4_096 {
            let piece = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4_096)
            memset(piece, 0x5a, size)
        }
        Message.trouble("4 GiB of memory were taken, and nobody minded").send()
    }
}
