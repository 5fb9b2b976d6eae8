// Backstay's journal by itself: bytes in, LSNs out. It keeps no state to read; a scan opens it again and replays.
//
// Why `@unchecked Sendable` is right: the journal's calls may come from any thread; `folder` does not change, and `journal`
// is replaced by `scan` only, which no workload calls beside another call.

import WriteAheadJournal

final class JournalEngine: Engine, @unchecked Sendable {
    private var journal: Journal
    private let folder: String
    private let level: Durability

    init(_ folder: String, _ guarantee: Guarantee) throws {
        self.folder = folder + "/journal"
        journal = try Journal(self.folder) { _, _ in }
        level = guarantee == .power ? .power : .process
    }

    func put(_ entry: Entry) throws { try journal.append(entry.value, durability: level) }

    func put(_ batch: [Entry]) throws { throw Failure("the journal knows no keys, hence no batches of them") }

    func putFromTask(_ entry: Entry) async throws { try await journal.append(entry.value, durability: level) }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        throw Failure("the journal keeps no state to read")
    }

    /// The last value of each key, in the order of keys: what a program that replays would have.
    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        try journal.close()
        var latest: [Int: [UInt8]] = [:]
        journal = try Journal(folder) { _, bytes in
            // A value names its key: Values.swift.
            latest[Int(bytes.loadUnaligned(as: UInt64.self))] = Array(bytes)
        }
        for (number, value) in latest.sorted(by: { $0.key < $1.key }) {
            try Key(number).withBytes { key in try value.withUnsafeBytes { try entry(key, $0) } }
        }
    }

    func close() throws { try journal.close() }
}
