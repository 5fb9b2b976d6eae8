/// A log sequence number: the position of one record in the journal.
///
/// The first record of a journal has LSN 1, each later one its predecessor's plus one; there are no gaps.
public struct LSN: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number itself; 0 means "before the first record".
    public let value: UInt64

    /// Makes an LSN of a number.
    public init(_ value: UInt64) { self.value = value }

    /// Before the first record.
    public static let zero = LSN(0)

    /// The LSN of the next record.
    public var next: LSN { LSN(value + 1) }

    /// Whether a number that was read from a file can be an LSN. With 10⁹ records a second a store reaches this bound
    /// in 146 years. A larger number is damage, and the LSN after it might not even be a number.
    static func isPossible(_ number: Int64) -> Bool {
        number >= 0 && number < 1 << 62
    }

    /// The decimal number.
    public var description: String { String(value) }

    /// Orders LSNs as the journal does.
    public static func < (a: LSN, b: LSN) -> Bool { a.value < b.value }
}
