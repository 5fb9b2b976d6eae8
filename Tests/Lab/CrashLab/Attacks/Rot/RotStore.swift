// The stores that rot, as images of their files in memory, and what must be in them.
//
// Change n sets its own key, and a cell: one of seven keys that later changes set anew or remove. So a page of an earlier
// moment shows as a cell of an earlier moment, even where no key is missing.
//
//   clean  closed in order
//   live   killed: the newest changes are in the tail alone, those before in SQLite's WAL
//   mid    killed in the middle of a fold, after an SQLite checkpoint of both databases that was killed half-way
//   cut    the power went: `run` and `tail` are of an earlier moment than the journal

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// The files of a folder.
typealias RotImage = [String: [UInt8]]

struct RotStore: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case clean, live, mid, cut
    }

    var kind: Kind
    var image: RotImage
    /// The same store at an earlier moment.
    var earlier: RotImage
    /// Changes 1 to `changes` were acknowledged.
    var changes: Int
    /// Those that must be there whatever a report says; the rest may be reported as gone.
    var durable: Int

    static let cells = 7

    /// What is in a store after so many changes: keys with the words of their values.
    static func content(after changes: Int, seed: UInt64) -> [String: String] {
        var rows: [String: String] = [:]
        for number in stride(from: 1, through: changes, by: 1) {
            let change = Change(writer: 0, number: number)
            rows[change.key] = change.value(seed: seed).word
            rows["cell/\(number % cells)"] = "int:\(number)"
            if number % 5 == 0 { rows["cell/\((number + 3) % cells)"] = nil }
        }
        return rows
    }

    static func make(_ number: Int, in store: StateStore, seed: UInt64, _ durability: Durability) throws {
        let change = Change(writer: 0, number: number)
        try store.transaction(durability: durability) { tx in
            try tx.put(change, seed: seed)
            try tx.set("cell/\(number % cells)", number)
            if number % 5 == 0 { try tx.remove("cell/\((number + 3) % cells)") }
        }
    }

    /// Small in all its parts, with a committer that leaves the tail alone.
    static var options: StoreOptions {
        var options = StoreOptions()
        options.tailBytes = 64 << 10
        options.walBytesKept = 96 << 10
        options.reservedBytes = 6 << 10
        options.checkpointsByItself = false
        // As it is, and the kernel's log is not searched a thousand times a second.
        options.boot = Machine.bootIdentity()
        options.ageMax = 3_600_000_000_000
        options.closesAtExit = false
        return options
    }
}
