// File systems of a test's own: images in a file, mounted by way of a loop device, and some that need none.

#if CommandLine
import SystemC

final class MountedDisk {
    enum Kind: String, CaseIterable {
        case ext4, xfs, btrfs, tmpfs, overlay, ramfs

        /// The least size its tools take, and how it is made in the file `image`.
        fileprivate var make: String? {
            switch self {
            case .ext4: "truncate -s 64M image && mkfs.ext4 -q -F image"
            case .xfs: "truncate -s 320M image && mkfs.xfs -q -m reflink=1 image"
            case .btrfs: "truncate -s 128M image && mkfs.btrfs -q image"
            case .tmpfs, .overlay, .ramfs: nil
            }
        }
    }

    let path: String
    private let folder: TestFolder

    /// Nil, with the reason printed, where it cannot be mounted.
    init?(_ kind: Kind) throws {
        let folder = try TestFolder()
        self.folder = folder
        path = folder.path + "/disk"
        let mount =
            switch kind {
            case .tmpfs: "mount -t tmpfs -o size=64m tmpfs disk"
            case .ramfs: "mount -t ramfs ramfs disk"
            case .overlay:
                "mkdir below && mount -t tmpfs -o size=64m tmpfs below && mkdir below/l below/u below/w && "
                    + "mount -t overlay -o lowerdir=below/l,upperdir=below/u,workdir=below/w overlay disk"
            case .ext4, .xfs, .btrfs: "mount -o loop image disk"
            }
        let steps = ["mkdir disk", kind.make, mount].compactMap { $0 }.joined(separator: " && ")
        let made = try folder.shell("cd '\(folder.path)' && { \(steps); }")
        guard made.status == 0 else {
            print("not tested on \(kind): \(made.out)\(made.err)")
            return nil
        }
    }

    /// Takes every byte that is left: in large steps, then in small ones.
    static let filling =
        "dd if=/dev/zero of=ballast bs=1M; dd if=/dev/zero of=more bs=4k; sync -f .; dd if=/dev/zero of=last bs=4k"

    func fill() throws { _ = try folder.shell("cd '\(path)'; \(Self.filling)") }

    func free() throws { _ = try folder.shell("cd '\(path)' && rm -f ballast more last && sync -f .") }

    func shell(_ line: String) throws -> ToolResult { try folder.shell("cd '\(path)' && \(line)") }

    deinit {
        _ = try? folder.shell(
            "cd '\(folder.path)'; umount disk || umount -l disk; "
                + "if [ -d below ]; then umount below || umount -l below; fi")
    }
}
#endif
