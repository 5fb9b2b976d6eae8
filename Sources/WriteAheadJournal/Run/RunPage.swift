// The file `run`: one mapped page that outlives the process, kept for the next start.
//
//   0    u64 magic "BKSTYRUN" · u32 version · u32 CRC-32C of bytes 16..<128
//   16   u64 epoch · i64 started (µs since 1970) · u64 pid · 64 bytes boot id, zero-filled · u64 XXH64 of the store id
//   112  u64 1 if the run has its tail in the file `tail`
//   128  the crash mark, written by the signal handler (CExitHooks.h: armed, signal, code, address, thread, handled,
//        …); it has no checksum, and counts only if all its words are of one crash
//   192  two slots of the sync mark: u64 LSN · u64 its complement
//   224  u64 poisoned (1 after an I/O error)
//
// Rules:
// 1. The page counts only if its checksum matches and its store id is this store's.
// 2. What it says about an end counts only if its epoch is that of the last row in `runs`.
// 3. A sync mark is stored only after the commit that it covers is durable. So a journal that ends before the newest
//    valid slot has lost something that was acknowledged. What is lost may include this run's own row in `runs`, so the
//    mark counts whatever the epoch.
// 4. After a power cut the page may be missing, or be of any earlier moment. It then proves less, never something
//    false.
//
// Why `@unchecked Sendable` and unsafe pointers are right: the address never changes while the object lives, and each
// word at it is written by one aligned atomic store.

internal import CMachine
internal import Synchronization
internal import SystemC

