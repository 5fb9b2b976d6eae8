// The state in memory: the ordered tree behind a lock that is held for lookups and changes only, never across I/O and
// never while code of the application runs.
//
// Why `@unchecked Sendable` is right: the tree is touched under `lock` alone, but for views, which do not change.

internal import WriteAheadJournal

final class StoreMemory: @unchecked Sendable {
    private let lock = Lock()
    private let tree = OrderedTree()
    /// States beside the key–value one, by name and key, as bytes. Few and small: an import's position.
    private var named: [[UInt8]: [[UInt8]: NamedValue]] = [:]
    /// The record that was applied last. Here, so that a consistent view needs this lock alone: no reader waits for a
    /// writer that stalls on its way into the log.
    private var applied = Published(lsn: .zero, chain: 0, outlivesProcess: false)

    struct NamedValue: Sendable {
        var kind: UInt8
        var bytes: [UInt8]
    }

    /// Values above are copied out of a view, so that neither readers nor writers wait for the copy.
    private static let copyUnderLockMax = 64 << 10

    @inline(__always)
    func set(key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer, of record: Published) {
        lock.lock()
        tree.set(key: key, kind: kind, value: value)
        applied = record
        lock.unlock()
    }

    func remove(key: UnsafeRawBufferPointer, of record: Published) {
        lock.lock()
        tree.remove(key: key)
        applied = record
        lock.unlock()
    }

    /// Applies the operations of one record as one change.
    func apply(_ body: UnsafeRawBufferPointer, of record: Published? = nil) throws {
        lock.lock()
        defer { lock.unlock() }
        if let record { applied = record }
        try OperationCodec.read(body) { operation in
            guard operation.name.isEmpty else {
                applyNamed(operation)
                return
            }
            switch operation.code {
            case .set: tree.set(key: operation.key, kind: operation.kind, value: operation.value)
            case .remove: tree.remove(key: operation.key)
            }
        }
    }

    /// Takes in a row of the table `state`.
    func load(
        name: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer
    ) {
        lock.lock()
        defer { lock.unlock() }
        if name.isEmpty {
            tree.set(key: key, kind: kind, value: value)
        } else {
            applyNamed(Operation(code: .set, name: name, key: key, kind: kind, value: value))
        }
    }

    private func applyNamed(_ operation: Operation) {
        let name = [UInt8](operation.name)
        let key = [UInt8](operation.key)
        switch operation.code {
        case .set: named[name, default: [:]][key] = NamedValue(kind: operation.kind, bytes: [UInt8](operation.value))
        case .remove: named[name]?[key] = nil
        }
    }

    func namedValue(_ name: String, _ key: String) -> NamedValue? {
        lock.withLock { named[Array(name.utf8)]?[Array(key.utf8)] }
    }

    func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return tree.withValue(of: key) { _, _ in true } ?? false
    }

    /// Hands the value over under the lock: only for bodies that run no code of the application and are done quickly.
    @inline(__always)
    func withValue<R>(of key: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) -> R) -> R? {
        lock.lock()
        defer { lock.unlock() }
        return tree.withValue(of: key, body)
    }

    /// The value, copied.
    func copyValue(of key: UnsafeRawBufferPointer) -> (kind: UInt8, bytes: [UInt8])? {
        lock.lock()
        var isLarge = false
        let copy = tree.withValue(of: key) { kind, value -> (kind: UInt8, bytes: [UInt8]) in
            isLarge = value.count > Self.copyUnderLockMax
            return (kind, isLarge ? [] : [UInt8](value))
        }
        guard isLarge else {
            lock.unlock()
            return copy
        }
        let view = tree.freeze()
        lock.unlock()
        let large = view.withValue(of: key) { kind, value in (kind: kind, bytes: [UInt8](value)) }
        release(view)
        return large
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

    /// Frees a little of what released views left behind; true when there is more.
    func reclaim() -> Bool { lock.withLock { tree.hasGarbage ? tree.reclaim(limit: 4_096) : false } }

    var figures: (keys: Int, contentBytes: Int, memoryBytes: Int, copiedBytes: Int) {
        lock.withLock { (tree.count, tree.contentBytes, tree.memoryBytes, tree.copiedBytes) }
    }
}
