// Several changes as one record: all or nothing.
//
// The body runs under the writer's lock and sees its own changes. They are collected as operations, in the form they
// have in the log. When the body returns, they are published as one record. A body that throws leaves nothing behind.

internal import WriteAheadJournal

extension StateStore {
    /// What a transaction's body works with. It is valid while the body runs. Afterwards its calls throw `closed`.
    public final class Transaction {
        private let memory: StoreMemory
        private let fork: ForkGuard
        fileprivate private(set) var operations: [UInt8] = []
        /// What the operations before `changedEnd` changed: by key, the value's place in `operations`, or nil for
        /// removed. Made when it is asked for, so a body that only writes goes without.
        private var changed: [[UInt8]: (kind: UInt8, range: Range<Int>)?] = [:]
        private var changedEnd = 0
        private var scratch: [UInt8] = []
        fileprivate var hasEnded = false

        fileprivate init(_ core: StoreCore) {
            memory = core.memory
            fork = core.fork
        }

        /// The value of a key as the transaction sees it, or nil.
        ///
        /// - Throws: `typeMismatch`, `damaged`, `keyOutOfBounds`: the transaction may go on. `closed` after the body, `forked`.
        public func get<Value: Codable>(_ key: String, as type: Value.Type = Value.self) throws(StoreError) -> Value? {
            try check()
            return try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in
                guard let change = change(of: bytes) else { return try memory.decode(bytes, key, type) }
                guard let change else { return nil }
                return try operations.withUnsafeBytes {
                    StoredBytes(UnsafeRawBufferPointer(rebasing: $0[change.range]), change.kind).decode(key, type)
                }.get()
            }
        }

        /// The value of a key as the transaction sees it, or `default`.
        ///
        /// - Throws: as `get(_:as:)`.
        public func get<Value: Codable>(
            _ key: String, default value: @autoclosure () -> Value
        ) throws(StoreError) -> Value {
            try get(key, as: Value.self) ?? value()
        }

        /// The value of a typed key, or nil.
        ///
        /// - Throws: as `get(_:as:)`.
        public func get<Value>(_ key: StateKey<Value>) throws(StoreError) -> Value? {
            try get(key.name, as: Value.self)
        }

        /// The value of a typed key, or `default`.
        ///
        /// - Throws: as `get(_:as:)`.
        public func get<Value>(
            _ key: StateKey<Value>, default value: @autoclosure () -> Value
        ) throws(StoreError) -> Value {
            try get(key.name, as: Value.self) ?? value()
        }

