// A file system on a device that logs what is written to it, made once and put back after each use.
//
// The image is whatever was last put there; it may be changed only while nothing is mounted. Every change of it is on a
// tape and can be undone. Belongs to the thread with mounts of its own that made it.
//
// Why the pointers are right: a tape and a device are freed by the one object that has them, at its end.

internal import CLab
internal import Drill
internal import WriteAheadJournal
internal import SystemC

final class BlockDevice {
    let system: BlockFileSystem
    /// Where the file system is mounted, while it is.
    let disk: String
    /// Names that are looked up here are marks.
    let marks: String
    private let image: String
    private let log: OpaquePointer
    private let loop: CInt
    private let path: String
    private var isMounted = false

    /// - Parameters:
    ///   - folder: a folder of the device's own, empty.
    init(_ system: BlockFileSystem, folder: String) throws {
        self.system = system
        disk = folder + "/disk"
        marks = folder + "/device"
        image = folder + "/image"
        for folder in [disk, marks] { try ScratchFiles.make(folder: folder) }
        try system.make(image: image, log: folder + "/log")
        var made: OpaquePointer?
        let error = cblocklog_start(image, marks, &made)
        guard error == 0, let made else { throw Files.failure("serving", image, errno: error) }
        do throws(StoreError) {
            (loop, path) = try OwnMounts.attach(marks + "/image")
        } catch {
            cblocklog_stop(made)
            throw error
        }
        log = made
        // The server has it open: whatever becomes of this process, the memory comes back.
        unlink(image)
        // Only what comes from here on belongs to a recording.
        _ = takeTape()
    }

    deinit {
        if isMounted { _ = cblocklog_unmount(disk, 1) }
        close(loop)
        cblocklog_stop(log)
    }

    // MARK: The file system

    func mount(options: String = "") throws(OwnMounts.Refusal) {
        // The image was changed below the kernel, which may remember what was there.
        let error = cblocklog_forget(loop)
        guard error == 0 else {
            throw OwnMounts.Refusal(description: "emptying the device's cache: \(Files.text(of: error))")
        }
        try OwnMounts.mount(path, at: disk, type: system.rawValue, options: options)
        isMounted = true
    }

    func unmount() throws(OwnMounts.Refusal) {
        guard isMounted else { return }
        isMounted = false
        try OwnMounts.unmount(disk)
    }

    /// Writes out what the kernel holds back, as it does now and then by itself.
    func synchronize() { _ = cblocklog_sync(disk) }

    // MARK: What was recorded elsewhere

    /// Writes as if it had come through the kernel, while nothing is mounted.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        try check(cblocklog_write(log, bytes.baseAddress, UInt32(bytes.count), UInt64(offset)))
    }

    func flush() throws { try check(cblocklog_flush(log)) }

    /// Puts what was said there onto the tape.
    func note(_ message: Message) throws { try check(cblocklog_mark(log, message.line)) }

    // MARK: The image

    /// What was written since the last call, or since the start.
    func takeTape() -> BlockTape {
        guard let tape = cblocklog_take(log) else { fatalError("no memory for a tape") }
        return BlockTape(tape)
    }

    func undo(_ tape: BlockTape) throws { try check(cblocklog_undo(log, tape.tape)) }

    /// Does writes of the tape again, for good.
    func advance(_ tape: BlockTape, _ range: Range<Int>) throws {
        try check(cblocklog_advance(log, tape.tape, range.lowerBound, range.upperBound))
    }

    /// Does parts of the tape's writes again, on the present tape.
    func put(_ pieces: [BlockPiece], of tape: BlockTape) throws {
        for piece in pieces {
            try check(
                cblocklog_put(
                    log, tape.tape, piece.index, UInt32(piece.part.lowerBound), UInt32(piece.part.count)))
        }
    }

    /// From here on so many writes and flushes fail; -1 for all, 0 for none.
    func fail(writes: Int, flushes: Int) { cblocklog_fail(log, CInt(writes), CInt(flushes)) }

    func save(to file: String) throws { try check(cblocklog_save(log, file)) }

    private func check(_ error: CInt) throws(StoreError) {
        guard error == 0 else { throw Files.failure("writing", image, errno: error) }
    }
}
