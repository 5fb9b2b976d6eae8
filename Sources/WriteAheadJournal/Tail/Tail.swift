// The tail: a ring of the newest records. Its mapping outlives the process if the file system allows it.
//
// - Writers, one at a time: place → copy → crc → commit word (release) → high-water mark → published position
// - The committer, one at a time: copy what is published into a batch → its sync → drained position
//
// Two rules make it sound:
// 1. A record exists once its commit word is stored, and that word is stored last. So a kill at any instruction is
//    harmless.
// 2. The stripe with the oldest record that is not drained is never given out. So that record stays findable.
//
// Layout, protocol and recovery: docs/tail.md.
//
// Why `@unchecked Sendable` and unsafe pointers are right:
// - The addresses never change while the object lives.
// - `head` and `anchored` belong to whoever is the writer; the callers keep others out.
// - Positions that both sides read are atomic.
// - The bytes between `drained` and `published` are written before `published` covers them. They are not written again
//   until `drained` has passed them.

internal import CMachine
internal import Synchronization
internal import SystemC

/// The ring of one run's newest records.
package final class Tail: @unchecked Sendable {
    package let capacity: Int
    /// How many bytes kind and body of a record may have. A larger record is oversize.
    package let contentBytesMax: Int
    /// Whether records survive the process once they are published.
    package let outlivesProcess: Bool

    private let map: UnsafeMutableRawPointer
    private let data: UnsafeMutableRawPointer
    private let mask: UInt64
    private let stripeShift: UInt64
    private let epoch: UInt64

    private var head: UInt64 = 0
    private var anchored = UInt64.max

    private let published = Atomic<UInt64>(0)
    private let drained = Atomic<UInt64>(0)
    /// Writers may store below this position: the pages are there. Writers and the committer raise it, never above what
    /// is drained. So whoever reads it may overwrite what the committer has read.
    private let handed = Atomic<UInt64>(0)
    /// The pages have to be prepared again before the next store.
    private let isCold = Atomic<Bool>(true)

    /// Takes the mapping over. The mapping is unmapped with the object.
    private init(_ map: UnsafeMutableRawPointer, capacity: Int, outlivesProcess: Bool, epoch: UInt64) {
        self.map = map
        data = map + TailFormat.headerBytes
        self.capacity = capacity
        mask = UInt64(capacity - 1)
        stripeShift = UInt64((capacity / TailFormat.stripes).trailingZeroBitCount)
        contentBytesMax = Self.contentMax(capacity)
        self.outlivesProcess = outlivesProcess
        self.epoch = epoch
    }

    /// Makes a ring in private memory: records survive once they are committed.
    ///
    /// - Parameter outlivesProcess: true for a store that is meant to end with the process.
    package convenience init(
        inMemory capacity: Int, epoch: UInt64, outlivesProcess: Bool = false
    ) throws(StoreError) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let bytes = Self.rounded(capacity, atLeast: 1_024)
        guard let map = mmap(nil, TailFormat.headerBytes + bytes, PROT_READ | PROT_WRITE, flags, -1, 0),
            map != MAP_FAILED
        else { throw Files.failure("mapping", "memory for the tail") }
        self.init(map, capacity: bytes, outlivesProcess: outlivesProcess, epoch: epoch)
    }

    /// Begins a run's ring in a file of the right size whose blocks are there. What the file held before is gone then.
    convenience init(
        mapping descriptor: Int32, path: String, capacity: Int, storeID: String, epoch: UInt64
    ) throws(StoreError) {
        let length = TailFormat.headerBytes + capacity
        guard let map = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), map != MAP_FAILED else {
            throw Files.failure("mapping", path)
        }
        // A child must not publish in its parent's name.
        cfilesystem_keep_from_children(map, UInt(length))
        self.init(map, capacity: capacity, outlivesProcess: true, epoch: epoch)
        try Self.populate(map, TailFormat.headerBytes + 8, path)
        // A reader that finds no anchor looks here to learn whether there ever was a record.
        store(0, data)
        // Without its magic the header does not count, so a header that a kill leaves half done is no ring.
        store(0, map)
        for offset in stride(from: 8, to: TailFormat.headerBytes, by: 8) { store(0, map + offset) }
        let header = TailFormat.Header(epoch: epoch, storeID: storeID, capacity: capacity).encoded
        header.withUnsafeBytes { bytes in
            for offset in stride(from: 56, through: 0, by: -8) {
                store(UInt64(littleEndian: bytes.load(fromByteOffset: offset, as: UInt64.self)), map + offset)
            }
        }
    }

    deinit { munmap(map, TailFormat.headerBytes + capacity) }

    /// The capacity for the size that was asked for: a power of two.
    package static func rounded(_ bytes: Int, atLeast least: Int = TailFormat.capacityMin) -> Int {
        var capacity = least
        while capacity < bytes && capacity < TailFormat.capacityMax { capacity <<= 1 }
        return capacity
    }

    /// The largest content that fits into an empty ring wherever its head stands. The record then comes after a gap no
    /// longer than itself, and one stripe is kept.
    static func contentMax(_ capacity: Int) -> Int {
        (capacity - capacity / TailFormat.stripes) / 2 - 4 * RecordFormat.recordHeaderSize
    }

    // MARK: The writer's side

    /// Where a record of `content` bytes would begin, and how many bytes it takes.
    @inline(__always)
    private func place(_ content: Int) -> (start: UInt64, size: Int) {
        let size = TailFormat.size(content: content)
        let offset = Int(head & mask)
        return (offset + size <= capacity ? head : head + UInt64(capacity - offset), size)
    }

    /// Where the stripe of a position begins.
    @inline(__always)
    private func floor(_ position: UInt64) -> UInt64 { (position >> stripeShift) << stripeShift }

    /// Positions from here on hold what is not drained yet.
    @inline(__always)
    private var limit: UInt64 {
        return floor(drained.load(ordering: .acquiring)) + UInt64(capacity)
    }

    /// Whether a record of `content` bytes may be appended now.
    @inline(__always)
    package func hasRoom(_ content: Int) -> Bool {
        let (start, size) = place(content)
        return start + UInt64(size) + 8 <= handed.load(ordering: .acquiring) && content <= contentBytesMax
            && !isCold.load(ordering: .relaxed)
    }

    /// Whether there is room for a record of `content` bytes, as far as anyone but the writer can tell.
    func mayHold(_ content: Int) -> Bool {
        guard content <= contentBytesMax else { return true }
        let at = published.load(ordering: .acquiring)
        let size = TailFormat.size(content: content)
        let offset = Int(at & mask)
        let start = offset + size <= capacity ? at : at + UInt64(capacity - offset)
        return start + UInt64(size) + 8 <= limit
    }

    /// Prepares the pages that a record of `content` bytes needs.
    ///
    /// - Returns: false if records have to be drained first.
    /// - Throws: `diskFull` if the file system cannot give the pages their blocks.
    package func makeRoom(_ content: Int) throws(StoreError) -> Bool {
        let (start, size) = place(content)
        let end = start + UInt64(size) + 8
        guard content <= contentBytesMax, end <= limit else { return false }
        let ready = handed.load(ordering: .acquiring)
        let from = isCold.load(ordering: .relaxed) ? min(head, ready) : ready
        let through = max(floor(end + stripe - 1), ready)
        try populate(from: from, through: through)
        handed.max(through, ordering: .acquiringAndReleasing)
        isCold.store(false, ordering: .relaxed)
        return true
    }

    /// Whether writers will soon have to prepare their pages themselves.
    var runsShort: Bool { handed.load(ordering: .acquiring) < ahead }

    /// Prepares the pages that come next. The committer calls it, so that writers seldom have to.
    func prepareAhead() { extend(from: handed.load(ordering: .acquiring), through: ahead) }

    private var ahead: UInt64 { min(floor(published.load(ordering: .relaxed)) + 4 * stripe, limit) }

    /// Prepares the pages again that writers already have. The committer calls it once a second, because a copy that is
    /// made of the store may come to share these pages.
    func refresh() {
        extend(from: published.load(ordering: .relaxed), through: handed.load(ordering: .acquiring))
    }

    /// A failure here is left to the next writer, which meets the same one and can report it.
    private func extend(from: UInt64, through: UInt64) {
        do throws(StoreError) {
            try populate(from: from, through: through)
            handed.max(through, ordering: .acquiringAndReleasing)
        } catch {
            isCold.store(true, ordering: .relaxed)
        }
    }

    private func populate(from: UInt64, through: UInt64) throws(StoreError) {
        guard outlivesProcess else { return }
        var at = floor(from)
        while at < through {
            try Self.populate(data + Int(at & mask), Int(stripe), "the tail")
            at += stripe
        }
        try Self.populate(map, TailFormat.headerBytes, "the tail")
    }

    private var stripe: UInt64 { UInt64(1) << stripeShift }

    /// What became of an append, for the committer.
    struct Appended {
        var crc: UInt32
        /// Everything before it was drained, so maybe nobody is waiting to drain this one.
        var isFirst: Bool
        /// It begins a stripe: a moment to look how full the ring is.
        var beginsStripe: Bool
    }

    /// Publishes a record. `hasRoom` or `makeRoom` must have said yes, with other writers kept out since then.
    ///
    /// - Parameter fill: writes the record's body, which is one byte shorter than `content`.
    @inline(__always)
    func append(
        _ kind: RecordKind, lsn: LSN, after chain: UInt32, content: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Appended {
        let before = head
        let (start, size) = place(content)
        let record = data + Int(start & mask)
        store(0, data + Int((start + UInt64(size)) & mask))
        // The record before has zeroed it, with one exception: the first record of the ring, or of a stripe that was
        // left for it.
        if start != before || anchored == .max { store(0, record) }
        record.storeBytes(of: kind.rawValue, toByteOffset: RecordFormat.recordHeaderSize, as: UInt8.self)
        fill(UnsafeMutableRawBufferPointer(start: record + RecordFormat.recordHeaderSize + 1, count: content - 1))
        let crc = RecordFormat.chain(
            after: chain, epoch: epoch, lsn: lsn.value,
            content: UnsafeRawBufferPointer(start: record + RecordFormat.recordHeaderSize, count: content))
        let beginsStripe = start >> stripeShift != anchored
        if beginsStripe {
            anchor(TailFormat.Anchor(position: start, lsn: lsn.value, chain: chain))
            anchored = start >> stripeShift
        }
        store(UInt64(UInt32(truncatingIfNeeded: content)) | UInt64(crc) << 32, record)
        if start != before { store(UInt64(TailFormat.skip), data + Int(before & mask)) }
        // After the commit word: a kill in between leaves a mark that proves less. There are two slots, so that one is
        // always whole.
        noteHighWater(lsn)
        head = start + UInt64(size)
        // Together with `release(through:)`: if the two pass each other, at least one sees the other.
        published.store(head, ordering: .sequentiallyConsistent)
        return Appended(
            crc: crc, isFirst: drained.load(ordering: .sequentiallyConsistent) >= before, beginsStripe: beginsStripe)
    }

    @inline(__always)
    private func noteHighWater(_ lsn: LSN) {
        let slot = map + TailFormat.highWaterOffset + Int(lsn.value & 1) * 16
        store(lsn.value, slot)
        store(~lsn.value, slot + 8)
    }

    /// Raises the high-water mark to an oversize record that is committed. The committer calls it while nobody
    /// publishes. Otherwise the ring would look as if it were of an earlier moment than the journal. If the page has no
    /// block, the mark stays, and proves less.
    func noteOversizeCommitted(_ lsn: LSN) {
        guard outlivesProcess, (try? Self.populate(map, TailFormat.headerBytes, "the tail")) != nil else { return }
        noteHighWater(lsn)
    }

    /// Leaves the rest of the stripe empty, so that the next record has an anchor. It needs one because the record
    /// before it is not in the ring.
    ///
    /// - Returns: where the ring ends now, and where it continues.
    func leaveStripe() -> (end: UInt64, resume: UInt64) {
        let end = head
        head = floor(head + stripe - 1)
        anchored = .max
        return (end, head)
    }

    private func anchor(_ anchor: TailFormat.Anchor) {
        let place =
            map + TailFormat.anchorsOffset
            + Int((anchor.position & mask) >> stripeShift) * TailFormat.anchorBytes
        let words = anchor.words(epoch: epoch)
        store(0, place + 16)
        store(words.0, place)
        store(words.1, place + 8)
        store(words.2, place + 16)
    }

    @inline(__always)
    private func store(_ value: UInt64, _ place: UnsafeMutableRawPointer) {
        place.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(value.littleEndian, ordering: .releasing)
    }

    // MARK: The committer's side

    /// Whether all published records are drained.
    var isDrained: Bool {
        drained.load(ordering: .sequentiallyConsistent) >= published.load(ordering: .sequentiallyConsistent)
    }

    /// Bytes from the oldest record that is not drained to the newest.
    package var bytesUsed: Int {
        Int(
            published.load(ordering: .acquiring)
                &- min(drained.load(ordering: .acquiring), published.load(ordering: .acquiring)))
    }

    /// Copies published records that are not drained to the end of the batch. If `end` is given, only records before it
    /// are copied. Copying stops once the batch has `bytesMax`.
    ///
    /// - Returns: the position after the last one, for `release(through:)`.
    func copy(to batch: inout RecordBatch, after lsn: LSN, through end: UInt64? = nil, bytesMax: Int = .max) -> UInt64 {
        var at = drained.load(ordering: .relaxed)
        let stop = end ?? published.load(ordering: .acquiring)
        var lsn = lsn
        while at < stop {
            if batch.bytes.count >= bytesMax { return at }
            let record = data + Int(at & mask)
            let length = UInt32(littleEndian: record.load(as: UInt32.self))
            guard length != TailFormat.skip else {
                at = (at | mask) + 1
                continue
            }
            let bytes = RecordFormat.recordHeaderSize + Int(length)
            lsn = lsn.next
            batch.append(encoded: UnsafeRawBufferPointer(start: record, count: bytes), lsn: lsn, epoch: epoch)
            at += UInt64(TailFormat.size(content: Int(length)))
        }
        return max(at, stop)
    }

    /// The records up to this position are in the journal, synced. Their space may be used again.
    func release(through position: UInt64) { drained.store(position, ordering: .sequentiallyConsistent) }

    /// Has the next writer prepare its pages again, after a pause in which nobody did.
    func cool() { isCold.store(true, ordering: .relaxed) }

    // MARK: Pages

    /// Gives the pages their blocks, and reports a failure to do so. If the kernel cannot do it (before Linux 5.14),
    /// the tail is not mapped at all.
    static func populate(_ start: UnsafeMutableRawPointer, _ bytes: Int, _ path: String) throws(StoreError) {
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = UInt(bitPattern: start) / page * page
        let last = (UInt(bitPattern: start) + UInt(bytes) + page - 1) / page * page
        while cfilesystem_populate(UnsafeMutableRawPointer(bitPattern: first), last - first) != 0 {
            let code = errno
            if code == EINTR || code == EAGAIN { continue }
            // EFAULT stands for the SIGBUS that a store would have raised.
            guard code == EFAULT || code == ENOSPC || code == EDQUOT else {
                throw Files.failure("preparing the pages of", path, errno: code)
            }
            throw StoreError(
                .diskFull, "no space left for the pages of \(path): free some space and try again", cause: code,
                location: .init(file: path))
        }
    }
}
