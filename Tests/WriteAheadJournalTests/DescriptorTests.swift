// Descriptors that are closed under the store, and are another file's then.

#if os(Linux)
import Testing

@testable import WriteAheadJournal

#if canImport(Musl)
import Musl
#else
import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct DescriptorTests {
    /// Whatever SQLite this is: the check would be none without them.
    @Test func descriptorsOfDatabaseAndWALAreKnown() throws {
        let folder = try TemporaryFolder()
        try TinyStore(folder("s")).drop()
        let connection = try SQLiteConnection(folder("s/journal.db"), .readWrite, vfs: nil)
        defer { connection.close() }
        try connection.configureForWriting()
        _ = try connection.query("SELECT count(*) FROM meta") { $0.int(0) }
        connection.holdDescriptors()
        #expect(connection.descriptors.count == 2)
        #expect(throws: Never.self) { try connection.checkDescriptors() }
        for name in ["journal.db", "journal.db-wal"] {
            #expect(connection.descriptors.count { $0.isAt(folder("s/\(name)")) } == 1)
        }
    }

    private enum Taking { case closed, taken }

    /// Closes every descriptor of the store's, or gives its number to the file at `foreign`.
    ///
    /// - Returns: their numbers.
    private static func take(_ store: String, _ taking: Taking, _ foreign: Int32) -> [Int32] {
        var numbers: [Int32] = []
        for descriptor in Int32(3)..<1_024 {
            var name = [CChar](repeating: 0, count: 4_096)
            let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1)
            let path = String(decoding: name[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard path.hasPrefix(store + "/") else { continue }
            numbers.append(descriptor)
            if taking == .taken { dup2(foreign, descriptor) } else { close(descriptor) }
        }
        return numbers
    }

    /// In a process of its own: SQLite's locks of these files are gone with the descriptors. What the next start finds is the
    /// lab's to look at (`lab hooks`).
    private static func play(_ taking: Taking) throws -> Int32 {
        let folder = try TemporaryFolder()
        let path = try Files.resolved(folder.path) + "/s"
        let store = try TinyStore(path)
        try store.set("a", "1")
        try store.set("b", "2", .process)
        // A commit that is under way would meet them in its middle.
        guard eventually({ store.committer.lastDurable == store.committer.last }) else { return 9 }
        let foreign = open(folder("foreign"), O_RDWR | O_CREAT, 0o600)
        guard foreign >= 0, write(foreign, "mine", 4) == 4 else { return 2 }
        let taken = take(path, taking, foreign)
        guard taken.count >= 5 else { return 3 }
        let error = failure { try store.set("c", "3") }
        guard error?.code == .ioError, error?.outcome == .unknown else { return 4 }
        guard failure({ try store.set("d", "4") })?.code == .poisoned else { return 5 }
        try? store.close()
        guard Files.contents(folder("foreign")) == Array("mine".utf8) else { return 6 }
        // Its numbers are its own still.
        if taking == .taken, !taken.allSatisfy({ write($0, "!", 1) == 1 }) { return 7 }
        return 0
    }

    @Test func nothingIsWrittenIntoAFileThatHasTheStoresDescriptors() async {
        await #expect(processExitsWith: .exitCode(0)) { _exit(try DescriptorTests.play(.taken)) }
    }

    @Test func descriptorsThatAreClosedPoison() async {
        await #expect(processExitsWith: .exitCode(0)) { _exit(try DescriptorTests.play(.closed)) }
    }
}
#endif
