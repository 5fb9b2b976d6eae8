// What the suites of the tail share: a tail with a model beside it that knows every record ever published.

import Testing

@testable import WriteAheadJournal

import SystemC

/// One record as it was published.
struct PublishedRecord: Equatable {
    var lsn: UInt64
    var chain: UInt32
    /// Header, kind and body.
    var bytes: [UInt8]
    /// It went straight through: the ring has never held it.
    var isAlone = false
}

/// A tail in a file, or in memory, and beside it everything that was published.
final class ModelTail {
    static let epoch: UInt64 = 0x1234_5678_9abc_def0
    static let storeID = "a store of the model"

    let tail: Tail
    let folder: TemporaryFolder?
    private(set) var records: [PublishedRecord] = []
    /// So many records are in the journal, and the ring knows it.
    private(set) var released = 0
    /// Copied, not released yet: what the committer does while it syncs.
    private var copied: (end: UInt64, count: Int)?
    /// Where the ring's next record would begin, if it fits.
    private(set) var head = 0
    var laps: Int { head / tail.capacity }

    /// The chain before the first record.
    static let origin = ChainPosition(lsn: LSN(40), chain: 77, epoch: epoch)

    init(capacity: Int = 64 << 10, inMemory: Bool = false, epoch: UInt64 = ModelTail.epoch) throws {
        if inMemory {
            folder = nil
            tail = try Tail(inMemory: capacity, epoch: epoch)
        } else {
            let folder = try TemporaryFolder()
            self.folder = folder
            let file = try TailFile.prepare(folder: folder.path, capacity: capacity)
            tail = try TailFile.begin(file, storeID: Self.storeID, epoch: epoch)
            try #require(tail.outlivesProcess, "shared memory keeps a mapping")
        }
        self.epoch = epoch
    }

    private let epoch: UInt64

    /// Where the chain stands behind so many records.
    func position(_ count: Int) -> ChainPosition {
        var position =
            count == 0
            ? Self.origin : ChainPosition(lsn: LSN(records[count - 1].lsn), chain: records[count - 1].chain, epoch: 0)
        position.epoch = epoch
        return position
    }

    /// False: there is no room.
    func append(content: Int, fill byte: UInt8) throws -> Bool {
        if !tail.hasRoom(content) {
            guard try tail.makeRoom(content) else { return false }
        }
        let before = position(records.count)
        let appended = tail.append(.bytes, lsn: before.lsn.next, after: before.chain, content: content) {
            $0.initializeMemory(as: UInt8.self, repeating: byte)
        }
        note(before, content: content, byte, isAlone: false)
        #expect(appended.crc == records.last?.chain)
        let size = TailFormat.size(content: content)
        if head % tail.capacity + size > tail.capacity { head += tail.capacity - head % tail.capacity }
        head += size
        return true
    }

    private func note(_ before: ChainPosition, content: Int, _ byte: UInt8, isAlone: Bool) {
        var batch = RecordBatch()
        let crc = batch.append(.bytes, lsn: before.lsn.next, after: before.chain, epoch: epoch) {
            $0.append(contentsOf: repeatElement(byte, count: content - 1))
        }
        records.append(
            PublishedRecord(
                lsn: before.lsn.next.value, chain: crc, bytes: Array(batch.bytes[RecordFormat.batchHeaderSize...]),
                isAlone: isAlone))
    }

    /// As the committer does with a record that does not fit: what is before it, then itself.
    func passAlone(content: Int, fill byte: UInt8) {
        finishCopy()
        let (end, resume) = tail.leaveStripe()
        #expect(Int(end) == head)
        head = Int(resume)
        var batch = RecordBatch()
        let stopped = tail.copy(to: &batch, after: position(released).lsn, through: end)
        check(batch, from: released, through: records.count)
        #expect(stopped == end)
        tail.release(through: stopped)
        note(position(records.count), content: content, byte, isAlone: true)
        tail.release(through: resume)
        released = records.count
    }

    /// Copies what is published, as the committer does before its commit.
    func beginCopy() {
        guard copied == nil else { return }
        var batch = RecordBatch()
        let end = tail.copy(to: &batch, after: position(released).lsn)
        check(batch, from: released, through: records.count)
        copied = (end, records.count)
    }

    /// The commit has returned.
    func finishCopy() {
        guard let copied else { return }
        tail.release(through: copied.end)
        released = copied.count
        self.copied = nil
    }

    /// The journal has everything.
    func drain() {
        finishCopy()
        beginCopy()
        finishCopy()
    }

    private func check(_ batch: RecordBatch, from start: Int, through end: Int) {
        #expect(batch.count == end - start)
        let expected = records[start..<end].flatMap(\.bytes)
        #expect(Array(batch.bytes.dropFirst(RecordFormat.batchHeaderSize)) == expected, "records \(start)..<\(end)")
    }

    /// The file as another process reads it.
    func bytes() throws -> [UInt8] {
        let path = try #require(folder).path + "/" + TailFormat.fileName
        return try #require(Files.contents(path, limit: 1 << 30))
    }

    /// What a start would take from these bytes behind so many records. It must be records that were published, in order,
    /// from there on; nil where it is anything else.
    func recovered(_ bytes: [UInt8], after count: Int) -> Int? {
        guard let image = TailImage(bytes, storeID: Self.storeID) else { return 0 }
        let batch = image.records(after: position(count))
        guard !batch.isEmpty else { return 0 }
        let end = count + batch.count
        guard end <= records.count, batch.first.value == records[count].lsn,
            Array(batch.bytes[RecordFormat.batchHeaderSize...]) == records[count..<end].flatMap(\.bytes)
        else { return nil }
        return batch.count
    }
}
