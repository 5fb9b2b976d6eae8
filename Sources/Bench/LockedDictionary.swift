internal import Backstay
internal import WriteAheadJournal

/// What an application would use without a store.
final class LockedDictionary<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var content: [String: Value] = [:]

    func get(_ key: String) -> Value? {
        lock.lock()
        defer { lock.unlock() }
        return content[key]
    }

    func set(_ key: String, _ value: Value) {
        lock.lock()
        defer { lock.unlock() }
        content[key] = value
    }
}
