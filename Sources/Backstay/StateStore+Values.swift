// Reading and changing values.

internal import WriteAheadJournal

extension StateStore {
    /// What a change's caller gets.
    public struct Receipt: Sendable, Hashable {
        /// The record that holds the change.
        public let lsn: LSN
        /// The level it has reached: at least the one asked for.
        public let durability: Durability
        /// The record's checksum, chained over all before it.
        public let chain: UInt32
    }

    /// A body's result together with its change's receipt.
    public struct Committed<Value> {
        /// What the body returned, or the new value.
        public let value: Value
        /// The change's receipt. If a transaction changed nothing, it is of the last record that the transaction saw.
        public let receipt: Receipt
    }

    // MARK: Reading

    /// The value of a key, or nil if there is none. Never waits for the disk.
    ///
    /// It may show a change that is not acknowledged yet. Call `sync()` before acting on it outside the process.
    /// - Throws: `typeMismatch` if the stored value does not decode as `type`; `damaged` if its bytes cannot be what
    ///   they are stored as; `keyOutOfBounds`, `closed`, `forked`, `reentrant`.
    @inlinable
    public func get<Value: Codable>(_ key: String, as type: Value.Type = Value.self) throws(StoreError) -> Value? {
        // Casts between one and the same type: each branch is there only for callers of that type.
        if Value.self == [UInt8].self {
            switch try lookUpBytes(key) {
            case .found(let value): return unsafeBitCast(value, to: Value.self)
            case .absent: return nil
            case .other: break
            }
        } else if Value.self == Int.self {
            switch try lookUpInt(key) {
            case .found(let value): return unsafeBitCast(value, to: Value.self)
            case .absent: return nil
            case .other: break
            }
        } else if Value.self == String.self {
            switch try lookUpString(key) {
            case .found(let value): return unsafeBitCast(value, to: Value.self)
            case .absent: return nil
            case .other: break
            }
        } else if Value.self == Double.self {
            switch try lookUpDouble(key) {
            case .found(let value): return unsafeBitCast(value, to: Value.self)
            case .absent: return nil
            case .other: break
            }
        } else if Value.self == Bool.self {
            switch try lookUpBool(key) {
            case .found(let value): return unsafeBitCast(value, to: Value.self)
            case .absent: return nil
            case .other: break
            }
        }
        return try lookUpAny(key, type)
    }

    /// The value of a key, or `default` if there is none.
    ///
    /// - Throws: as `get(_:as:)`.
    @inlinable
    public func get<Value: Codable>(
        _ key: String, default value: @autoclosure () -> Value
    ) throws(StoreError) -> Value {
        try get(key, as: Value.self) ?? value()
    }

    /// The value of a typed key, or nil if there is none.
    ///
    /// - Throws: as `get(_:as:)`.
    public func get<Value>(_ key: StateKey<Value>) throws(StoreError) -> Value? { try get(key.name, as: Value.self) }

    /// The value of a typed key, or `default` if there is none.
    ///
    /// - Throws: as `get(_:as:)`.
    public func get<Value>(
        _ key: StateKey<Value>, default value: @autoclosure () -> Value
    ) throws(StoreError) -> Value {
        try get(key.name, as: Value.self) ?? value()
    }

