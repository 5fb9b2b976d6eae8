// What a store must hold: a dictionary by the bytes of its keys, and the comparison of a store with it.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct ModelTable: Sendable {
    private var values: [[UInt8]: ModelValue] = [:]

    var count: Int { values.count }

    subscript(key: String) -> ModelValue? {
        get { values[Array(key.utf8)] }
        set { values[Array(key.utf8)] = newValue }
    }

    /// Keys that begin so, in byte order.
    private func keys(prefix: String) -> [[UInt8]] {
        let prefix = Array(prefix.utf8)
        return values.keys.filter { $0.starts(with: prefix) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// What is not as it must be for one key; nil where it is.
    func difference(_ reader: some ModelReader, _ key: String, contains: Bool) throws(StoreError) -> String? {
        guard let value = self[key] else { return contains ? "\(Self.name(key)) is there and must not be" : nil }
        guard contains else { return "\(Self.name(key)) is missing" }
        return try value.isRead(by: reader, key) ? nil : "\(Self.name(key)) has another value"
    }

    /// The same of all entries with a prefix.
    func difference(_ entries: StateStore.Entries, prefix: String = "") throws(StoreError) -> String? {
        var wanted = keys(prefix: prefix)[...]
        for entry in entries {
            guard let next = wanted.popFirst() else { return "\(Self.name(entry.key)) is one too many" }
            guard Array(entry.key.utf8) == next, let value = values[next] else {
                return "\(Self.name(entry.key)) is where \(Self.name(String(decoding: next, as: UTF8.self))) belongs"
            }
            guard try value.isRead(by: entry, entry.key) else { return "\(Self.name(entry.key)) has another value" }
        }
        return wanted.first.map { "\(Self.name(String(decoding: $0, as: UTF8.self))) is missing" }
    }

    /// Of a whole store.
    func difference(_ store: StateStore) throws(StoreError) -> String? {
        let keys = store.statistics.keys
        guard keys == count else { return "it has \(keys) keys in place of \(count)" }
        return try difference(try store.entries())
    }

    private static func name(_ key: String) -> String {
        key.utf8.count > 40 ? "a key of \(key.utf8.count) bytes" : "the key \(JSONString.quoted(key))"
    }
}
