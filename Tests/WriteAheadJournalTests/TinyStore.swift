// A store reduced to what recovery is about: a dictionary, the journal, and state.db folded from it, put together as the
// real one does it. Keys and values are short strings.

import WriteAheadJournal

final class TinyStore {
    let opening: JournalOpening
    let state: StateDatabase
    let committer: Committer
    private let lock: FolderLock
    private let page: RunPage
    private let follower: JournalFollower
    private let folder: String
    private(set) var values: [String: String] = [:]
    /// Records that came from the log, not from state.db.
    private(set) var replayed = 0

    init(_ path: String, _ options: JournalOpening.Options = .init()) throws {
        opening = try JournalOpening(path, options)
        folder = opening.folder
        var values: [String: String] = [:]
        var replayed = 0
        do {
            state = try StateDatabase(folder: opening.folder, vfs: nil)
            try state.load { _, key, _, value in
                values[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            }
            try opening.replay(after: state.meta.checkpoint, of: state.meta.storeID) { record in
                guard record.kind == .changes else { return }
                replayed += 1
                try OperationCodec.read(record.body) { operation in
                    let key = String(decoding: operation.key, as: UTF8.self)
                    values[key] = operation.code == .remove ? nil : String(decoding: operation.value, as: UTF8.self)
                }
            }
        } catch {
            opening.abandon()
            throw opening.keepingEvidence(error as? StoreError ?? StoreError(.ioError, "\(error)"))
        }
        let parts = try opening.finish()
        (committer, page, lock) = (parts.committer, parts.page, parts.lock)
        follower = try JournalFollower(folder: opening.folder, vfs: nil)
        self.values = values
        self.replayed = replayed
    }

    @discardableResult
    func set(_ key: String, _ value: String, _ durability: Durability = .power) throws -> Durability {
        let reached = try change(durability) { body in
            Array(key.utf8).withUnsafeBytes { key in
                Array(value.utf8).withUnsafeBytes { value in
                    OperationCodec.appendSet(key: key, kind: ValueKind.string.rawValue, value: value, to: &body)
                }
            }
        }
        values[key] = value
        return reached
    }

    func remove(_ key: String) throws {
        _ = try change(.power) { body in
            Array(key.utf8).withUnsafeBytes { OperationCodec.appendRemove(key: $0, to: &body) }
        }
        values[key] = nil
    }

    private func change(_ durability: Durability, _ body: (inout [UInt8]) -> Void) throws -> Durability {
        var bytes: [UInt8] = []
        body(&bytes)
        while case .wait = try committer.admit(durability, content: bytes.count + 1) {
            try committer.waitForRoom(bytes.count + 1)
        }
        let published = try committer.publish(.changes, content: bytes.count + 1) { $0.copyBytes(from: bytes) }
        return try committer.acknowledge(published, durability)
    }

    /// A checkpoint: fold everything, then trim up to the checkpoint before.
    func fold() throws {
        let fold = try follower.collect(
            after: state.meta.checkpoint, through: committer.lastDurable, contentBytesMax: 1 << 30)
        try state.apply(fold)
        while try !committer.withBackend({ (backend) throws(StoreError) in
            try backend.trim(through: state.meta.previous)
        }) {}
    }

    /// The files as a SIGKILL at this moment would leave them.
    func image() throws -> FolderImage { try FolderImage(ofLive: folder) }

    /// Gives everything up as a process does that is killed; the files are as they are.
    func drop() {
        _ = committer.stop()
        try? committer.close(marking: nil)
        follower.close()
        state.close()
        lock.release()
    }

    func close() throws {
        _ = committer.stop()
        try committer.close(marking: RunEnd(.clean, evidence: "test"))
        follower.close()
        state.close()
        lock.release()
    }
}
