internal import Backstay
internal import CFaultVFS
internal import WriteAheadJournal

/// A class of calls, by its number in CFaultVFS.h.
struct FaultClass: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    var rawValue: UInt8

    var bit: UInt32 { 1 << UInt32(rawValue) }

    static let sync = FaultClass(rawValue: UInt8(BACKSTAY_FAULT_SYNC.rawValue))
    static let count = Int(BACKSTAY_FAULT_CLASSES.rawValue)

    private static let names = [
        "open", "read", "write", "truncate", "sync", "file size", "delete", "access", "lock", "shm map", "shm lock",
    ]

    var description: String { Self.names.indices.contains(Int(rawValue)) ? Self.names[Int(rawValue)] : "allocation" }
}
