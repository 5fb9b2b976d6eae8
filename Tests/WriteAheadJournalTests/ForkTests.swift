import Testing
import WriteAheadJournal

import SystemC

/// What a forked child does must not harm its parent's store: SQLite's own locks and files are shared with it, and in
/// other ways than one would wish (https://www.sqlite.org/howtocorrupt.html, 2.6).
@Suite struct ForkTests {
    @Test(arguments: ["_exit", "exit", "drop", "append", "close", "open", "read"])
    func childDoesNoHarm(what: String) async throws {
        let folder = try TemporaryFolder(onDisk: true)
        await #expect(processExitsWith: .success) { [path = folder("s") as String, what = what as String] in
            try parent(path, what)
        }
        // The parent was never told; what it acknowledged after the child's end is there.
        #expect(try recordsOf(folder("s")) == (0..<4).map(record))
        let reader = try StoreReader(folder("s"))
        #expect(try reader.runs().first?.end?.kind == .clean)
        reader.close()
    }

    /// A server that forks workers and is killed: its next start must not wait for them.
    @Test func childThatOutlivesItsKilledOwnerDoesNotKeepTheStore() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        await #expect(processExitsWith: .success) { [path = folder("s") as String] in
            try ownerWithALingeringChild(path)
        }
        #expect(try recordsOf(folder("s")) == (0..<2).map(record))
    }
}

private func ownerWithALingeringChild(_ path: String) throws {
    let channel = try Channel()
    let owner = try child {
        let journal = try Journal(path) { _, _ in }
        try journal.append(record(0))
        channel.send(try child {})
        withExtendedLifetime(journal) { while true { pause() } }
    }
    let lingering = try #require(channel.receive())
    reap(owner)
    defer { kill(lingering, SIGKILL) }
    #expect(Machine.isAlive(lingering))
    let journal = try Journal(path) { _, _ in }
    try journal.append(record(1))
    try journal.close()
    #expect(Machine.isAlive(lingering))
}

private func parent(_ path: String, _ what: String) throws {
    var journal: Journal? = try Journal(path) { _, _ in }
    try journal?.append(record(0))
    try journal?.append(record(1))
    let pid = try forkProcess()
    if pid == 0 {
        // Status 0: all was as it should be.
        switch what {
        case "_exit": _exit(0)
        case "exit": exit(0)
        case "drop":
            journal = nil
            exit(0)
        case "append":
            let error = failure { try journal?.append([9]) }
            let trim = failure { try journal?.trim(through: LSN(1)) }
            _exit(error?.code == .forked && error?.outcome == .rejected && trim?.code == .forked ? 0 : 3)
        case "close":
            let error = failure { try journal?.close() }
            journal = nil
            _exit(error?.code == .forked ? 0 : 3)
        case "open":
            // The parent holds it.
            let error = failure { _ = try Journal(path) { _, _ in } }
            _exit(error?.code == .busy ? 0 : 3)
        default:
            // A reader of its own, beside the parent.
            var count = 0
            guard let reader = try? StoreReader(path), reader.isLive else { _exit(4) }
            _ = try? reader.records { record, _ in if record.kind == .bytes { count += 1 } }
            reader.close()
            _exit(count == 2 ? 0 : 3)
        }
    }
    #expect(waitForEnd(of: pid) == 0)
    let wal = Files.size(path + "/journal.db-wal")
    #expect((wal ?? 0) > 0, "the SQLite WAL is where it was")
    try journal?.append(record(2))
    #expect(failure { _ = try FolderLock.exclusive(folder: path, create: false, patience: 0) }?.code == .busy)
    let copy = try FolderImage(ofLive: path)
    try copy.write(to: path + ".copy")
    #expect(try recordsOf(path + ".copy") == (0..<3).map(record))
    try journal?.append(record(3))
    try journal?.close()
}
