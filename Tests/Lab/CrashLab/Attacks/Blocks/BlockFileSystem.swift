// The file systems whose crash states are played: how each is made, small, and mounted.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

enum BlockFileSystem: String, CaseIterable, Sendable {
    case ext4, xfs, btrfs

    /// The least its tools take, rounded up.
    private var bytes: Int {
        switch self {
        case .ext4: 64 << 20
        case .xfs: 320 << 20
        case .btrfs: 128 << 20
        }
    }

    var maker: String { "mkfs.\(rawValue)" }

    /// Nothing is left for later, and nothing is discarded: what the log shows is what the file system does for the store.
    private var arguments: [String] {
        switch self {
        case .ext4:
            ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-J", "size=4"]
        case .xfs: ["-q", "-K", "-m", "reflink=1"]
        case .btrfs: ["-q", "-K"]
        }
    }

    /// What mounts it without flushes, where the kernel still knows how.
    var withoutBarriers: String? {
        switch self {
        case .ext4: "barrier=0"
        case .xfs: nil
        case .btrfs: "nobarrier"
        }
    }

    /// The least a drive is taken to write as a whole. Btrfs has one superblock of 4,096 bytes with one checksum, written in
    /// place: it does not survive a torn one, on any drive, and its tools ask for drives that don't tear it.
    var sector: Int { self == .btrfs ? 4_096 : 512 }

    /// Makes the file system in the new file `image`.
    func make(image: String, log: String) throws {
        try ScratchFiles.make(image: image, bytes: bytes)
        try SystemCommand.run([maker] + arguments + [image], log: log)
    }

    /// Nil where this machine can make and mount it; else what is missing.
    var missing: String? {
        guard SystemCommand.path(of: maker) != nil else { return "\(rawValue): there is no \(maker)" }
        // A module would be loaded by the mount; only a list that has it says for sure.
        let known = Files.text(at: "/proc/filesystems") ?? ""
        let isKnown = known.split(separator: "\n").contains { $0.split(separator: "\t").last == Substring(rawValue) }
        return isKnown ? nil : "\(rawValue): the kernel does not have it"
    }

    /// Nil where block devices of one's own can be made; else what is missing.
    static var missingForAll: String? {
        #if os(Linux)
        if geteuid() != 0 { return "block devices of one's own need root" }
        for device in ["/dev/fuse", "/dev/loop-control"] where access(device, R_OK | W_OK) != 0 {
            return "there is no \(device)"
        }
        return nil
        #else
        return "block devices of one's own need Linux"
        #endif
    }
}
