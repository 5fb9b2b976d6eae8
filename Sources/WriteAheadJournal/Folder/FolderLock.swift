// The file `lock`: one writer for each store, and its name.
//
// The lock is flock() on an open descriptor. The kernel drops it with the last descriptor, so a store whose owner was
// killed is free at once. The text inside names the owner for whoever is refused. It counts only while the lock is
// held.
//
// A forked child shares the descriptor and would keep the lock alive. So the child closes it before fork() returns
// there, and a program that is started closes it on exec. The lock is given up by closing the descriptor, never by
// LOCK_UN: that would also take it from the process that a child was forked from.
//
// A reader of a store that nobody holds takes the lock shared while it loads.

internal import CMachine
internal import Synchronization
internal import SystemC

/// The lock of one store, held by a writer or a reader.
package final class FolderLock: Sendable {
    package static let fileName = "lock"
    /// -1 after the release.
    private let descriptor: Atomic<Int32>
    private let file: HeldFile?
    /// The process that took the lock for writing; 0 for a reader's lock.
    private let writer: pid_t
    /// Whether a forked child closes the descriptor by itself.
    private let isKeptFromChildren: Bool

    private init(descriptor: Int32, writer: pid_t = 0) {
        self.descriptor = Atomic(descriptor)
        file = HeldFile(descriptor)
        self.writer = writer
        isKeptFromChildren = cfilesystem_close_in_children(descriptor) != 0
    }

    deinit { release() }

    /// Gives the store up. A second call does nothing.
    ///
    /// The text says so first. Any process that is being started at this moment holds a copy of the descriptor until
    /// its exec. Whoever meets the lock before that can tell the copy from an owner.
    package func release() {
        let held = descriptor.exchange(-1, ordering: .relaxed)
        guard held >= 0 else { return }
        // The number may be another file's by now: in a child, or after somebody closed what is not theirs.
        if isKeptFromChildren, cfilesystem_still_held(held) == 0 { return }
        guard file?.isStillHeld ?? true else { return }
        if writer == getpid() {
            var mark = Array(Self.releasedLine.utf8)
            var status = stat()
            // If the mark cannot be written, the next one waits a little longer, no more.
            if fstat(held, &status) == 0 { _ = pwrite(held, &mark, mark.count, status.st_size) }
        }
        close(held)
    }

    private static let releasedLine = "released=1\n"

    /// Takes the store for writing.
    ///
    /// - Parameters:
    ///   - create: whether the lock file may be created; only in a folder that is known to be a store's.
    ///   - patience: how long to wait for an owner that is just ending or a reader that is loading, in nanoseconds.
    ///   - opened: called between opening the file and locking it; for a test, which replaces the file there.
    /// - Throws: `busy`, and the message names the owner.
    package static func exclusive(
        folder: String, create: Bool, patience: UInt64 = 300_000_000, opened: () -> Void = {}
    ) throws(StoreError) -> FolderLock {
        let path = folder + "/" + fileName
        let deadline = Clock.monotonicNanoseconds() + patience
        while true {
            let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0)
            let descriptor = Files.openAboveStreams(path, flags, 0o600)
            guard descriptor >= 0 else { throw Files.failure("opening", path) }
            opened()
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                if isStill(path, descriptor) {
                    let lock = FolderLock(descriptor: descriptor, writer: getpid())
                    try lock.writeOwner(path)
                    return lock
                }
                close(descriptor)  // The folder was replaced in between; look again.
                continue
            }
            let code = errno
            // If the lock can be shared with those who hold it, they are readers, and the text names an owner who has
            // gone.
            let isRead = flock(descriptor, LOCK_SH | LOCK_NB) == 0
            close(descriptor)
            guard code == EWOULDBLOCK || code == EINTR else { throw Files.failure("locking", path, errno: code) }
            if Clock.monotonicNanoseconds() >= deadline { throw busy(folder: folder, isRead: isRead) }
            usleep(2_000)
        }
    }

    /// Keeps writers out while a store is read that nobody holds; nil if somebody holds it.
    ///
    /// If the owner has released the lock, or is dead, the lock is about to go. It is waited for, a little.
    package static func shared(folder: String, patience: UInt64 = 300_000_000) throws(StoreError) -> FolderLock? {
        let path = folder + "/" + fileName
        let deadline = Clock.monotonicNanoseconds() + patience
        while true {
            // A pipe in the file's place would keep the reader waiting for a writer.
            let descriptor = Files.openAboveStreams(path, O_RDONLY | O_NONBLOCK)
            guard descriptor >= 0 else { throw Files.failure("opening", path) }
            if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return FolderLock(descriptor: descriptor) }
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK || code == EINTR else { throw Files.failure("locking", path, errno: code) }
            let hasOwner = isOwned(folder)
            if hasOwner || Clock.monotonicNanoseconds() >= deadline { return nil }
            usleep(2_000)
        }
    }

    /// Whether the lock, which somebody holds, is its owner's. The owner must not have released it, and must be alive
    /// or on another machine.
    private static func isOwned(_ folder: String) -> Bool {
        let fields = fields(folder)
        guard fields["released"] == nil, let owner = owner(fields) else { return false }
        return owner.host != Machine.hostName() || Machine.isAlive(owner.pid)
    }

    /// The owner as the lock file names it, whether or not it still holds the lock.
    package static func owner(folder: String) -> StoreOwner? { owner(fields(folder)) }

    private static func fields(_ folder: String) -> [Substring: Substring] {
        var fields: [Substring: Substring] = [:]
        for line in (Files.text(at: folder + "/" + fileName) ?? "").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        return fields
    }

    private static func owner(_ fields: [Substring: Substring]) -> StoreOwner? {
        guard let pid = fields["pid"].flatMap({ Int32($0) }), let since = fields["since"].flatMap({ Int64($0) }) else {
            return nil
        }
        return StoreOwner(pid: pid, host: String(fields["host"] ?? "unknown"), since: since)
    }

    private static func busy(folder: String, isRead: Bool) -> StoreError {
        if isRead {
            return StoreError(
                .busy, "\(folder) is being read by another program: try again when it is done",
                location: .init(file: folder))
        }
        guard let owner = owner(folder: folder) else {
            return StoreError(
                .busy, "\(folder) is held by another process that has not named itself: try again",
                location: .init(file: folder))
        }
        let here = owner.host == Machine.hostName()
        let who: String
        if fields(folder)["released"] != nil {
            who = "a child of process \(owner.pid), which has closed it: end that child"
        } else if here && owner.pid == getpid() {
            who = "this process (\(owner.pid)), \(owner.ageText): use the handle that is open, or close it first"
        } else if here && !Machine.isAlive(owner.pid) {
            who = "a child of process \(owner.pid), which has ended, \(owner.ageText): end that child"
        } else {
            who = "process \(owner.pid) on \(owner.host), \(owner.ageText): end it, or open the store read-only"
        }
        return StoreError(.busy, "\(folder) is held by \(who)", location: .init(file: folder))
    }

    private static func isStill(_ path: String, _ descriptor: Int32) -> Bool {
        var there = stat()
        var here = stat()
        return stat(path, &there) == 0 && fstat(descriptor, &here) == 0 && there.st_ino == here.st_ino
            && there.st_dev == here.st_dev
    }

    private func writeOwner(_ path: String) throws(StoreError) {
        let text = "pid=\(getpid())\nhost=\(Machine.hostName())\nsince=\(Clock.wallMicroseconds())\n"
        // The new text is written over the old one, then the file is cut: it is never empty.
        var bytes = Array(text.utf8)
        let descriptor = descriptor.load(ordering: .relaxed)
        let wrote = bytes.withUnsafeMutableBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard wrote == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else {
            throw Files.failure("writing", path)
        }
    }
}
