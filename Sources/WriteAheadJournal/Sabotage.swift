// Deliberate faults in reading, for controls of the lab that must lose. Those in writing: CommitterLimits.swift.
//
// Of the whole process, since what reads has no options; only a child of the lab sets them, before it opens anything.

internal import Synchronization

package enum Sabotage {
    private static let checksums = Atomic<Bool>(false)
    private static let witnesses = Atomic<Bool>(false)

    /// The hashes of rows, their digest and the chain of records are not compared.
    package static var ignoresChecksums: Bool {
        get { checksums.load(ordering: .relaxed) }
        set { checksums.store(newValue, ordering: .relaxed) }
    }

    /// The sync mark is not compared, and SQLite's WAL and the tail are taken as they are.
    package static var ignoresWitnesses: Bool {
        get { witnesses.load(ordering: .relaxed) }
        set { witnesses.store(newValue, ordering: .relaxed) }
    }
}
