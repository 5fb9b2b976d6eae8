// The store itself, in the part of a rival.

internal import Backstay
internal import WriteAheadJournal

final class BackstayRival: RivalStore {
    private let store: StateStore
    private let level: Durability

    init(_ folder: String, _ level: Durability, vfs: String?) throws {
        var options = StoreOptions()
        options.vfs = vfs
        options.closesAtExit = false
        // The owner may have been killed a moment ago, with its locks on their way out.
        options.lockPatience = 5_000_000_000
        self.level = level
        do throws(StoreError) {
            store = try StateStore.open(folder + "/app.backstay", options: options)
        } catch {
            guard error.code == .damaged || error.code == .notAStore else { throw error }
            throw Noticed(what: error.message)
        }
    }

    func put(_ key: String, _ value: String) throws { try store.set(key, value, durability: level) }

    func entries() throws -> [String: String] {
        var entries: [String: String] = [:]
        for entry in try store.entries() { entries[entry.key] = try entry.value(as: String.self) }
        return entries
    }

    var said: String {
        (store.recovery.damage + [store.recovery.discardReason]).filter { !$0.isEmpty }.joined(separator: "; ")
    }

    func close() throws { try store.close() }
}
