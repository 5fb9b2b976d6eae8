// Backstay as its users call it: `set`, `transaction`, `get`, `entries`.

import Backstay

final class BackstayEngine: Engine {
    private let store: StateStore
    private let level: Durability

    init(_ folder: String, _ guarantee: Guarantee) throws {
        var options = StoreOptions()
        // The program removes its stores when it ends early: nothing is left to close.
        options.closesAtExit = false
        store = try StateStore.open(folder + "/store", options: options)
        level = guarantee == .power ? .power : .process
    }

    func put(_ entry: Entry) throws { try store.set(entry.key.text, entry.value, durability: level) }

    func put(_ batch: [Entry]) throws {
        try store.transaction(durability: level) { tx in
            for entry in batch { try tx.set(entry.key.text, entry.value) }
        }
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        guard let value = try store.get(key.text, as: [UInt8].self) else { return false }
        try value.withUnsafeBytes(found)
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        for found in try store.entries() {
            var key = found.key
            let value = try found.value(as: [UInt8].self)
            try key.withUTF8 { key in
                try value.withUnsafeBytes { value in try entry(UnsafeRawBufferPointer(key), value) }
            }
        }
    }

    func putFromTask(_ entry: Entry) async throws {
        try await store.set(entry.key.text, entry.value, durability: level)
    }

    /// Folds the log, so that folding does not go on while another has its turn.
    func settle() throws {
        try store.sync()
        try store.checkpoint()
    }

    func close() throws { try store.close() }
}
