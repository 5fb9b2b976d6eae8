// Where hostile hooks do what they do: a process with an open store.

internal import Backstay
internal import Drill
internal import ExitHooks
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

/// What a hostile hook finds around it.
final class HookScene: Sendable {
    let store: StateStore
    let path: String
    let seed: UInt64
    private let lock = Lock()
    private let listed = Listed()

    /// Why `@unchecked Sendable` is right: touched under `lock` alone.
    private final class Listed: @unchecked Sendable {
        var tokens: [ExitHooks.Token] = []
    }

    init(_ store: StateStore, path: String, seed: UInt64) {
        (self.store, self.path, self.seed) = (store, path, seed)
    }

    func list(_ token: ExitHooks.Token) { lock.withLock { listed.tokens.append(token) } }
    var tokens: [ExitHooks.Token] { lock.withLock { listed.tokens } }

    /// The file that takes the numbers of descriptors that were closed. It must stay as it is.
    static func foreignFile(beside store: String) -> String { store + ".foreign" }
    static let foreignBytes = [UInt8](repeating: 0x5a, count: 64 << 10)

    /// Right where the lock's descriptor was closed, which gives the lock up.
    static let openedTwice = "the store was opened beside itself"

    struct Thrown: Error {}

    /// - Parameter writer: the number of the writer that the hook is, where it writes.
    func perform(_ hostility: Hostility, writer: Int) throws {
        switch hostility {
        case .sleeps: while true { pause() }
        case .spins: while true { atomicMemoryFence(ordering: .relaxed) }
        case .sleepsInTransaction: _ = try store.transaction { _ in while true { pause() } }
        case .exits: exit(7)
        case .exitsInTransaction: _ = try store.transaction { _ in exit(7) }
        case .exitsAtOnce: _exit(8)
        case .exitsQuickly: endQuickly(9)
        case .aborts: abort()
        case .killsItself: raise(SIGKILL)
        case .faults: raise(SIGSEGV)
        case .traps: fatalError("trapped by a hook")
        case .throwsError: throw Thrown()
        case .writes: try writeOn(writer)
        case .reopens: try reopen()
        case .closesStore: try store.close()
        case .unlinksLock: unlink(path + "/" + FolderLock.fileName)
        case .changesFolder: try changeFolder()
        case .registers: register(again: false, writer)
        case .registersForEver: register(again: true, writer)
        case .cancels: for token in tokens { token.cancel() }
        case .lengthensDeadline: ExitHooks.deadline = .seconds(3_600)
        case .forksAndReturns: _ = try fork()
        case .forksAndExits: if try fork() { exit(6) }
        case .blocksSignals: block()
        case .ignoresSignals: for signal in Int32(1)..<32 { replaceHandler(of: signal, SIG_IGN) }
        case .changesHandlers: for signal in Int32(1)..<32 { replaceHandler(of: signal) { _ in } }
        case .closesDescriptors: closeDescriptors()
        case .takesDescriptors: takeDescriptors()
        case .floodsBrokenPipe: try flood(isRead: false)
        case .floodsFullPipe: try flood(isRead: true)
        case .eatsMemory: eatMemory()
        }
    }

    // MARK: On the store

    private func writeOn(_ writer: Int) throws {
        HookChild.say(.began(writer: writer))
        // By itself, so that it goes on while the store is closed and after.
        _ = try WorkerThread("lab-writes-on") { [self] in
            var number = 1
            while set(Change(writer: writer, number: number)) { number += 1 }
        }
    }

    /// One change, the larger part of which is gone again at the transaction's end: found it would be half a transaction.
    /// True when it was answered.
    @discardableResult
    func set(_ change: Change) -> Bool {
        do {
            let receipt = try store.transaction(durability: change.durability) { tx in
                let key = "half of \(change.key)"
                try tx.set(key, String(repeating: "x", count: 500))
                switch change.value(seed: seed) {
                case .int(let value): try tx.set(change.key, value)
                case .text(let text): try tx.set(change.key, text)
                }
                try tx.remove(key)
            }.receipt
            HookChild.say(.acknowledged(change, lsn: receipt.lsn.value))
            return true
        } catch {
            let isRejected = (error as? StoreError)?.outcome == .rejected
            HookChild.say(isRejected ? .refused(change) : .unknown(change))
            return false
        }
    }

    /// Once more by its path: somebody has it, and it is us; unless it is closed by now.
    private func reopen() throws {
        var options = StoreOptions()
        options.closesAtExit = false
        do throws(StoreError) {
            _ = Unmanaged.passRetained(try StateStore.open(path, options: options))
        } catch {
            if error.code != .busy { HookChild.say(.trouble("opened again: \(error)")) }
            return
        }
        do throws(StoreError) {
            _ = try store.contains("any")
            HookChild.say(.trouble(Self.openedTwice))
        } catch {
            if error.code != .closed { throw error }
        }
    }

    // MARK: On the hooks

    private func register(again: Bool, _ writer: Int) {
        ExitHooks.register("registered by a hook") { [self] _ in
            if again { register(again: true, writer) } else { HookChild.say(.phase(.hookEnded)) }
        }
    }

    // MARK: On the process

    private func changeFolder() throws {
        let folder = path + ".elsewhere"
        guard mkdir(folder, 0o700) == 0, chdir(folder) == 0, rmdir(folder) == 0 else {
            throw Files.failure("going to", folder)
        }
    }

    /// True in the child, which has nothing to say any more, and ends by an alarm in any case.
    private func fork() throws -> Bool {
        guard try LingeringChild.fork() == 0 else { return false }
        alarm(2)
        for descriptor in Int32(0)...2 { close(descriptor) }
        return true
    }

    private func block() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }

    private func replaceHandler(of number: Int32, _ handler: (@convention(c) (Int32) -> Void)?) {
        // Swift has its own way to the alarm that ends a child that hangs.
        if number != SIGALRM { signal(number, handler) }
    }

    private func closeDescriptors() { for descriptor in Int32(3)...1_023 { close(descriptor) } }

    /// Only the numbers that were the store's: what others write to theirs, as Swift's queues do, is not its doing.
    private func takeDescriptors() {
        let file = open(Self.foreignFile(beside: path), O_RDWR)
        guard file >= 0 else { return HookChild.say(.trouble("the foreign file is not there")) }
        for descriptor in Int32(3)...1_023 where descriptor != file {
            if isOfStore(descriptor) { dup2(file, descriptor) } else { close(descriptor) }
        }
    }

    private func isOfStore(_ descriptor: Int32) -> Bool {
        var name = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1)
        guard length > 0 else { return false }
        return String(decoding: name[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(path + "/")
    }

    private func flood(isRead: Bool) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0, dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO else {
            throw Files.failure("making", "a pipe")
        }
        if !isRead { close(ends[0]) }
        let line = String(repeating: "y", count: 1_023)
        for _ in 0..<1_024 { puts(line) }
    }

    /// Leaves nothing: the next one to need memory finds none.
    private func eatMemory() {
        let pages = Files.text(at: "/proc/self/statm")?.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
        guard pages > 0 else { return }
        ResourceLimit.addressSpace.set(pages * UInt64(getpagesize()) + (16 << 20))
        var size = 1 << 20
        while size >= 16 {
            if malloc(size) == nil { size /= 2 }
        }
    }
}

private func endQuickly(_ status: Int32) -> Never {
    #if canImport(Darwin)
    _exit(status)
    #else
    quick_exit(status)
    #endif
}
