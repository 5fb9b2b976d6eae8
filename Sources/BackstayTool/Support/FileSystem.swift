// What kind of file system a path is on, as far as a store cares.
//
// On Linux the name comes from /proc/self/mountinfo: the mount whose point is the longest beginning of the path, the last
// one where several are mounted on each other (https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html).

import WriteAheadJournal

import SystemC

struct FileSystem: Equatable {
    enum Kind {
        /// Locks, mappings and fsync mean what they say.
        case local
        /// Gone with the machine's power.
        case memory
        /// The writable layer of a container: gone with it.
        case overlay
        /// Locks and mappings of several machines don't meet.
        case network
        /// Nothing is known of it.
        case unknown
    }

    let name: String
    let kind: Kind

    init(name: String) {
        self.name = name
        kind = Self.kinds[name] ?? .unknown
    }

    /// The file system of a path that is there.
    static func of(_ path: String) -> FileSystem {
        #if canImport(Darwin)
        var status = statfs()
        guard statfs(path, &status) == 0 else { return FileSystem(name: "unknown") }
        let name = withUnsafeBytes(of: &status.f_fstypename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return FileSystem(name: name)
        #else
        guard let real = try? Files.resolved(path), let mounts = Files.text(at: "/proc/self/mountinfo") else {
            return FileSystem(name: "unknown")
        }
        return FileSystem(name: name(of: real, mounts: mounts) ?? "unknown")
        #endif
    }

    /// Bytes an ordinary user may still write; nil where the system does not tell.
    static func freeBytes(_ path: String) -> UInt64? { Files.freeBytes(path).map { UInt64($0) } }

    /// The file system type of an absolute path, out of the text of mountinfo.
    static func name(of path: String, mounts: String) -> String? {
        var best: (point: [UInt8], type: String)?
        let path = Array(path.utf8)
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, let dash = fields.dropFirst(5).firstIndex(of: "-"), dash + 1 < fields.count else {
                continue
            }
            let point = unescaped(fields[4])
            let isAbove =
                point == [UInt8(ascii: "/")]
                || path.starts(with: point) && (path.count == point.count || path[point.count] == UInt8(ascii: "/"))
            if isAbove && point.count >= best?.point.count ?? 0 { best = (point, String(fields[dash + 1])) }
        }
        return best?.type
    }

    /// A blank in a mount point is written \040.
    private static func unescaped(_ field: Substring) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                result.append(code)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static let kinds: [String: Kind] = {
        var kinds: [String: Kind] = ["tmpfs": .memory, "ramfs": .memory, "overlay": .overlay, "aufs": .overlay]
        for name in ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "apfs", "hfs"] {
            kinds[name] = .local
        }
        for name in [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "9p", "afs", "coda", "lustre", "gfs2", "ocfs2", "gpfs",
            "beegfs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.ceph", "afpfs", "webdav",
        ] {
            kinds[name] = .network
        }
        return kinds
    }()
}
