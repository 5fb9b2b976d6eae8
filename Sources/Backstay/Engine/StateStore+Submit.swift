// The one loop of every single change: publish, or wait for room and come back. Then wait until it has reached its
// level.
//
// Transactions have the same loop in StateStore+Transaction.swift, because their bodies throw what they like.

internal import WriteAheadJournal

extension StateStore {
    /// Publishes a change and returns when it has reached its level. The calling thread may do the commit.
    ///
    /// - Parameters:
    ///   - contentBytes: the bytes of its record, kind included: the room to wait for.
    ///   - publish: nil if the tail is full.
    @inline(__always)
    func submit(
        contentBytes: Int, _ level: Durability, _ publish: () throws(StoreError) -> Published?
    ) throws(StoreError) -> Receipt {
        while true {
            if let published = try publish() { return try acknowledge(published, level) }
            try core.committer?.waitForRoom(contentBytes)
        }
    }

    func submit(_ change: EncodedChange, _ durability: Durability?) throws(StoreError) -> Receipt {
        let level = durability ?? core.options.durability
        return try submit(contentBytes: change.contentBytes, level) { () throws(StoreError) in
            try change.publish(core, level)
        }
    }

    /// The same without holding a thread. Cancellation counts before the change is admitted, not after.
    func submit(_ change: EncodedChange, _ durability: Durability?) async throws(StoreError) -> Receipt {
        let level = durability ?? core.options.durability
        try Self.checkCancellation()
        while true {
            if let published = try change.publish(core, level) { return try await acknowledge(published, level) }
            await core.committer?.waitForRoom(change.contentBytes)
        }
    }

    func acknowledge(_ published: Published, _ level: Durability) throws(StoreError) -> Receipt {
        let reached = try core.committer?.acknowledge(published, level) ?? level
        return Receipt(lsn: published.lsn, durability: reached, chain: published.chain)
    }

    func acknowledge(_ published: Published, _ level: Durability) async throws(StoreError) -> Receipt {
        let reached = try await core.committer?.acknowledge(published, level) ?? level
        return Receipt(lsn: published.lsn, durability: reached, chain: published.chain)
    }

    static func checkCancellation() throws(StoreError) {
        if Task.isCancelled {
            throw StoreError(.cancelled, "the task was cancelled before the change was admitted: nothing was changed")
        }
    }
}
