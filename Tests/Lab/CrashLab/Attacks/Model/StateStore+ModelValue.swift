// The model's values, read from a store and put into one.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

extension StateStore: ModelReader {
    func read<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value? { try get(key, as: type) }
}

extension StateStore {
    @available(*, noasync)
    func put(_ key: String, _ value: ModelValue, _ level: Durability?) throws(StoreError) -> Receipt {
        switch value {
        case .int(let value): try set(key, value, durability: level)
        case .small(let value): try set(key, value, durability: level)
        case .double(let value): try set(key, value, durability: level)
        case .bool(let value): try set(key, value, durability: level)
        case .text(let value): try set(key, value, durability: level)
        case .bytes(let value): try set(key, value, durability: level)
        case .record(let value): try set(key, value, durability: level)
        }
    }
}

extension StateStore.Snapshot: ModelReader {
    func read<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value? { try get(key, as: type) }
}

extension StateStore.Transaction: ModelReader {
    func read<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value? { try get(key, as: type) }
}

extension StateStore.Transaction {
    func put(_ key: String, _ value: ModelValue) throws(StoreError) {
        switch value {
        case .int(let value): try set(key, value)
        case .small(let value): try set(key, value)
        case .double(let value): try set(key, value)
        case .bool(let value): try set(key, value)
        case .text(let value): try set(key, value)
        case .bytes(let value): try set(key, value)
        case .record(let value): try set(key, value)
        }
    }
}

extension StateStore.Entry: ModelReader {
    func read<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value? { try value(as: type) }
}
