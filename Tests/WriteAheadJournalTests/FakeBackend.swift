// A journal backend in memory that does what a test says: blocks, fails, and counts every call.

import Testing
import WriteAheadJournal

import SystemC

/// `@unchecked Sendable`: every mutable member is touched under `lock`.
final class FakeBackend: JournalBackend, @unchecked Sendable {
    struct Figures {
        var appendsBegun = 0
        var attempts: [[UInt8]] = []
        /// What was committed, in order.
        var batches: [[UInt8]] = []
        var lsns: [LSN] = []
        var threads: [UInt] = []
        var ends: [RunEnd] = []
        var maintained = 0
        /// What was asked for, in order.
        var reserved: [Int] = []
        var closed = 0
        /// Calls that came while another one was under way, or after the close.
        var intrusions = 0
    }

    private let lock = Lock()
    private let changed = Condition()
    private var figuresNow = Figures()
    private var isGateShut = false
    private var isBusy = false
    private var verdict: (Int) -> StoreError? = { _ in nil }
    private var maintenance: StoreError?
    private var reservation: StoreError?
    private var kept = 0

    static let full = StoreError(.diskFull, "no space left")
    static let broken = StoreError(.ioError, "the disk failed", cause: 5)

    var figures: Figures { lock.withLock { figuresNow } }
    var committed: LSN { lock.withLock { figuresNow.lsns.last ?? .zero } }

    /// Says what the nth append does, from 1.
    func onAppend(_ verdict: @escaping @Sendable (Int) -> StoreError?) { lock.withLock { self.verdict = verdict } }
    func failReservation(_ error: StoreError?) { lock.withLock { reservation = error } }
    func failMaintenance(_ error: StoreError?) { lock.withLock { maintenance = error } }

    /// While the gate is shut, an append that has begun does not end.
    func shutGate() { lock.withLock { isGateShut = true } }
    func openGate() {
        lock.withLock {
            isGateShut = false
            changed.broadcast()
        }
    }

    private func enter() {
        if isBusy || figuresNow.closed > 0 { figuresNow.intrusions += 1 }
        isBusy = true
    }

    func append(_ batch: RecordBatch) throws(StoreError) {
        lock.lock()
        enter()
        figuresNow.appendsBegun += 1
        figuresNow.threads.append(Machine.threadIdentity)
        figuresNow.attempts.append(batch.bytes)
        let count = figuresNow.appendsBegun
        changed.broadcast()
        while isGateShut { changed.wait(lock) }
        let verdict = verdict
        lock.unlock()
        let error = verdict(count)
        lock.lock()
        isBusy = false
        if error == nil {
            figuresNow.batches.append(batch.bytes)
            var lsn = batch.first
            while lsn <= batch.last {
                figuresNow.lsns.append(lsn)
                lsn = lsn.next
            }
            kept += batch.bytes.count
        }
        lock.unlock()
        if let error { throw error }
    }

    func trim(through lsn: LSN) throws(StoreError) -> Bool {
        lock.withLock { enter() }
        sched_yield()
        lock.withLock {
            isBusy = false
            kept = 0
        }
        return true
    }

    func reserve(bytes: Int) throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        if isBusy || figuresNow.closed > 0 { figuresNow.intrusions += 1 }
        figuresNow.reserved.append(bytes)
        if let reservation { throw reservation }
    }

    func checkpointSQLite() throws(StoreError) {
        lock.lock()
        defer { lock.unlock() }
        figuresNow.maintained += 1
        if let maintenance { throw maintenance }
    }

    var isSQLiteCheckpointDue: Bool { false }
    func compact() throws(StoreError) {}
    func noteEnd(_ end: RunEnd, at time: Int64) throws(StoreError) { lock.withLock { figuresNow.ends.append(end) } }
    var logBytes: Int { lock.withLock { kept } }
    var syncs: Int { lock.withLock { figuresNow.batches.count } }
    func close() { lock.withLock { figuresNow.closed += 1 } }

    /// Waits until the nth append has begun.
    func waitForAppend(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        let came = eventually { figures.appendsBegun >= count }
        #expect(came, "append \(count) never began", sourceLocation: sourceLocation)
    }

    func waitForAppend(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async {
        let came = await eventually { figures.appendsBegun >= count }
        #expect(came, "append \(count) never began", sourceLocation: sourceLocation)
    }
}