        /// Whether the key has a value, as the transaction sees it.
        ///
        /// - Throws: `keyOutOfBounds`: the transaction may go on. `closed` after the body, `forked`.
        public func contains(_ key: String) throws(StoreError) -> Bool {
            try check()
            return try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in
                guard let change = change(of: bytes) else { return memory.contains(bytes) }
                return change != nil
            }
        }

        /// Sets a value; a nil of an Optional removes the key.
        ///
        /// - Throws: `keyOutOfBounds`; `valueOutOfBounds`, also if all changes together would have more than
        ///   900,000,000 bytes: the transaction may go on. `closed` after the body, `forked`.
        public func set<Value: Codable>(_ key: String, _ value: Value) throws(StoreError) {
            try check()
            // A value's own coding may call the transaction again, and then finds a buffer of its own.
            var bytes: [UInt8] = []
            swap(&bytes, &scratch)
            bytes.removeAll(keepingCapacity: true)
            let kind: ValueKind?
            do throws(ValueCodingError) {
                kind = try ValueCodec.encode(value, into: &bytes)
            } catch {
                throw error.storeError(key)
            }
            guard let kind else { return try remove(key) }
            try KeyBytes.withChecked(key) { (keyBytes) throws(StoreError) in
                try set(keyBytes, kind, bytes)
            }
            if bytes.capacity <= Self.scratchBytesMax { swap(&bytes, &scratch) }
        }

        /// Sets the value of a typed key.
        ///
        /// - Throws: as for a key that is a string.
        public func set<Value>(_ key: StateKey<Value>, _ value: Value) throws(StoreError) { try set(key.name, value) }

        /// Sets stored bytes, as import has them.
        package func setStored(_ key: [UInt8], _ kind: ValueKind, _ value: [UInt8]) throws(StoreError) {
            try check()
            try key.withUnsafeBytes { bytes -> Result<Void, StoreError> in
                do throws(StoreError) {
                    try KeyBytes.check(bytes)
                    try set(bytes, kind, value)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }.get()
        }

        private func set(_ key: UnsafeRawBufferPointer, _ kind: ValueKind, _ value: [UInt8]) throws(StoreError) {
            try checkRoom(key.count + value.count)
            value.withUnsafeBytes {
                OperationCodec.appendSet(key: key, kind: kind.rawValue, value: $0, to: &operations)
            }
        }

        /// Removes a key, whether or not it has a value.
        ///
        /// - Throws: `keyOutOfBounds`; `valueOutOfBounds` if all changes together would have more than 900,000,000 bytes: the
        ///   transaction may go on. `closed` after the body, `forked`.
        public func remove(_ key: String) throws(StoreError) {
            try check()
            try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in try remove(bytes) }
        }

        /// Removes a typed key.
        ///
        /// - Throws: as for a key that is a string.
        public func remove<Value>(_ key: StateKey<Value>) throws(StoreError) { try remove(key.name) }

        /// Removes a key given as bytes, as import has it.
        package func removeStored(_ key: [UInt8]) throws(StoreError) {
            try check()
            try key.withUnsafeBytes { bytes -> Result<Void, StoreError> in
                do throws(StoreError) {
                    try KeyBytes.check(bytes)
                    try remove(bytes)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }.get()
        }

        private func remove(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
            try checkRoom(bytes.count)
            OperationCodec.appendRemove(key: bytes, to: &operations)
        }

        /// Sets a value of a state beside the key–value one; entries and export do not show it.
        package func setNamed(
            _ name: String, _ key: String, _ kind: ValueKind, _ value: [UInt8]
        ) throws(StoreError) {
            try check()
            try checkRoom(name.utf8.count + key.utf8.count + value.count)
            Array(name.utf8).withUnsafeBytes { name in
                Array(key.utf8).withUnsafeBytes { key in
                    value.withUnsafeBytes { value in
                        OperationCodec.appendSet(
                            name: name, key: key, kind: kind.rawValue, value: value, to: &operations)
                    }
                }
            }
        }

        /// Removes a value of a state beside the key–value one.
        package func removeNamed(_ name: String, _ key: String) throws(StoreError) {
            try check()
            try checkRoom(name.utf8.count + key.utf8.count)
            Array(name.utf8).withUnsafeBytes { name in
                Array(key.utf8).withUnsafeBytes { key in
                    OperationCodec.appendRemove(name: name, key: key, to: &operations)
                }
            }
        }

        private static let scratchBytesMax = 64 << 10

        /// What this transaction did to a key: nil for nothing, a nil inside for removed.
        private func change(of key: UnsafeRawBufferPointer) -> (kind: UInt8, range: Range<Int>)?? {
            if changedEnd < operations.count {
                operations.withUnsafeBytes { all in
                    let rest = UnsafeRawBufferPointer(rebasing: all[changedEnd...])
                    // Just encoded, so it can be read.
                    do { try OperationCodec.read(rest) { note($0, in: all) } } catch {
                        preconditionFailure("operations just encoded cannot be read")
                    }
                }
                changedEnd = operations.count
            }
            return changed.isEmpty ? nil : changed[[UInt8](key)]
        }

        private func note(_ operation: Operation, in all: UnsafeRawBufferPointer) {
            guard operation.name.isEmpty else { return }
            guard operation.code == .set else {
                changed.updateValue(nil, forKey: [UInt8](operation.key))
                return
            }
            // A value always follows its length, so the address is one of these bytes' or the end.
            let start = all.baseAddress.flatMap { base in operation.value.baseAddress.map { $0 - base } } ?? 0
            changed[[UInt8](operation.key)] = .some(
                (operation.kind, start..<(start + operation.value.count)))
        }

        private func checkRoom(_ bytes: Int) throws(StoreError) {
            guard operations.count + bytes + 64 <= RecordFormat.recordBytesMax else {
                throw StoreError(
                    .valueOutOfBounds, "one transaction may change \(RecordFormat.recordBytesMax) bytes: make several")
            }
        }

        private func check() throws(StoreError) {
            // If the body forked, a lock may be held in the child by a thread that is not there.
            if fork.isForked { throw StoreCore.forkedError }
            if hasEnded { throw StoreError(.closed, "the transaction has ended: use it inside its body only") }
        }
    }

    // MARK: Running one

    /// Runs the body with the store to itself. Its changes become one record: durable together, or not at all.
    ///
    /// The body is synchronous and runs under the writer's lock: keep it short, and call nothing that waits. Any call
    /// on the same store inside it throws `reentrant`. All changes together have at most 900,000,000 bytes.
    /// - Throws: a `StoreError`, whose `outcome` says whether anything changed; or the body's own error unchanged, with
    ///   nothing changed.
    @available(*, noasync, message: "use `try await store.transaction`")
    @discardableResult
    public func transaction<R>(
        durability: Durability? = nil, _ body: (Transaction) throws -> R
    ) throws -> Committed<R> {
        let level = durability ?? core.options.durability
        while true {
            if let (value, published) = try attempt(level, body) {
                return Committed(value: value, receipt: try acknowledge(published, level))
            }
            try core.committer?.waitForRoom(1)
        }
    }

    /// Runs the body with the store to itself. Its changes become one record. Waits for the disk without holding a
    /// thread.
    ///
    /// The body itself runs synchronously on the caller's executor.
    /// - Throws: as the form for synchronous code; `cancelled`, rejected.
    @discardableResult
    public func transaction<R>(
        durability: Durability? = nil, _ body: (Transaction) throws -> R
    ) async throws -> Committed<R> {
        let level = durability ?? core.options.durability
        try Self.checkCancellation()
        while true {
            if let (value, published) = try attempt(level, body) {
                return Committed(value: value, receipt: try await acknowledge(published, level))
            }
            await core.committer?.waitForRoom(1)
        }
    }

    private func attempt<R>(_ level: Durability, _ body: (Transaction) throws -> R) throws -> (R, Published)? {
        try core.withAdmission(level, bytes: 0) { committer in
            let transaction = Transaction(core)
            defer { transaction.hasEnded = true }
            let value = try body(transaction)
            if transaction.operations.isEmpty {
                return (value, core.lastPublished)
            }
            let published = try transaction.operations.withUnsafeBytes { try core.publish(committer, operations: $0) }
            return (value, published)
        }
    }

    // MARK: Updating one value

    /// Changes one value in place: reads it, runs the body, sets the result. If there is none, the body gets `default`,
    /// which is part of the body.
    ///
    /// - Returns: the new value and its receipt.
    /// - Throws: as `transaction`.
    @available(*, noasync, message: "use `try await store.update`")
    @discardableResult
    public func update<Value: Codable>(
        _ key: String, default initial: @autoclosure () -> Value, durability: Durability? = nil,
        _ body: (inout Value) throws -> Void
    ) throws -> Committed<Value> {
        try transaction(durability: durability) { tx in
            var value = try tx.get(key, default: initial())
            try body(&value)
            try tx.set(key, value)
            return value
        }
    }

    /// Changes one value in place, waiting for the disk without holding a thread.
    ///
    /// - Throws: as `transaction`.
    @discardableResult
    public func update<Value: Codable>(
        _ key: String, default initial: @autoclosure () -> Value, durability: Durability? = nil,
        _ body: (inout Value) throws -> Void
    ) async throws -> Committed<Value> {
        try await transaction(durability: durability) { tx in
            var value = try tx.get(key, default: initial())
            try body(&value)
            try tx.set(key, value)
            return value
        }
    }

    /// Changes the value of a typed key in place.
    ///
    /// - Throws: as `transaction`.
    @available(*, noasync, message: "use `try await store.update`")
    @discardableResult
    public func update<Value>(
        _ key: StateKey<Value>, default initial: @autoclosure () -> Value, durability: Durability? = nil,
        _ body: (inout Value) throws -> Void
    ) throws -> Committed<Value> {
        try update(key.name, default: initial(), durability: durability, body)
    }

    /// Changes the value of a typed key in place, waiting for the disk without holding a thread.
    ///
    /// - Throws: as `transaction`.
    @discardableResult
    public func update<Value>(
        _ key: StateKey<Value>, default initial: @autoclosure () -> Value, durability: Durability? = nil,
        _ body: (inout Value) throws -> Void
    ) async throws -> Committed<Value> {
        try await update(key.name, default: initial(), durability: durability, body)
    }
}
