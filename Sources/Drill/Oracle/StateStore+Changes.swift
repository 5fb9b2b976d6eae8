// What is in a store, as the oracles compare it; and a change put into one.

package import Backstay
package import WriteAheadJournal

extension StateStore {
    /// Every key with the word of its value.
    package func rows() throws(StoreError) -> [String: String] {
        var rows: [String: String] = [:]
        for entry in try entries() { rows[entry.key] = try entry.word }
        return rows
    }

    @available(*, noasync)
    @discardableResult
    package func put(_ change: Change, seed: UInt64, _ level: Durability) throws(StoreError) -> Receipt {
        switch change.value(seed: seed) {
        case .int(let value): try set(change.key, value, durability: level)
        case .text(let value): try set(change.key, value, durability: level)
        }
    }

    @discardableResult
    package func put(_ change: Change, seed: UInt64, _ level: Durability) async throws(StoreError) -> Receipt {
        switch change.value(seed: seed) {
        case .int(let value): try await set(change.key, value, durability: level)
        case .text(let value): try await set(change.key, value, durability: level)
        }
    }
}

extension StateStore.Transaction {
    package func put(_ change: Change, seed: UInt64) throws(StoreError) {
        switch change.value(seed: seed) {
        case .int(let value): try set(change.key, value)
        case .text(let value): try set(change.key, value)
        }
    }
}

extension StateStore.Entry {
    /// The word of its value (`ChangeValue.word`); of a kind that no change has, one that equals none of them.
    package var word: String {
        get throws(StoreError) {
            switch type {
            case "int": ChangeValue.int(try value(as: Int.self)).word
            case "string": ChangeValue.text(try value(as: String.self)).word
            default: "\(type):"
            }
        }
    }
}