/// Appends to a committer as Journal does: admit and publish with other writers kept out, then wait.
final class Writers: Sendable {
    let committer: Committer
    let backend: FakeBackend
    static let origin = StoreFolder.origin(storeID: "committer")
    private let gate = Lock()

    /// - Parameter outlives: whether the tail is to count as one that outlives the process.
    init(_ limits: Committer.Limits = .init(), page: RunPage? = nil, outlives: Bool = false) throws {
        backend = FakeBackend()
        let tail = try Tail(inMemory: limits.tailBytes, epoch: Self.origin.epoch, outlivesProcess: outlives)
        committer = Committer(backend: backend, page: page, tail: tail, position: Self.origin, limits: limits)
        try committer.start()
    }

    /// Nil: the tail is full.
    func tryPublish(_ durability: Durability = .power, bytes: Int = 10) throws(StoreError) -> LSN? {
        try gate.withLock { () throws(StoreError) in
            guard case .admitted = try committer.admit(durability, content: bytes + 1) else { return nil }
            return try committer.publish(.bytes, content: bytes + 1) {
                $0.initializeMemory(as: UInt8.self, repeating: 7)
            }.lsn
        }
    }

    @discardableResult
    func appendAndWait(_ durability: Durability = .power, bytes: Int = 10) throws(StoreError) -> LSN {
        while true {
            if let lsn = try tryPublish(durability, bytes: bytes) {
                try committer.waitDurable(lsn)
                return lsn
            }
            try committer.waitForRoom(bytes + 1)
        }
    }

    /// On the calling thread.
    func waitDurable(_ lsn: LSN) throws(StoreError) { try committer.waitDurable(lsn) }

    @discardableResult
    func append(_ durability: Durability = .power, bytes: Int = 10) async throws(StoreError) -> LSN {
        while true {
            if let lsn = try tryPublish(durability, bytes: bytes) {
                try await committer.waitDurable(lsn)
                return lsn
            }
            await committer.waitForRoom(bytes + 1)
        }
    }

    /// What every test ends with: the log is whole, each record in it once, nobody used the backend beside another.
    func finish(expecting reason: StoreError.Code? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        backend.openGate()
        #expect(committer.stop()?.cause == nil || reason != nil, sourceLocation: sourceLocation)
        try? committer.close(marking: nil)
        let figures = backend.figures
        #expect(figures.intrusions == 0, sourceLocation: sourceLocation)
        var position = Self.origin
        for batch in figures.batches {
            let first = position.lsn.next
            do {
                try batch.withUnsafeBytes { try RecordReader.read($0, first: first, position: &position) { _ in } }
            } catch {
                Issue.record("a batch does not continue the log: \(error)", sourceLocation: sourceLocation)
            }
        }
        #expect(position.lsn == committer.lastDurable, sourceLocation: sourceLocation)
        if reason == nil { #expect(position.lsn == committer.last, sourceLocation: sourceLocation) }
    }
}

/// Threads whose end a test waits for.
final class Threads {
    private var threads: [WorkerThread] = []

    func run(_ body: @escaping @Sendable () -> Void) throws { threads.append(try WorkerThread("test", body)) }

    func join() {
        for thread in threads { thread.join() }
        threads = []
    }
}

/// A value that threads change.
final class Shared<Value: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var content: Value

    init(_ value: Value) { content = value }

    var value: Value { lock.withLock { content } }
    func change(_ body: (inout Value) -> Void) { lock.withLock { body(&content) } }
}
