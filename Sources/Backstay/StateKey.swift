/// A key with the type of its value, so that the two are written down once.
///
/// ```swift
/// extension StateKey where Value == Int {
///     static let userCount = StateKey("user_count")
/// }
/// try store.set(.userCount, 42)
/// ```
public struct StateKey<Value: Codable>: Sendable, Hashable {
    /// The key itself.
    public let name: String

    /// Makes a typed key. Its bounds are checked by the call that uses it.
    public init(_ name: String) { self.name = name }

    /// Keys are compared as bytes, unlike Swift's strings.
    public static func == (a: Self, b: Self) -> Bool { a.name.utf8.elementsEqual(b.name.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        for byte in name.utf8 { hasher.combine(byte) }
    }
}
