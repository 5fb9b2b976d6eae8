// The state in memory: the ordered tree, and beside it the index that point lookups go by. Neither is ever locked across
// I/O or while code of the application runs.
//
//   `lock`          the tree: changes, `freeze`, `release`
//   index's shards  what the live keys' entries hold; taken below `lock`
//
// A lookup takes its key's shard and nothing else. So lookups wait for each other, or for a change, only if two keys
// share a shard. A change takes `lock`, then the shards of all keys it names, and so becomes visible as a whole. A view
// is read without any lock.
//
// Why `@unchecked Sendable` is right: the tree is touched under `lock` alone, with these exceptions:
//   - Views do not change.
//   - The content of entries is touched under their shard's lock as well (KeyIndex.swift, rule 4).
//   - `load` and `replay` take no lock. They are for the opening, which has not yet shown the memory to anyone.

internal import WriteAheadJournal

final class StoreMemory: @unchecked Sendable {
    private let lock = Lock()
    private let tree = OrderedTree()
    /// For lookups: by itself, so that they count no reference to the memory.
    let index = KeyIndex()
    /// States beside the key–value one, by name and key, as bytes. Few and small: an import's position.
    private var named: [[UInt8]: [[UInt8]: NamedValue]] = [:]
    /// The record that was applied last. It is here so that a consistent view needs this lock alone: no reader waits
    /// for a writer that stalls on its way into the log.
    private var applied = Published(lsn: .zero, chain: 0, outlivesProcess: false)

    struct NamedValue: Sendable {
        var kind: UInt8
        var bytes: [UInt8]
    }

    /// Values of more bytes are copied out of a view, so neither readers nor writers wait for the copy.
    private static let copyUnderLockMax = 64 << 10
    /// Changes of more bytes take all shards without asking which they need.
    private static let fewOperationsBytesMax = 4 << 10

    deinit { index.deallocate() }

    // MARK: Changes

    @inline(__always)
    func set(key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer, of record: Published) {
        let hash = index.hash(key), shard = index.shard(hash)
        lock.lock()
        shard.lock()
        put(hash, key, kind, value)
        shard.unlock()
        applied = record
        lock.unlock()
    }

    func remove(key: UnsafeRawBufferPointer, of record: Published) {
        let hash = index.hash(key), shard = index.shard(hash)
        lock.lock()
        shard.lock()
        drop(hash, key)
        shard.unlock()
        applied = record
        lock.unlock()
    }

    /// Applies the operations of one record as one change.
    func apply(_ body: UnsafeRawBufferPointer, of record: Published) throws {
        let shards = try shards(of: body)
        lock.lock()
        index.lock(shards)
        defer {
            index.unlock(shards)
            lock.unlock()
        }
        applied = record
        try replay(body)
    }

    private func shards(of body: UnsafeRawBufferPointer) throws -> UInt64 {
        if body.count > Self.fewOperationsBytesMax { return KeyIndex.allShards }
        var shards: UInt64 = 0
        try OperationCodec.read(body) { shards |= KeyIndex.bit(index.hash($0.key)) }
        return shards
    }

    /// Under `lock` and the key's shard. Never inlined, because it ends in a copy of memory. If that is the last step
    /// of a function that may throw, Swift 6.3.1 jumps to memmove without putting the error register back. The caller
    /// then takes what is in it for an error. It happens in release builds.
    @inline(never)
    private func put(
        _ hash: UInt64, _ key: UnsafeRawBufferPointer, _ kind: UInt8, _ value: UnsafeRawBufferPointer
    ) {
        let shard = index.shard(hash)
        if tree.hasGarbage { tree.reclaim(limit: OrderedTree.reclaimPerChange) }
        if let place = shard.find(hash, key) {
            if tree.overwrite(place.entry, kind: kind, value) { return }
            place.replace(tree.set(key: key, kind: kind, value: value))
        } else {
            shard.insert(hash, tree.set(key: key, kind: kind, value: value))
        }
    }

    /// Under `lock` and the key's shard.
    private func drop(_ hash: UInt64, _ key: UnsafeRawBufferPointer) {
        let shard = index.shard(hash)
        guard let place = shard.find(hash, key) else { return }
        shard.remove(place)
        tree.remove(key: key)
    }

    // MARK: Opening

    /// Applies the operations of one record; only while nobody else has the memory.
    func replay(_ body: UnsafeRawBufferPointer) throws {
        try OperationCodec.read(body) { operation in
            guard operation.name.isEmpty else {
                applyNamed(operation)
                return
            }
            let hash = index.hash(operation.key)
            switch operation.code {
            case .set: put(hash, operation.key, operation.kind, operation.value)
            case .remove: drop(hash, operation.key)
            }
        }
    }

    /// Operations of the log on their way into memory, some at a time. Each waits for its slot, then for its entry, and
    /// the waits of a group pass side by side. The bytes must stay where they are until `finish`.
    struct Replay {
        private static let groupMax = 16
        private let memory: StoreMemory
        private var group: [(hash: UInt64, operation: Operation)] = []

