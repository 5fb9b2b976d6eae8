// What is not a store, was damaged, or was left by a crash: a typed error with nothing changed, or an opening by itself.

import Backstay
import SystemC
import Testing
import WriteAheadJournal

@Suite struct StoreBadInputTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Every file's name, mode and content; but for the lock's, which names whoever tried last.
    private func fingerprint(_ path: String) -> String {
        shell(
            "cd '\(path)' && find . | sort | xargs stat -c '%n %a %F' && find . -type f ! -name lock | sort | xargs -r cksum"
        )
        .output
    }

    private func expectRefused(
        _ path: String, _ code: StoreError.Code, _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let before = fingerprint(folder.path)
        for attempt in [{ _ = try StateStore.open(path) }, { _ = try StateStore.openReadOnly(path) }] {
            let error = failure(attempt)
            #expect(error?.code == code, what, sourceLocation: sourceLocation)
            #expect(error?.outcome == .rejected, what, sourceLocation: sourceLocation)
            #expect(error?.message.contains(":") == true, "\(what): says what to do", sourceLocation: sourceLocation)
        }
        #expect(fingerprint(folder.path) == before, "\(what): something was changed", sourceLocation: sourceLocation)
    }

    /// A closed store with a few keys at `path`.
    private func makeStore(_ path: String) throws -> [StoredRow] {
        let store = try StateStore.open(path)
        try store.transaction { tx in
            for number in 0..<20 { try tx.set("k\(number)", "value \(number)") }
        }
        let rows = try store.entries().rows
        try store.close()
        return rows
    }

    /// A store as a kill leaves it, its newest changes in the journal alone.
    private func makeKilled(_ name: String) throws -> (path: String, rows: [StoredRow]) {
        let path = folder.path + "/" + name
        let store = try StateStore.open(path + ".live")
        try store.set("first", 0)
        try store.checkpoint()
        let barrier = try FoldBarrier(path + ".live")
        for number in 0..<20 { try store.set("k\(number)", "value \(number)") }
        try copyAsKilled(path + ".live", to: path)
        try barrier.lift()
        let rows = try store.entries().rows
        try store.close()
        return (path, rows)
    }

    // MARK: Not a store

    @Test func whatIsNotAStoreIsRefusedAndLeftAlone() throws {
        shell(
            "cd '\(folder.path)' && echo text > file && mkdir other && echo x > other/notes && ln -s loop loop && ln -s gone dangling"
        )
        expectRefused(folder.path + "/file", .notAStore, "a file")
        expectRefused(folder.path + "/other", .notAStore, "a folder with other files")
        expectRefused(folder.path + "/loop", .notAStore, "a loop of links")
        expectRefused(folder.path + "/missing/app", .notAStore, "no parent")
        expectRefused("", .notAStore, "an empty path")
        expectRefused(folder.path + "/file/app", .notAStore, "a file as a parent")
    }

    @Test func missingStoreIsRefusedByReadersAndByRequest() throws {
        var options = StoreOptions()
        options.createsStore = false
        let missing = folder.store
        #expect(failure { _ = try StateStore.open(missing, options: options) }?.code == .notAStore)
        #expect(failure { _ = try StateStore.openReadOnly(missing) }?.code == .notAStore)
        #expect(Files.names(in: folder.path).isEmpty)
        let rows = try makeStore(missing)
        let store = try StateStore.open(missing, options: options)
        #expect(try store.entries().rows == rows)
        try closeVerified(store)
    }

    @Test func emptyFolderBecomesAStore() throws {
        try #require(mkdir(folder.store, 0o755) == 0)
        let store = try StateStore.open(folder.store + "/")
        try store.set("a", 1)
        #expect(shell("stat -c %a '\(folder.store)'").output == "700")
        try closeVerified(store)
    }

    @Test func newerFormatIsRefusedAndLeftAlone() throws {
        _ = try makeStore(folder.store)
        #expect(sqlite(folder.store + "/journal.db", "pragma user_version=2").isEmpty)
        expectRefused(folder.store, .newerFormat, "a newer format")
    }

    @Test func storeWithoutItsJournalIsRefusedAndNotReplaced() throws {
        _ = try makeStore(folder.store)
        shell("rm '\(folder.store)'/journal.db*")
        expectRefused(folder.store, .notAStore, "no journal")
    }

    /// The chains of two stores differ as well; the message names the cause.
    @Test func stateOfAnotherStoreIsNamedAsSuch() throws {
        _ = try makeStore(folder.store)
        _ = try makeStore(folder.path + "/other")
        shell("cd '\(folder.path)' && rm '\(folder.store)'/state.db* && cp other/state.db '\(folder.store)'/")
        let error = failure { _ = try StateStore.open(folder.store) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("another store") == true, "\(error?.message ?? "opened")")
    }

    @Test func readOnlyFileSystemIsRefusedAndReaderStillReads() throws {
        let mount = folder.path + "/disk"
        guard let disk = SmallDisk(mount, megabytes: 20) else { return }
        let rows = try makeStore(mount + "/app")
        #expect(shell("mount -o remount,ro '\(mount)'").status == 0)
        for path in ["/app", "/new"] {
            let error = failure { _ = try StateStore.open(mount + path) }
            #expect(error?.code == .ioError, "\(path)")
            #expect(error?.cause != nil, "\(path)")
            #expect(error?.message.contains(mount) == true, "\(path): \(error?.message ?? "")")
        }
        #expect(try StateStore.openReadOnly(mount + "/app").entries().rows == rows)
        withExtendedLifetime(disk) {}
    }

    // MARK: Damage

    /// Damaged: refused, with the files as they were kept aside once.
    private func expectDamaged(_ path: String, _ what: Comment) -> StoreError? {
        let before = shell("cd '\(path)' && cksum journal.db state.db").output
        let error = failure { _ = try StateStore.open(path) }
        #expect(error?.code == .damaged, "\(what): \(error.map(String.init(describing:)) ?? "opened")")
        #expect(shell("cd '\(path)/evidence' && cksum journal.db state.db").output == before, what)
        let again = failure { _ = try StateStore.open(path) }
        #expect(again?.code == .damaged, what)
        #expect(shell("ls -d '\(path)'/evidence*").output == path + "/evidence", what)
        #expect(failure { _ = try StateStore.openReadOnly(path) }?.code == .damaged, what)
        return error
    }

    @Test func alteredRecordIsReportedWithLSNAndBytes() throws {
        let (path, _) = try makeKilled("killed")
        let altered = sqlite(
            path + "/journal.db",
            "update journal set records=substr(records,1,length(records)-1)||x'21' where first_lsn=10; select changes()"
        )
        #expect(altered == "1")
        let error = expectDamaged(path, "an altered record")
        #expect(error?.location?.lsn == LSN(10))
        #expect(error?.location?.bytes != nil)
        #expect(error?.location?.file.hasSuffix("journal.db") == true)
    }

    @Test func missingRecordIsReported() throws {
        let (path, _) = try makeKilled("killed")
        #expect(sqlite(path + "/journal.db", "delete from journal where first_lsn=10; select changes()") == "1")
        let error = expectDamaged(path, "a missing record")
        #expect(error?.location?.lsn == LSN(10) || error?.location?.lsn == LSN(11))
    }

    @Test func lostEndOfTheJournalIsReportedNotSilentlyAccepted() throws {
        let (path, _) = try makeKilled("killed")
        // It would make up for what is deleted.
        unlink(path + "/tail")
        #expect(sqlite(path + "/journal.db", "delete from journal where first_lsn>=20; select changes()") == "3")
        _ = expectDamaged(path, "a lost end")
    }

    @Test func alteredMissingAndStaleRowsAreReported() throws {
        for (name, statement) in [
            ("altered", "update state set value='value 7x' where key='k7'"),
            ("missing", "delete from state where key='k7'"),
            ("kind", "update state set type='json' where key='k7'"),
            ("key", "update state set key='k7x' where key='k7'"),
            ("stale", "insert into state select name,'extra',type,value,crc from state where key='k7'"),
        ] {
            let path = folder.path + "/" + name
            _ = try makeStore(path)
            #expect(sqlite(path + "/state.db", statement + "; select changes()") == "1")
            let error = expectDamaged(path, "\(name)")
            #expect(error?.location?.file.hasSuffix("state.db") == true, "\(name)")
        }
    }

    /// Checksums are right where a writer was wrong: what memory is not made for is refused, not met.
    @Test(arguments: [0, 4_097])
    func keysThatNoCallTakesAreDamage(bytes: Int) throws {
        let key = [UInt8](repeating: UInt8(ascii: "k"), count: bytes)
        let path = folder.path + "/log"
        _ = try makeStore(path)
        let opening = try JournalOpening(path, .init())
        try opening.replay(after: nil) { _ in }
        let parts = try opening.finish()
        var body: [UInt8] = []
        key.withUnsafeBytes {
            OperationCodec.appendSet(key: $0, kind: ValueKind.bytes.rawValue, value: $0, to: &body)
        }
        let published = try parts.committer.publish(.changes, content: body.count + 1) { $0.copyBytes(from: body) }
        #expect(try parts.committer.acknowledge(published, .power) == .power)
        #expect(parts.committer.stop() == nil)
        try parts.committer.close(marking: nil)
        parts.lock.release()
        _ = expectDamaged(path, "in the log")

        let table = folder.path + "/table"
        let lock = try StoreFolder.create(
            table, vfs: nil, storeID: "test", position: StoreFolder.origin(storeID: "test")
        ) { put in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            try key.withUnsafeBytes { try put(none, $0, ValueKind.bytes.rawValue, $0) }
        }
        try #require(lock != nil)
        lock?.release()
        let error = expectDamaged(table, "in the table")
        #expect(error?.location?.file.hasSuffix("state.db") == true)
    }

    @Test func filesThatAreNoDatabasesAreReportedAsDamage() throws {
        for file in ["journal.db", "state.db"] {
            let path = folder.path + "/" + file + ".store"
            _ = try makeStore(path)
            shell("cd '\(path)' && rm -f \(file)-wal && head -c 20000 /dev/urandom > \(file)")
            _ = expectDamaged(path, "\(file) is noise")
        }
    }

    // MARK: What a crash leaves

    @Test func tornTailBehindTheLastCommitIsCutOffAndReported() throws {
        let (path, rows) = try makeKilled("killed")
        let end = try #require(WALScan.file(path + "/journal.db-wal")).committedBytes
        // The file is written ahead: a frame that was cut short has zeros behind it.
        let torn = shell(
            "cd '\(path)' && tail -c +33 journal.db-wal | head -c 3000"
                + " | dd of=journal.db-wal bs=1 seek=\(end) conv=notrunc status=none")
        try #require(torn.status == 0, "\(torn.output)")
        let store = try StateStore.open(path)
        #expect(store.recovery.bytesDiscarded == 24 + 4_096)
        #expect(!store.recovery.discardReason.isEmpty)
        #expect(try store.entries().rows == rows)
        try closeVerified(store)
    }

    @Test func killedStoreOpensWithEverythingAlsoAfterTheSQLiteShell() throws {
        let (path, rows) = try makeKilled("killed")
        let before = fingerprint(path)
        let reader = try StateStore.openReadOnly(path)
        #expect(try reader.entries().rows == rows)
        #expect(fingerprint(path) == before, "reading wrote")
        // The shell recovers, checkpoints and removes SQLite's own log as it goes.
        #expect(sqlite(path + "/journal.db", "select count(*)>0 from journal") == "1")
        #expect(sqlite(path + "/state.db", "select count(*) from state") == "1")
        let store = try StateStore.open(path)
        #expect(store.recovery.lastEnd.kind == .killed)
        #expect(try store.entries().rows == rows)
        try closeVerified(store)
    }

    @Test func lostIndexAndRunPageCostNothing() throws {
        let (path, rows) = try makeKilled("killed")
        shell("cd '\(path)' && rm -f run lock *-shm")
        let store = try StateStore.open(path)
        #expect(store.recovery.lastEnd.kind == .killed)
        #expect(try store.entries().rows == rows)
        try closeVerified(store)
    }

    /// Without the page `run` nobody can tell that a tail is gone; so whoever reads is told of the page.
    @Test func readerTellsOfAnAlteredRunPage() throws {
        let (path, rows) = try makeKilled("killed")
        let sound = try StateStore.openReadOnly(path)
        #expect(sound.recovery.damage.isEmpty)
        shell("head -c 4096 /dev/urandom > '\(path)/run'")
        let altered = try StateStore.openReadOnly(path)
        #expect(altered.recovery.damage.count == 1 && altered.recovery.damage[0].contains("run is altered"))
        #expect(try altered.entries().rows == rows)
    }

    /// A power cut leaves it of one in the making.
    @Test(arguments: [0, 512, 4_096]) func blankRunPageIsAMissingOne(bytes: Int) throws {
        let (path, rows) = try makeKilled("killed")
        shell("head -c \(bytes) /dev/zero > '\(path)/run'")
        let reader = try StateStore.openReadOnly(path)
        #expect(reader.recovery.damage.isEmpty)
        try reader.close()
        let survey = StoreSurvey(folder: path, isLive: false)
        _ = survey.state { _, _, _, _ in }
        _ = try survey.records { _ in }
        #expect(survey.findings.isEmpty)
        let store = try StateStore.open(path)
        #expect(store.recovery.damage.isEmpty)
        #expect(try store.entries().rows == rows)
        try closeVerified(store)
    }

    @Test func halfCreatedStoreIsClearedAway() throws {
        // No process has this number: it is above the system's limit.
        let remains = folder.path + "/.app.backstay.creating-99999999-abc"
        shell("mkdir '\(remains)' && echo x > '\(remains)/journal.db' && : > '\(remains)/lock'")
        let store = try StateStore.open(folder.store)
        #expect(Files.names(in: folder.path) == ["app.backstay"])
        try closeVerified(store)
    }

    @Test func crashAfterCrashGivesTheSame() throws {
        var (path, rows) = try makeKilled("killed")
        for round in 0..<4 {
            let store = try StateStore.open(path)
            #expect(store.recovery.lastEnd.kind == .killed)
            #expect(try store.entries().rows == rows, "round \(round)")
            try store.set("round", round)
            rows = try store.entries().rows
            let next = folder.path + "/killed \(round)"
            try copyAsKilled(path, to: next)
            try closeVerified(store)
            path = next
        }
    }
}
