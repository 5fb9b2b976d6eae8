package import WriteAheadJournal

/// One change, as an import line asks for it.
package struct ImportLine: Equatable, Sendable {
    /// UTF-8.
    package var key: [UInt8] = []
    /// Nil: the key is removed.
    package var kind: ValueKind?
    /// The stored value's bytes; empty for a removal.
    package var value: [UInt8] = []

    package init() {}

    package init(key: [UInt8], kind: ValueKind?, value: [UInt8]) {
        self.key = key
        self.kind = kind
        self.value = value
    }
}
