internal import CLab
internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// What has no room, in the end.
enum FullPlace: String, CaseIterable, Sendable {
    case tmpfs, ext4, xfs, btrfs
    /// With blocks of 1,024 bytes, as its tools make it below 512 MiB.
    case ext4SmallBlocks
    /// Data and metadata share their space.
    case btrfsMixed
    /// RLIMIT_FSIZE, on any disk.
    case fileSize

    /// Nil for those that have none.
    var maker: String? {
        switch self {
        case .tmpfs, .fileSize: nil
        default: "mkfs.\(type)"
        }
    }

    /// As the kernel names it.
    var type: String {
        switch self {
        case .btrfsMixed: "btrfs"
        case .ext4SmallBlocks: "ext4"
        default: rawValue
        }
    }

    /// Whether a store into a shared mapping may need room although there is a block: SQLite's index is mapped so, and the
    /// kernel answers SIGBUS. Btrfs gives a page that is written again a new block; of a page of several blocks SQLite has
    /// written one.
    var raisesBusErrors: Bool { type == "btrfs" || self == .ext4SmallBlocks }

    /// Whether a sync may fail for want of room, of bytes that were written before: Btrfs finds places for them only then.
    var failsSyncs: Bool { type == "btrfs" }

    /// Little more than its tools take, and than a store needs.
    var bytes: Int {
        switch self {
        case .tmpfs, .fileSize: 20 << 20
        case .ext4, .ext4SmallBlocks: 32 << 20
        case .xfs: 320 << 20
        case .btrfs: 128 << 20
        case .btrfsMixed: 48 << 20
        }
    }

    var arguments: [String] {
        switch self {
        case .ext4, .ext4SmallBlocks:
            [
                "-q", "-F", "-m", "0", "-J", "size=4", "-b", self == .ext4 ? "4096" : "1024", "-E",
                "lazy_itable_init=0,lazy_journal_init=0",
            ]
        case .btrfsMixed: ["-q", "-K", "--mixed"]
        default: ["-q", "-K"]
        }
    }

    /// Nil where this machine can make it; else what is missing.
    var missing: String? {
        #if os(Linux)
        if self == .fileSize { return nil }
        if geteuid() != 0 { return "\(rawValue): mounting needs root" }
        if let maker, SystemCommand.path(of: maker) == nil { return "\(rawValue): there is no \(maker)" }
        if maker != nil, access("/dev/loop-control", R_OK | W_OK) != 0 { return "\(rawValue): no loop devices" }
        let known = Files.text(at: "/proc/filesystems") ?? ""
        let isKnown = known.split(separator: "\n").contains { $0.split(separator: "\t").last == Substring(type) }
        return isKnown ? nil : "\(rawValue): the kernel does not have it"
        #else
        return self == .fileSize ? nil : "\(rawValue): needs Linux"
        #endif
    }
}