        init(_ memory: StoreMemory) {
            self.memory = memory
            group.reserveCapacity(Self.groupMax)
        }

        /// Takes in one record.
        mutating func add(_ body: UnsafeRawBufferPointer) throws {
            try OperationCodec.read(body) { operation in
                guard operation.name.isEmpty else {
                    memory.applyNamed(operation)
                    return
                }
                let hash = memory.index.hash(operation.key)
                memory.index.shard(hash).prefetch(hash)
                group.append((hash, operation))
                if group.count == Self.groupMax { finish() }
            }
        }

        /// Applies what is waiting.
        mutating func finish() {
            for (hash, _) in group { memory.index.shard(hash).prefetchEntry(hash) }
            for (hash, operation) in group {
                switch operation.code {
                case .set: memory.put(hash, operation.key, operation.kind, operation.value)
                case .remove: memory.drop(hash, operation.key)
                }
            }
            group.removeAll(keepingCapacity: true)
        }
    }

    /// Takes in the rows of the table `state`, in the order of their keys; only while nobody else has the memory.
    func load(_ count: Int, _ rows: (_ each: StateRowBody) throws -> Void) rethrows {
        index.reserve(count)
        var filler = KeyIndex.Filler(index)
        try rows { name, key, kind, value in
            guard name.isEmpty else {
                applyNamed(Operation(code: .set, name: name, key: key, kind: kind, value: value))
                return
            }
            if let entry = tree.append(key: key, kind: kind, value: value) {
                filler.add(index.hash(key), entry)
            } else {
                // Out of order: only in a damaged table, which the digest will tell, or in one that holds the key twice.
                filler.finish()
                put(index.hash(key), key, kind, value)
            }
        }
        filler.finish()
    }

    private func applyNamed(_ operation: Operation) {
        let name = [UInt8](operation.name)
        let key = [UInt8](operation.key)
        switch operation.code {
        case .set: named[name, default: [:]][key] = NamedValue(kind: operation.kind, bytes: [UInt8](operation.value))
        case .remove: named[name]?[key] = nil
        }
    }

    // MARK: Lookups

    func namedValue(_ name: String, _ key: String) -> NamedValue? {
        lock.withLock { named[Array(name.utf8)]?[Array(key.utf8)] }
    }

    func contains(_ key: UnsafeRawBufferPointer) -> Bool { index.withValue(of: key) { _, _ in true } ?? false }

    /// The value, copied.
    func copyValue(of key: UnsafeRawBufferPointer) -> (kind: UInt8, bytes: [UInt8])? {
        let copy = index.withValue(of: key) { kind, value -> (kind: UInt8, bytes: [UInt8]?) in
            (kind, value.count > Self.copyUnderLockMax ? nil : [UInt8](value))
        }
        guard let copy else { return nil }
        if let bytes = copy.bytes { return (copy.kind, bytes) }
        let view = freeze().view
        defer { release(view) }
        return view.withValue(of: key) { kind, value in (kind: kind, bytes: [UInt8](value)) }
    }

    /// Where the log stands with the state that was loaded.
    func begin(at record: Published) { lock.withLock { applied = record } }

    var lastApplied: Published { lock.withLock { applied } }

    /// A view of the state, and the record it is as of.
    func freeze() -> (view: OrderedTree.View, record: Published) { lock.withLock { (tree.freeze(), applied) } }

    /// The same with the named states.
    func freezeAll() -> (view: OrderedTree.View, named: [[UInt8]: [[UInt8]: NamedValue]], record: Published) {
        lock.withLock { (tree.freeze(), named, applied) }
    }

    func release(_ view: OrderedTree.View) { lock.withLock { tree.release(view) } }

    /// Frees a little of what released views left behind. True if there is more.
    func reclaim() -> Bool { lock.withLock { tree.hasGarbage ? tree.reclaim(limit: 4_096) : false } }

    var figures: (keys: Int, contentBytes: Int, memoryBytes: Int, copiedBytes: Int) {
        lock.withLock { (tree.count, tree.contentBytes, tree.memoryBytes + index.memoryBytes, tree.copiedBytes) }
    }

    /// What is wrong with tree and index, in words; empty if nothing is. Only while nobody changes anything.
    func checkInvariants() -> [String] {
        lock.lock()
        index.lock(KeyIndex.allShards)
        defer {
            index.unlock(KeyIndex.allShards)
            lock.unlock()
        }
        var problems = tree.checkInvariants() + index.checkInvariants()
        if index.count != tree.count { problems.append("\(tree.count) keys, \(index.count) in the index") }
        tree.forEachEntry { entry in
            let hash = index.hash(entry.key)
            if index.shard(hash).find(hash, entry.key)?.entry.base != entry.base {
                problems.append("an entry of the tree is not the index's")
            }
        }
        return problems
    }
}
