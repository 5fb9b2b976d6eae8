/// What a run of the attack alters.
enum RotExtent: String, Sendable {
    /// Everything, of all stores.
    case everything
    /// Each bit of one clean, one live and one mid store of at most 256 KiB. SQLite's index (`-shm`) is left out: who opens a
    /// database first cuts it to 3 bytes before reading it (unixLockSharedMemory in SQLite's os_unix.c).
    case bits

    var stores: [RotStore.Kind] {
        switch self {
        case .everything: RotStore.Kind.allCases
        case .bits: [.clean, .live, .mid]
        }
    }

    /// One case of so many goes on after opening, where it has altered a bit or a byte.
    var casesPerFollowed: Int { self == .everything ? 16 : 64 }

    /// One case of so many is also opened read-only.
    var casesPerReader: Int { self == .everything ? 4 : 64 }
}
