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

    /// Whether a number that was read from a file can be an LSN: with 10⁹ records a second a store gets here in 146 years.
    /// Larger ones are damage, and the next one would not even be a number.
    static func isPossible(_ number: Int64) -> Bool {
        number >= 0 && number < 1 << 62
    }

    /// The decimal number.
    public var description: String { String(value) }

    /// Orders LSNs as the journal does.
    public static func < (a: LSN, b: LSN) -> Bool { a.value < b.value }
}

/// How much a change must survive before the call that made it returns.
public enum Durability: String, Sendable, Hashable, CaseIterable {
    /// Survives the process: once the call returns, a crash or `kill -9` of this process loses nothing. A kernel panic
    /// or power cut may lose the newest changes, never an older one before a newer one. Same as `write()` without
    /// `fsync()`.
    case process

    /// Survives the machine: once the call returns, the change and every earlier one are in the journal's log file and
    /// `fdatasync()` has returned. Holds as far as the drive keeps what it has confirmed (docs/failure-model.md).
    case power
}

/// A record that has its place in the log.
package struct Published: Sendable {
    package let lsn: LSN
    package let chain: UInt32
    /// Whether it survives the process already.
    package let outlivesProcess: Bool

    package init(lsn: LSN, chain: UInt32, outlivesProcess: Bool) {
        self.lsn = lsn
        self.chain = chain
        self.outlivesProcess = outlivesProcess
    }
}
