// The tail: a ring of the newest records, in a mapping that outlives the process where the file system allows it.
//
// Writers, one at a time:   place → copy → crc → commit word (release) → mark → published position
// The committer, one at a time:   copy what is published into a batch → its sync → drained position
//
// The rule that makes a kill at any instruction harmless: a record exists once its commit word is stored, and that is
// stored last. The rule that keeps it findable: the stripe that holds the oldest record not drained is never given out.
// Layout, protocol and recovery: docs/tail.md.
//
// Why `@unchecked Sendable` and unsafe pointers are right: the addresses never change while the object lives. `head`
// and `anchored` belong to whoever is the writer (the callers keep others out); positions that both sides read
// are atomic; the bytes between `drained` and `published` are written before `published` says so and are not written
// again until `drained` has passed them.

internal import CMachine
internal import Synchronization
internal import SystemC

package final class Tail: @unchecked Sendable {
    package let capacity: Int
    /// Kind and body of a record may have so many bytes; a larger one goes straight through.
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
    /// Writers may store below here: the pages are there. Raised by writers and by the committer, never above what is
    /// drained, so whoever reads it may overwrite what the committer has read.
    private let handed = Atomic<UInt64>(0)
    /// Pages have to be made sure of again before the next store.
    private let isCold = Atomic<Bool>(true)

    /// Takes the mapping over: it is unmapped with the object.
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

    /// A ring in private memory: records survive once they are committed.
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

    /// Begins a run's ring in a file of the right size whose blocks are there. What the file held is gone afterwards.
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
        // A reader that finds no anchor looks here, whether there ever was a record.
        store(0, data)
        // Without its magic the header does not count: whatever a kill leaves half done is no ring.
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

    /// The capacity for so many bytes that were asked for: a power of two.
    package static func rounded(_ bytes: Int, atLeast least: Int = TailFormat.capacityMin) -> Int {
        var capacity = least
        while capacity < bytes && capacity < TailFormat.capacityMax { capacity <<= 1 }
        return capacity
    }

    /// A record of so many bytes fits into an empty ring wherever its head stands: behind a gap no longer than itself,
    /// with one stripe kept.
    static func contentMax(_ capacity: Int) -> Int {
        (capacity - capacity / TailFormat.stripes) / 2 - 4 * RecordFormat.recordHeaderSize
    }

    // MARK: The writer's side

    /// Where a record of so many content bytes would begin, and the bytes it takes.
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

    /// Whether a record of so many content bytes may be appended now.
    @inline(__always)
    package func hasRoom(_ content: Int) -> Bool {
        let (start, size) = place(content)
        return start + UInt64(size) + 8 <= handed.load(ordering: .acquiring) && content <= contentBytesMax
            && !isCold.load(ordering: .relaxed)
    }

    /// Whether there is room for a record of so many content bytes, as far as anyone but the writer can tell.
    func mayHold(_ content: Int) -> Bool {
        guard content <= contentBytesMax else { return true }
        let at = published.load(ordering: .acquiring)
        let size = TailFormat.size(content: content)
        let offset = Int(at & mask)
        let start = offset + size <= capacity ? at : at + UInt64(capacity - offset)
        return start + UInt64(size) + 8 <= limit
    }

    /// Makes sure of the pages that a record of so many content bytes needs.
    ///
    /// - Returns: false where records have to be drained first.
    /// - Throws: `diskFull` where the file system cannot give the pages their blocks.
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

    /// Whether writers will soon have to see to their pages themselves.
    var runsShort: Bool { handed.load(ordering: .acquiring) < ahead }

    /// For the committer, so that writers seldom have to: makes sure of the pages that come next.
    func prepareAhead() { extend(from: handed.load(ordering: .acquiring), through: ahead) }

    private var ahead: UInt64 { min(floor(published.load(ordering: .relaxed)) + 4 * stripe, limit) }

    /// For the committer, once a second: a copy made of the store meanwhile may share the pages that writers have.
    func refresh() {
        extend(from: published.load(ordering: .relaxed), through: handed.load(ordering: .acquiring))
    }

    /// Where it fails, the next writer meets the same failure and can say so.
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
        /// Everything before was drained: nobody may be waiting to drain this one.
        var isFirst: Bool
        /// It begins a stripe: a moment to look how full the ring is.
        var beginsStripe: Bool
    }

    /// Publishes a record. Only after `hasRoom` or `makeRoom` said yes, with other writers kept out in between.
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
        // Zeroed by the record before, but for the first one of the ring or of a stripe that was left for it.
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
        // Behind the commit word: a kill in between leaves a mark that proves less. Two slots, so that one is always whole.
        noteHighWater(lsn)
        head = start + UInt64(size)
        // Together with `release(through:)`: of two that pass each other at least one sees the other.
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

    /// For the committer, of a record that went by itself and is committed, while nobody publishes: without it the ring would
    /// look as if it were of an earlier moment than the journal. Where the page has no block, the mark proves less.
    func noteOversizeCommitted(_ lsn: LSN) {
        guard outlivesProcess, (try? Self.populate(map, TailFormat.headerBytes, "the tail")) != nil else { return }
        noteHighWater(lsn)
    }

    /// Leaves the rest of the stripe empty, so that the next record has an anchor: the one before it is not in the ring.
    ///
    /// - Returns: where the ring ends now, and where it goes on.
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

    /// Whether there are published records that are not drained.
    var isDrained: Bool {
        drained.load(ordering: .sequentiallyConsistent) >= published.load(ordering: .sequentiallyConsistent)
    }

    /// Bytes between the oldest record that is not drained and the newest.
    package var bytesUsed: Int {
        Int(
            published.load(ordering: .acquiring)
                &- min(drained.load(ordering: .acquiring), published.load(ordering: .acquiring)))
    }

    /// Copies published records that are not drained to the end of the batch: only those before `end`, if given, and no more
    /// once it has `bytesMax`.
    ///
    /// - Returns: the position behind the last one, for `release(through:)`.
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

    /// The records up to this position are in the journal, synced: their space may be used again.
    func release(through position: UInt64) { drained.store(position, ordering: .sequentiallyConsistent) }

    /// Has the next writer make sure of its pages again, after a pause in which nobody did.
    func cool() { isCold.store(true, ordering: .relaxed) }

    // MARK: Pages

    /// Gives the pages their blocks, and reports where that fails. Where the kernel cannot (before Linux 5.14) the tail is
    /// not mapped at all.
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