/// The page of this run, mapped for writing, and the reader of an earlier run's page.
package final class RunPage: @unchecked Sendable {
    /// The message for a page that is there and does not check.
    static func alteration(folder: String) -> String {
        "the page \(folder)/\(fileName) is altered: what it proved is not proved any more"
    }

    /// Whether a page that does not check was altered. Zeros, or less than a page, count as missing: a power cut leaves
    /// that of a page that was being made.
    static func isAltered(folder: String) throws(StoreError) -> Bool {
        let path = folder + "/" + fileName
        guard Files.exists(path) else { return false }
        return try Files.contentsIfThere(path, limit: size)?.contains { $0 != 0 } ?? true
    }

    package static let fileName = "run"
    static let size = 4096
    private static let magic: UInt64 = 0x4e55_5259_5453_4b42  // "BKSTYRUN" in file order. On disk.
    private static let version: UInt32 = 1
    private static let storeOffset = 104
    private static let keepsTailOffset = 112
    private static let crashMarkOffset = 128
    private static let syncMarkOffset = 192
    /// The signals that are ever marked (crash.c).
    private static let fatalSignals: Set<UInt64> = Set(
        [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS].map { UInt64($0) })
    private static let poisonedOffset = 224

    /// What the page of an earlier run says.
    package struct Image: Sendable {
        package var epoch: UInt64
        package var boot: String
        package var pid: Int32
        package var marksArmed: Bool
        package var fatalSignal: Int32
        package var fatalCode: Int64
        package var handledSignal: Int32
        package var syncMark: LSN
        package var poisoned: Bool
        /// The run's tail is in the file `tail`, and was there before this page.
        package var keepsTail: Bool
    }

    private let base: UnsafeMutableRawPointer
    private var nextSlot = 0

    /// Reads the page as an earlier run left it. Nil if it is missing, is short, does not check, or is another store's.
    ///
    /// - Throws: `ioError` if it is there and cannot be read.
    package static func read(folder: String, storeID: String) throws(StoreError) -> Image? {
        try Files.contentsIfThere(folder + "/" + fileName, limit: size).flatMap { image($0, storeID: storeID) }
    }

    /// Nil if the bytes are no page of this store.
    static func image(_ bytes: [UInt8], storeID: String) -> Image? {
        guard bytes.count >= size else { return nil }
        return bytes.withUnsafeBytes { raw -> Image? in
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: raw.load(fromByteOffset: offset, as: UInt64.self))
            }
            guard word(0) == magic,
                UInt32(littleEndian: raw.load(fromByteOffset: 8, as: UInt32.self)) == version,
                UInt32(littleEndian: raw.load(fromByteOffset: 12, as: UInt32.self))
                    == RecordFormat.crc(UnsafeRawBufferPointer(rebasing: raw[16..<128])),
                word(storeOffset) == Self.hash(storeID)
            else { return nil }
            let marks = [syncMarkOffset, syncMarkOffset + 16].compactMap { slot in
                word(slot) == ~word(slot + 8) ? word(slot) : nil
            }
            // A handler notes the thread, and the signal after it; marks are armed before. One altered bit cannot look
            // like that.
            let mark = word(crashMarkOffset + 8)
            let isMarked =
                word(crashMarkOffset) == 1 && word(crashMarkOffset + 32) != 0 && fatalSignals.contains(mark)
            return Image(
                epoch: word(16), boot: String(decoding: raw[40..<104].prefix { $0 != 0 }, as: UTF8.self),
                pid: Int32(truncatingIfNeeded: word(32)), marksArmed: word(crashMarkOffset) == 1,
                fatalSignal: isMarked ? Int32(truncatingIfNeeded: mark) : 0,
                fatalCode: Int64(bitPattern: word(crashMarkOffset + 16)),
                handledSignal: Int32(truncatingIfNeeded: word(crashMarkOffset + 40)),
                syncMark: LSN(marks.max() ?? 0), poisoned: word(poisonedOffset) != 0,
                keepsTail: word(keepsTailOffset) == 1)
        }
    }

    /// Begins this run's page, in place of an earlier one. Its blocks are written, and not only reserved: a store into
    /// a page without a block raises SIGBUS on a full disk.
    package init(
        folder: String, storeID: String, epoch: UInt64, started: Int64, boot: String = Machine.bootIdentity(),
        syncMark: LSN, keepsTail: Bool = false
    ) throws(StoreError) {
        let path = folder + "/" + Self.fileName
        let descriptor = Files.openAboveStreams(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Files.failure("opening", path) }
        defer { close(descriptor) }
        var page = [UInt8](repeating: 0, count: Self.size)
        page.withUnsafeMutableBytes { raw in
            func put(_ value: UInt64, _ offset: Int) {
                raw.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
            }
            put(epoch, 16)
            put(UInt64(bitPattern: started), 24)
            put(UInt64(getpid()), 32)
            for (index, byte) in boot.utf8.prefix(64).enumerated() { raw[40 + index] = byte }
            put(Self.hash(storeID), Self.storeOffset)
            put(keepsTail ? 1 : 0, Self.keepsTailOffset)
            put(Self.magic, 0)
            raw.storeBytes(of: Self.version.littleEndian, toByteOffset: 8, as: UInt32.self)
            let crc = RecordFormat.crc(UnsafeRawBufferPointer(rebasing: raw[16..<128]))
            raw.storeBytes(of: crc.littleEndian, toByteOffset: 12, as: UInt32.self)
            for slot in [Self.syncMarkOffset, Self.syncMarkOffset + 16] {
                put(syncMark.value, slot)
                put(~syncMark.value, slot + 8)
            }
        }
        let wrote = page.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, Self.size, 0) }
        guard wrote == Self.size, ftruncate(descriptor, off_t(Self.size)) == 0, Files.synchronize(descriptor) else {
            throw Files.failure("writing", path)
        }
        guard let map = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), map != MAP_FAILED
        else {
            throw Files.failure("mapping", path)
        }
        // A child must not write marks in its parent's name.
        cfilesystem_keep_from_children(map, UInt(Self.size))
        base = map
    }

    deinit { munmap(base, Self.size) }

    private static func hash(_ storeID: String) -> UInt64 { Array(storeID.utf8).withUnsafeBytes { XXH64.hash($0) } }

    /// Where the crash handler writes.
    package var crashMark: UnsafeMutableRawPointer { base + Self.crashMarkOffset }

    /// Notes that everything up to `lsn` is durable. One caller at a time. The page may get no block because a copy of
    /// the store shares it and the disk is full. The mark then stays as it is, and proves less.
    package func markSynced(_ lsn: LSN) {
        if cfilesystem_populate(base, UInt(Self.size)) != 0 && errno == EFAULT { return }
        let slot = Self.syncMarkOffset + nextSlot * 16
        nextSlot = 1 - nextSlot
        store(lsn.value, slot)
        store(~lsn.value, slot + 8)
    }

    /// Notes that an I/O error left the files in an unknown state.
    package func notePoisoned() { store(1, Self.poisonedOffset) }

    /// The same for a store whose run has no page of its own yet. The note goes into the page of an earlier run. If the
    /// store has none, it goes into a new page that says nothing else.
    package static func notePoisoned(folder: String, storeID: String) {
        let path = folder + "/" + fileName
        // A page that cannot be read now keeps what else it says.
        var isThere = true
        do throws(StoreError) { isThere = try read(folder: folder, storeID: storeID) != nil } catch {}
        if !isThere {
            // If this fails, too, nothing can be noted here. The next opening meets the same disk.
            guard let page = try? RunPage(folder: folder, storeID: storeID, epoch: 0, started: 0, syncMark: .zero)
            else { return }
            page.notePoisoned()
            return
        }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var mark = UInt64(1).littleEndian
        _ = pwrite(descriptor, &mark, 8, off_t(poisonedOffset))
    }

    private func store(_ value: UInt64, _ offset: Int) {
        (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(
            value.littleEndian, ordering: .releasing)
    }
}
