// The writers of a child: threads that block and tasks that suspend, each making its changes one after the other until
// the store refuses or the process is gone. Every answer goes to the parent before the writer's next change.
//
// In controls an answer at `.power` goes to the parent before its change is made (`tellsEarly`). To the oracle that is a
// store that answers too early.

package import Backstay
internal import Synchronization
internal import WriteAheadJournal
internal import SystemC

package final class Writers: Sendable {
    package static let threads = 8
    static let tasks = 40
    package static var count: Int { threads + tasks }
    /// The hook is a writer, too.
    package static let hook = 90
    /// The numbers of a round's writers begin this far from those of the round before.
    package static let stride = 100
    /// The tail of writers that are to overrun it.
    package static let leastTail = 64 << 10
    /// Microseconds between an answer that is told early and its change, so that an end falls in between.
    package static let earlyBy: UInt32 = 4_000

    private let store: StateStore
    private let role: ChildRole
    private let acknowledged = Atomic<Int>(0)
    private let lock = Lock()
    /// Under the lock, both.
    private let waiting = Waiting()

    /// Why `@unchecked Sendable` is right: touched under `lock` alone.
    private final class Waiting: @unchecked Sendable {
        var isReached = false
        package var continuation: CheckedContinuation<Void, Never>?
    }

    package init(_ store: StateStore, _ role: ChildRole) {
        self.store = store
        self.role = role
    }

    package func start() throws {
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
        role.say(.began(writer: writer))
        _ = attempt(Change(writer: writer, number: 1)) { (change) throws(StoreError) in try set(change) }
    }

    private func write(as writer: Int) {
        role.say(.began(writer: writer))
        var number = 1
        while attempt(Change(writer: writer, number: number), { (change) throws(StoreError) in try set(change) }) {
            number += 1
            if rests(number) { usleep(Self.rest) }
        }
    }

    private func write(as writer: Int) async {
        role.say(.began(writer: writer))
        var number = 1
        while true {
            let change = Change(writer: writer, number: number)
            if tellsEarly(change) {
                acknowledge(change, lsn: 0)
                try? await Task.sleep(for: .microseconds(Self.earlyBy))
            }
            do throws(StoreError) {
                let receipt = try await set(change)
                if !tellsEarly(change) { acknowledge(change, lsn: receipt.lsn.value) }
            } catch {
                report(error, change)
                return
            }
            number += 1
            if rests(number) { try? await Task.sleep(for: .microseconds(Self.rest)) }
        }
    }

    /// At memory speed a store would grow faster than the next start can tell what is in it.
    private static let rest: UInt32 = 4_000

    private func rests(_ number: Int) -> Bool { role.strain.asksForProcess && number > 6 }

    /// Only at `.power`, since that survives every end: what is missing was lost.
    private func tellsEarly(_ change: Change) -> Bool { role.acknowledgesEarly && level(change) == .power }

    private func attempt(_ change: Change, _ set: (Change) throws(StoreError) -> StateStore.Receipt) -> Bool {
        if tellsEarly(change) {
            acknowledge(change, lsn: 0)
            usleep(Self.earlyBy)
        }
        do throws(StoreError) {
            let receipt = try set(change)
            if !tellsEarly(change) { acknowledge(change, lsn: receipt.lsn.value) }
            return true
        } catch {
            report(error, change)
            return false
        }
    }

    private func set(_ change: Change) throws(StoreError) -> StateStore.Receipt {
        let level = level(change)
        if let ballast = ballast(change) {
            return try typed(
                Result { try store.transaction(durability: level) { try fill($0, change, ballast) }.receipt })
        }
        return try store.put(change, seed: role.seed, level)
    }

    private func set(_ change: Change) async throws(StoreError) -> StateStore.Receipt {
        let level = level(change)
        if let ballast = ballast(change) {
            do {
                return try await store.transaction(durability: level) { try fill($0, change, ballast) }.receipt
            } catch {
                return try typed(.failure(error))
            }
        }
        return try await store.put(change, seed: role.seed, level)
    }

    private func level(_ change: Change) -> Durability { role.strain.asksForProcess ? .process : change.durability }

    /// Bytes that a transaction carries beside its change: up to more than the tail takes.
    private func ballast(_ change: Change) -> Int? {
        guard role.strain.isBulky, change.number % 16 == 9 else { return nil }
        var random = SeededRandom(seed: role.seed, stream: UInt64(change.writer) << 32 | UInt64(change.number))
        return Int.random(in: 2_000...48_000, using: &random)
    }

    /// The ballast is gone again at the transaction's end: found in a store it would be half a transaction.
    private func fill(_ transaction: StateStore.Transaction, _ change: Change, _ ballast: Int) throws {
        let key = "half of \(change.key)"
        try transaction.set(key, String(repeating: "x", count: ballast))
        try transaction.put(change, seed: role.seed)
        try transaction.remove(key)
    }

    private func typed<Value>(_ result: Result<Value, any Error>) throws(StoreError) -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error as StoreError): throw error
        case .failure(let error): throw StoreError(.ioError, "\(error)")
        }
    }

    /// - Parameter lsn: 0 for a change that has none yet.
    private func acknowledge(_ change: Change, lsn: UInt64) {
        role.say(.acknowledged(change, lsn: lsn))
        guard acknowledged.add(1, ordering: .relaxed).newValue == role.trigger else { return }
        let continuation = lock.withLock {
            waiting.isReached = true
            return waiting.continuation
        }
        continuation?.resume()
    }

    private func report(_ error: StoreError, _ change: Change) {
        // It was answered already.
        if tellsEarly(change) { return }
        switch error.outcome {
        case .rejected: role.say(.refused(change))
        default: role.say(.unknown(change))
        }
        // Closing while changes are made refuses them; anything else is worth a look.
        if error.code != .closed { Message.trouble("\(change): \(error)").send() }
    }
}
