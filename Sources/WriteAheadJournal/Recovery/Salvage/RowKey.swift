/// Name and key of a row of the table `state`, as SQLite orders them.
struct RowKey: Comparable, Hashable, Sendable {
    var name: [UInt8]
    var key: [UInt8]

    static func < (a: RowKey, b: RowKey) -> Bool {
        a.name == b.name ? a.key.lexicographicallyPrecedes(b.key) : a.name.lexicographicallyPrecedes(b.name)
    }

    var next: RowKey { RowKey(name: name, key: key + [0]) }

    /// A key about half-way between two, by the eight bytes after their common prefix.
    static func middle(_ a: RowKey, _ b: RowKey) -> RowKey? {
        guard a.name == b.name else {
            return middle(a.name, b.name).map { RowKey(name: $0, key: []) }
        }
        return middle(a.key, b.key).map { RowKey(name: a.name, key: $0) }
    }

    private static func middle(_ a: [UInt8], _ b: [UInt8]) -> [UInt8]? {
        let common = zip(a, b).prefix { $0 == $1 }.count
        func number(_ bytes: [UInt8]) -> UInt64 {
            (0..<8).reduce(UInt64(0)) { number, index in
                number << 8 | UInt64(common + index < bytes.count ? bytes[common + index] : 0)
            }
        }
        let (low, high) = (number(a), number(b))
        guard high > low, high - low > 1 else { return nil }
        let half = low + (high - low) / 2
        return a[..<common] + (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
    }
}
