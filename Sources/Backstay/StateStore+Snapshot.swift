// Consistent views, and going through them in key order.

internal import WriteAheadJournal

extension StateStore {
    /// The state at one LSN, read-only, while writers go on. Reading it takes no lock.
    ///
    /// It costs writers a copy of the few nodes they touch. Replaced values stay in memory until it is dropped. It may
    /// be used after the store is closed.
    public final class Snapshot: Sendable {
        /// The last record it contains.
        public let lsn: LSN
        private let memory: StoreMemory
        private let fork: ForkGuard
        let view: OrderedTree.View

        init(_ core: StoreCore, _ view: OrderedTree.View, _ lsn: LSN) {
            memory = core.memory
            fork = core.fork
            self.view = view
            self.lsn = lsn
        }

        deinit {
            // In a forked child the lock may be held by a thread that is not there.
            if !fork.isForked { memory.release(view) }
        }

        /// Keys in the snapshot.
        public var count: Int { view.count }

        /// The value of a key at that moment, or nil.
        ///
        /// - Throws: `typeMismatch`, `damaged`, `keyOutOfBounds`.
        public func get<Value: Codable>(_ key: String, as type: Value.Type = Value.self) throws(StoreError) -> Value? {
            try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in
                try view.withValue(of: bytes) { kind, value in StoredBytes(value, kind).decode(key, type) }?.get()
            }
        }

        /// The value of a key at that moment, or `default`.
        ///
        /// - Throws: as `get(_:as:)`.
        public func get<Value: Codable>(
            _ key: String, default value: @autoclosure () -> Value
        ) throws(StoreError) -> Value {
            try get(key, as: Value.self) ?? value()
        }

        /// The value of a typed key at that moment, or nil.
        ///
        /// - Throws: as `get(_:as:)`.
        public func get<Value>(_ key: StateKey<Value>) throws(StoreError) -> Value? {
            try get(key.name, as: Value.self)
        }

        /// Whether the key had a value.
        ///
        /// - Throws: `keyOutOfBounds`.
        public func contains(_ key: String) throws(StoreError) -> Bool {
            try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in
                view.withValue(of: bytes) { _, _ in true } ?? false
            }
        }

        /// All entries whose key begins with `prefix`, in byte order. An empty prefix means all.
        public func entries(prefix: String = "") -> Entries { Entries(snapshot: self, prefix: Array(prefix.utf8)) }
    }

    /// A read-only view of the state as of the last change made. Never waits for the disk.
    ///
    /// - Throws: `closed`, `forked`, `reentrant`.
    public func snapshot() throws(StoreError) -> Snapshot {
        let (view, position) = try core.freeze()
        return Snapshot(core, view, position.lsn)
    }

    /// All entries whose key begins with `prefix`, in byte order, from one consistent view. An empty prefix means all.
    ///
    /// - Throws: as `snapshot`.
    public func entries(prefix: String = "") throws(StoreError) -> Entries { try snapshot().entries(prefix: prefix) }

    /// Entries in byte order of their keys. Can be gone through more than once, with the same result.
    public struct Entries: Sequence, Sendable {
        let snapshot: Snapshot
        let prefix: [UInt8]

        /// Begins at the first entry.
        public func makeIterator() -> Iterator { Iterator(snapshot, prefix) }

        /// Goes through the entries.
        public struct Iterator: IteratorProtocol {
            private let snapshot: Snapshot
            private let prefix: [UInt8]
            private var cursor: OrderedTree.Cursor

            fileprivate init(_ snapshot: Snapshot, _ prefix: [UInt8]) {
                self.snapshot = snapshot
                self.prefix = prefix
                cursor = prefix.withUnsafeBytes { snapshot.view.makeCursor(from: $0) }
            }

            /// The next entry, or nil at the end.
            public mutating func next() -> Entry? {
                guard let (key, kind, value) = cursor.next() else { return nil }
                guard key.starts(with: prefix) else { return nil }
                return Entry(snapshot: snapshot, keyBytes: key, kind: kind, valueBytes: value)
            }
        }
    }

    /// One key and its value, as of a snapshot. It keeps the snapshot alive.
    ///
    /// Why `@unchecked Sendable` is right: the bytes do not change and live as long as the snapshot held here.
    public struct Entry: @unchecked Sendable {
        let snapshot: Snapshot
        package let keyBytes: UnsafeRawBufferPointer
        package let kind: UInt8
        package let valueBytes: UnsafeRawBufferPointer

        /// The key.
        public var key: String { String(decoding: keyBytes, as: UTF8.self) }

        /// The value, decoded.
        ///
        /// - Throws: `typeMismatch` if it does not decode as `type`; `damaged` if its bytes cannot be what they are
        ///   stored as.
        @inlinable
        public func value<Value: Codable>(as type: Value.Type = Value.self) throws(StoreError) -> Value {
            // A cast between one and the same type: the branch is there only for callers of that type.
            if Value.self == [UInt8].self, let bytes = storedBytes { return unsafeBitCast(bytes, to: Value.self) }
            return try decoded(type)
        }

        /// The value, if it is stored as bytes.
        @usableFromInline
        var storedBytes: [UInt8]? { kind == ValueKind.bytes.rawValue ? [UInt8](valueBytes) : nil }

        @usableFromInline
        func decoded<Value: Codable>(_ type: Value.Type) throws(StoreError) -> Value {
            try StoredBytes(valueBytes, kind).decode(key, type).get()
        }

        /// The value's size as stored, in bytes.
        public var valueSize: Int { valueBytes.count }

        /// The word for how the value is stored: "int", "string", "json", …
        public var type: String { ValueKind(rawValue: kind)?.name ?? "unknown" }
    }
}
