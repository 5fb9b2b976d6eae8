// The writers of a child: threads that block and tasks that suspend, each making its changes one after the other until
// the store refuses or the process is gone. Every answer goes to the parent before the writer's next change.

internal import Backstay
internal import Synchronization
internal import WriteAheadJournal

final class Writers: Sendable {
    static let threads = 8
    static let tasks = 40
    static var count: Int { threads + tasks }
    /// The hook is a writer, too.
    static let hook = 90
    /// The numbers of a round's writers begin this far from those of the round before.
    static let stride = 100

    private let store: StateStore
    private let role: ChildRole
    private let acknowledged = Atomic<Int>(0)
    private let lock = Lock()
    /// Under the lock, both.
    private let waiting = Waiting()

    /// Why `@unchecked Sendable` is right: touched under `lock` alone.
    private final class Waiting: @unchecked Sendable {
        var isReached = false
        var continuation: CheckedContinuation<Void, Never>?
    }

    init(_ store: StateStore, _ role: ChildRole) {
        self.store = store
        self.role = role
    }

    func start() throws {
        for index in 0..<Self.threads {
            let writer = role.firstWriter + index
            _ = try WorkerThread("writer") { [self] in write(as: writer) }
        }
        for index in Self.threads..<Self.count {
            let writer = role.firstWriter + index
            Task.detached { [self] in await write(as: writer) }
        }
    }

    /// Returns when as many changes are acknowledged as the role asks for.
    func reachTrigger() async {
        await withCheckedContinuation { continuation in
            let isReached = lock.withLock {
                if !waiting.isReached { waiting.continuation = continuation }
                return waiting.isReached
            }
            if isReached { continuation.resume() }
        }
    }

    /// One change of the hook's.
    func writeInHook() {
        let writer = role.firstWriter + Self.hook
        Message.began(writer: writer).send()
        _ = attempt(Change(writer: writer, number: 1)) { (change) throws(StoreError) in try set(change) }
    }

    private func write(as writer: Int) {
        Message.began(writer: writer).send()
        var number = 1
        while attempt(Change(writer: writer, number: number), { (change) throws(StoreError) in try set(change) }) {
            number += 1
        }
    }

    private func write(as writer: Int) async {
        Message.began(writer: writer).send()
        var number = 1
        while true {
            let change = Change(writer: writer, number: number)
            do throws(StoreError) {
                acknowledge(change, try await set(change))
            } catch {
                report(error, change)
                return
            }
            number += 1
        }
    }

    private func attempt(_ change: Change, _ set: (Change) throws(StoreError) -> StateStore.Receipt) -> Bool {
        do throws(StoreError) {
            acknowledge(change, try set(change))
            return true
        } catch {
            report(error, change)
            return false
        }
    }

    private func set(_ change: Change) throws(StoreError) -> StateStore.Receipt {
        switch change.value(seed: role.seed) {
        case .int(let value): try store.set(change.key, value, durability: change.durability)
        case .text(let value): try store.set(change.key, value, durability: change.durability)
        }
    }

    private func set(_ change: Change) async throws(StoreError) -> StateStore.Receipt {
        switch change.value(seed: role.seed) {
        case .int(let value): try await store.set(change.key, value, durability: change.durability)
        case .text(let value): try await store.set(change.key, value, durability: change.durability)
        }
    }

    private func acknowledge(_ change: Change, _ receipt: StateStore.Receipt) {
        Message.acknowledged(change, lsn: receipt.lsn.value).send()
        guard acknowledged.add(1, ordering: .relaxed).newValue == role.trigger else { return }
        let continuation = lock.withLock {
            waiting.isReached = true
            return waiting.continuation
        }
        continuation?.resume()
    }

    private func report(_ error: StoreError, _ change: Change) {
        switch error.outcome {
        case .rejected: Message.refused(change).send()
        default: Message.unknown(change).send()
        }
        // Closing while changes are made refuses them; anything else is worth a look.
        if error.code != .closed { Message.trouble("\(change): \(error)").send() }
    }
}
