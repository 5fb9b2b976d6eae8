import Testing

@testable import WriteAheadJournal

import SystemC

/// Opens the journal at a path and gives it up again; the records it holds.
@discardableResult
func recordsOf(_ path: String, appending bytes: [UInt8]? = nil) throws -> [[UInt8]] {
    var records: [[UInt8]] = []
    let journal = try Journal(path) { records.append(Array($1)) }
    if let bytes { try journal.append(bytes) }
    try journal.close()
    return records
}

@Suite struct StoreFolderTests {
    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : 0
    }

    /// A process that has ended.
    private func deadPID() throws -> String { String(try shell("sh -c 'echo $$'").dropLast()) }

    @Test func newStoreIsWholeAndPrivate() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let before = umask(0)
        defer { umask(before) }
        let journal = try Journal(folder("s")) { _, _ in Issue.record("a new journal has no records") }
        try journal.append([1])
        #expect(mode(folder("s")) == 0o700)
        for name in Files.names(in: folder("s")) { #expect(mode(folder("s/\(name)")) == 0o600, "\(name)") }
        #expect(Files.names(in: folder.path) == ["s"])
        #expect(journal.lastEnd.kind == .none)
        try journal.close()
        #expect(try recordsOf(folder("s")) == [[1]])
    }

    @Test func emptyFolderBecomesAStore() throws {
        let folder = try TemporaryFolder(onDisk: true)
        mkdir(folder("s"), 0o755)
        #expect(try StoreFolder.classify(folder("s")) == .emptyFolder)
        #expect(try StoreFolder.classify(folder("t")) == .nothing)
        try recordsOf(folder("s"))
        #expect(try StoreFolder.classify(folder("s")) == .store)
    }

    // MARK: Crashes while a store comes to be

    /// What a creator killed after each of its steps leaves beside the place: nothing of it is ever taken for a store.
    @Test func leftoversOfDeadCreatorsAreRemoved() throws {
        let dead = try deadPID()
        let model = try TemporaryFolder()
        try recordsOf(model("s"))
        let whole = try FolderImage(of: model("s")).files
        let half = Array((whole["journal.db"] ?? []).prefix(5_000))
        let steps: [[String: [UInt8]]] = [
            [:], ["lock": []], ["lock": [1], "journal.db": half, "journal.db-journal": half],
            ["lock": [1], "journal.db": whole["journal.db"] ?? []],
            ["lock": [1], "journal.db": whole["journal.db"] ?? [], "state.db": whole["state.db"] ?? []],
            // A remover that was killed in its turn.
            ["state.db": half],
        ]
        for (number, files) in steps.enumerated() {
            let folder = try TemporaryFolder()
            var image = try FolderImage(of: folder.path)
            image.files = files
            try image.write(to: folder(".s.creating-\(dead)-abc"))
            try image.write(to: folder(".s.creating-\(getpid())-abd"))
            #expect(try recordsOf(folder("s"), appending: [9]) == [], "step \(number)")
            #expect(Files.names(in: folder.path) == ["s"], "step \(number)")
            #expect(try recordsOf(folder("s")) == [[9]], "step \(number)")
        }
    }

    @Test func leftoversOfLivingCreatorsAndOfOtherStoresStay() throws {
        let folder = try TemporaryFolder()
        let dead = try deadPID()
        let held = ".s.creating-\(dead)-held"
        mkdir(folder(held), 0o700)
        let lock = try FolderLock.exclusive(folder: folder(held), create: true)
        let names = [
            held, ".s.creating-\(getppid())-alive", ".ss.creating-\(dead)-x", ".s.creating", "s.creating-\(dead)-x",
        ]
        for name in names.dropFirst() { mkdir(folder(name), 0o700) }
        try recordsOf(folder("s"))
        #expect(Files.names(in: folder.path) == (names + ["s"]).sorted())
        withExtendedLifetime(lock) {}
    }

    /// Whoever may write to the folder around a store could point one of these names at anything of its owner's.
    @Test func linkWithTheNameOfALeftoverIsNotFollowed() throws {
        let folder = try TemporaryFolder()
        let dead = try deadPID()
        mkdir(folder("mine"), 0o700)
        mkdir(folder("mine/photos"), 0o700)
        for name in ["mine/letter", "mine/photos/one"] { try writeFile(folder(name), [1]) }
        let names = [".s.creating-\(dead)-x", ".s.creating-y"]
        for name in names { try #require(symlink(folder("mine"), folder(name)) == 0) }
        try recordsOf(folder("s"))
        #expect(Files.names(in: folder("mine")) == ["letter", "photos"])
        #expect(Files.names(in: folder("mine/photos")) == ["one"])
        #expect(Files.names(in: folder.path) == (names + ["mine", "s"]).sorted())
    }

    @Test func racingCreatorsMakeOneStore() throws {
        for round in 0..<8 {
            let folder = try TemporaryFolder()
            let threads = Threads()
            let failures = Shared<[String]>([])
            for number in UInt8(0)..<6 {
                try threads.run {
                    while true {
                        do {
                            try recordsOf(folder("s"), appending: [number])
                            return
                        } catch let error as StoreError where error.code == .busy {
                            continue
                        } catch {
                            failures.change { $0.append("\(error)") }
                            return
                        }
                    }
                }
            }
            threads.join()
            #expect(failures.value == [], "round \(round)")
            #expect(try recordsOf(folder("s")).map { $0[0] }.sorted() == Array(0..<6))
            #expect(Files.names(in: folder.path) == ["s"])
        }
    }

    // MARK: Places that hold no store

    /// Opening must fail with that code, and everything must be as it was.
    private func refuse(
        _ folder: TemporaryFolder, _ path: String, _ code: StoreError.Code,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try shell("find \(quoted(folder.path)) -printf '%P %i %s %m %T@\\n' | sort")
        let error = failure({ _ = try JournalOpening(path, .init()) }, sourceLocation: sourceLocation)
        #expect(error?.code == code, "\(error?.description ?? "")", sourceLocation: sourceLocation)
        #expect(error?.outcome == .rejected && error?.location != nil, sourceLocation: sourceLocation)
        let after = try shell("find \(quoted(folder.path)) -printf '%P %i %s %m %T@\\n' | sort")
        #expect(before == after, sourceLocation: sourceLocation)
    }

    @Test func fileIsNoStore() throws {
        let folder = try TemporaryFolder()
        try writeFile(folder("s"), [1])
        try refuse(folder, folder("s"), .notAStore)
        try refuse(folder, folder("s/below"), .notAStore)
    }

    @Test func foreignFolderIsNoStore() throws {
        let folder = try TemporaryFolder()
        mkdir(folder("s"), 0o700)
        try writeFile(folder("s/notes.txt"), [1])
        try refuse(folder, folder("s"), .notAStore)
        mkdir(folder("t"), 0o700)
        try writeFile(folder("t/state.db"), [1])
        try refuse(folder, folder("t"), .notAStore)
    }

    @Test func loopOfLinksIsNoStore() throws {
        let folder = try TemporaryFolder()
        symlink("b", folder("a"))
        symlink("a", folder("b"))
        try refuse(folder, folder("a"), .notAStore)
    }

    @Test func missingParentIsRefused() throws {
        let folder = try TemporaryFolder()
        try refuse(folder, folder("no/such/s"), .notAStore)
        #expect(failure { _ = try JournalOpening("", .init()) }?.code == .notAStore)
    }

    @Test func pathWithAZeroByteIsRefused() throws {
        let folder = try TemporaryFolder()
        #expect(failure { _ = try JournalOpening(folder("s\u{0}t"), .init()) }?.code == .notAStore)
        #expect(Files.names(in: folder.path) == [])
    }

    @Test func danglingLinkIsRefused() throws {
        let folder = try TemporaryFolder()
        symlink("nowhere", folder("a"))
        let before = FolderListing(folder.path)
        #expect(throws: StoreError.self) { _ = try JournalOpening(folder("a"), .init()) }
        #expect(FolderListing(folder.path) == before)
    }

    @Test func linkToAStoreOpensIt() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [5])
        symlink("s", folder("link"))
        #expect(try recordsOf(folder("link/")) == [[5]])
        let journal = try Journal(folder("s")) { _, _ in }
        #expect(failure { _ = try JournalOpening(folder("link"), .init()) }?.code == .busy, "one store, one owner")
        try journal.close()
    }

    @Test func missingStoreIsNotMadeWhereOnlyOneIsLookedFor() throws {
        let folder = try TemporaryFolder()
        var options = JournalOpening.Options()
        options.createsStore = false
        #expect(failure { _ = try JournalOpening(folder("s"), options) }?.code == .notAStore)
        #expect(Files.names(in: folder.path) == [])
    }

    @Test func databaseOfAnotherProgramIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        mkdir(folder("s"), 0o700)
        try sqlite3(folder("s/journal.db"), "CREATE TABLE journal(x); INSERT INTO journal VALUES(1)")
        try refuse(folder, folder("s"), .notAStore)
        mkdir(folder("t"), 0o700)
        try writeFile(folder("t/journal.db"), Array("a diary, not a database".utf8))
        try refuse(folder, folder("t"), .notAStore)
    }

    @Test func newerFormatIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        try sqlite3(folder("s/journal.db"), "PRAGMA user_version=2")
        let before = try FolderImage(of: folder("s"))
        let error = failure { _ = try JournalOpening(folder("s"), .init()) }
        #expect(error?.code == .newerFormat)
        var after = try FolderImage(of: folder("s"))
        // Who looked last may be in the lock file; all else is as it was.
        after.files["lock"] = before.files["lock"]
        #expect(after == before)
        #expect(failure { _ = try StoreReader(folder("s")) }?.code == .newerFormat)
    }

    /// As root, permissions bind nobody; a read-only mount binds everyone. Where that cannot be had, nothing is claimed.
    @Test func readOnlyFileSystemIsATypedError() async throws {
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        mkdir(folder("m"), 0o700)
        let mount = "mount --bind \(quoted(folder("s"))) \(quoted(folder("m")))"
        guard (try? shell(mount)) != nil else {
            print("readOnlyFileSystemIsATypedError: no mount here, nothing tested")
            return
        }
        defer { _ = try? shell("umount \(quoted(folder("m")))") }
        guard (try? shell("mount -o remount,ro,bind \(quoted(folder("m")))")) != nil else {
            print("readOnlyFileSystemIsATypedError: no read-only mount here, nothing tested")
            return
        }
        let before = try FolderImage(of: folder("s"))
        let error = failure { _ = try JournalOpening(folder("m"), .init()) }
        #expect(error?.code == .ioError && error?.cause == EROFS)
        #expect(try FolderImage(of: folder("s")) == before)
        var seen = 0
        let reader = try StoreReader(folder("m"))
        _ = try reader.records { record, _ in if record.kind == .bytes { seen += 1 } }
        reader.close()
        #expect(seen == 1, "reading needs no writing")
    }
}
