// A small disk, and what takes its space: a file that is allocated, not written, so that an image of a hundred megabytes
// costs no memory.

internal import CLab
internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// Belongs to the thread that has the mounts.
final class FullDisk {
    let place: FullPlace
    let path: String
    private let device: Int32
    private var ballast: String { path + "/ballast" }

    init(_ place: FullPlace, folder: String, log: String) throws {
        self.place = place
        path = folder + "/disk"
        for folder in [folder, path] { try ScratchFiles.make(folder: folder) }
        guard place != .fileSize else {
            device = -1
            return
        }
        guard let maker = place.maker else {
            device = -1
            try OwnMounts.mount("none", at: path, type: place.type, options: "size=\(place.bytes)")
            return
        }
        let image = folder + "/image"
        try ScratchFiles.make(image: image, bytes: place.bytes)
        try SystemCommand.run([maker] + place.arguments + [image], log: log)
        let loop: String
        (device, loop) = try OwnMounts.attach(image)
        try OwnMounts.mount(loop, at: path, type: place.type, options: "")
    }

    func remove() throws {
        if place != .fileSize { try OwnMounts.unmount(path) }
        if device >= 0 { close(device) }
    }

    /// Takes the space up to about so many bytes.
    func fill(leaving remainder: Int) throws {
        let file = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            // Not even a name: it is full.
            guard errno == ENOSPC else { throw Files.failure("creating", ballast) }
            return
        }
        defer { close(file) }
        var size = 0
        for step in [16 << 20, 1 << 20, 64 << 10, 4 << 10] {
            while posix_fallocate(file, off_t(size), off_t(step)) == 0 { size += step }
        }
        guard ftruncate(file, off_t(max(0, size - remainder))) == 0 else { throw Files.failure("cutting", ballast) }
        // Btrfs and XFS hand out what was given back when it is on the disk.
        _ = cblocklog_sync(path)
    }

    func free() {
        unlink(ballast)
        _ = cblocklog_sync(path)
    }

    /// What is on it, beside what takes the space.
    var names: [String] { Files.names(in: path).filter { $0 != "ballast" && $0 != "lost+found" } }

    /// As it was made.
    func clear() {
        for name in names { Files.removeFolder(path + "/" + name) }
        free()
    }
}