    /// Whether the key has a value.
    ///
    /// - Throws: `keyOutOfBounds`, `closed`, `forked`, `reentrant`.
    public func contains(_ key: String) throws(StoreError) -> Bool {
        try core.check()
        return try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in core.memory.contains(bytes) }
    }

    /// Whether the typed key has a value.
    ///
    /// - Throws: as for a key that is a string.
    public func contains<Value>(_ key: StateKey<Value>) throws(StoreError) -> Bool { try contains(key.name) }

    // MARK: Setting

    /// Sets a value and returns when the change has reached its level. A nil of an Optional removes the key.
    ///
    /// - Parameters:
    ///   - key: 1 to 4,096 bytes of UTF-8, compared as bytes.
    ///   - value: up to 512 MiB as stored. NaN and infinities are rejected.
    ///   - durability: the level. Nil means that of the options, `.power` by default.
    /// - Throws: with `outcome` rejected: `keyOutOfBounds`, `valueOutOfBounds`, `diskFull`, `busy`, `ioError`, `poisoned`,
    ///   `closed`, `forked`, `reentrant`, `unsupported`. With `outcome` unknown: `notYetDurable`, `ioError`, `damaged`, `closed`.
    @available(*, noasync, message: "use `try await store.set`")
    @discardableResult
    @inlinable
    public func set<Value: Codable>(
        _ key: String, _ value: Value, durability: Durability? = nil
    ) throws(StoreError) -> Receipt {
        // Casts between one and the same type: each branch is there only for callers of that type.
        if Value.self == [UInt8].self {
            return try setBytes(key, unsafeBitCast(value, to: [UInt8].self), durability)
        }
        if Value.self == Int.self { return try setInt(key, unsafeBitCast(value, to: Int.self), durability) }
        if Value.self == String.self { return try setString(key, unsafeBitCast(value, to: String.self), durability) }
        return try setAny(key, value, durability)
    }

    /// Sets a value and returns when the change has reached its level, without holding a thread. A nil of an Optional
    /// removes the key. Cancellation counts before the change is admitted (`cancelled`), not after.
    ///
    /// - Throws: as the form for synchronous code; `cancelled`, rejected.
    @discardableResult
    public func set<Value: Codable>(
        _ key: String, _ value: Value, durability: Durability? = nil
    ) async throws(StoreError) -> Receipt {
        try await submit(EncodedChange(key, value), durability)
    }

    /// Sets the value of a typed key.
    ///
    /// - Throws: as for a key that is a string.
    @available(*, noasync, message: "use `try await store.set`")
    @discardableResult
    public func set<Value>(
        _ key: StateKey<Value>, _ value: Value, durability: Durability? = nil
    ) throws(StoreError) -> Receipt {
        try set(key.name, value, durability: durability)
    }

    /// Sets the value of a typed key without holding a thread.
    ///
    /// - Throws: as for a key that is a string.
    @discardableResult
    public func set<Value>(
        _ key: StateKey<Value>, _ value: Value, durability: Durability? = nil
    ) async throws(StoreError) -> Receipt {
        try await set(key.name, value, durability: durability)
    }

    // MARK: Removing

    /// Removes a key, whether or not it has a value, and returns when that has reached its level.
    ///
    /// - Throws: as `set`, but for `valueOutOfBounds`.
    @available(*, noasync, message: "use `try await store.remove`")
    @discardableResult
    public func remove(_ key: String, durability: Durability? = nil) throws(StoreError) -> Receipt {
        try submit(EncodedChange(removing: key), durability)
    }

    /// Removes a key, whether or not it has a value, without holding a thread.
    ///
    /// - Throws: as the form for synchronous code; `cancelled`, rejected.
    @discardableResult
    public func remove(_ key: String, durability: Durability? = nil) async throws(StoreError) -> Receipt {
        try await submit(EncodedChange(removing: key), durability)
    }

    /// Removes a typed key.
    ///
    /// - Throws: as for a key that is a string.
    @available(*, noasync, message: "use `try await store.remove`")
    @discardableResult
    public func remove<Value>(_ key: StateKey<Value>, durability: Durability? = nil) throws(StoreError) -> Receipt {
        try remove(key.name, durability: durability)
    }

    /// Removes a typed key without holding a thread.
    ///
    /// - Throws: as for a key that is a string.
    @discardableResult
    public func remove<Value>(
        _ key: StateKey<Value>, durability: Durability? = nil
    ) async throws(StoreError) -> Receipt {
        try await remove(key.name, durability: durability)
    }
}

extension StateStore.Committed: Sendable where Value: Sendable {}
