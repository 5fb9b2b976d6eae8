/// What a record is about. On disk; the numbers stay.
package enum RecordKind: UInt8, Sendable {
    /// A process opened the journal: run id (u64), time in microseconds since 1970 (i64).
    case run = 1
    /// Operations on named states (Operation.swift).
    case changes = 2
    /// Bytes of a program that uses the journal without the state store.
    case bytes = 3
}
