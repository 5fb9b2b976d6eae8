import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// Frames of the present generation in an SQLite WAL image: where each ends, and whether it commits. Behind them are zeros,
/// or frames of generations before.
func framesOf(_ wal: [UInt8]) -> [(end: Int, commits: Bool)] {
    var frames: [(end: Int, commits: Bool)] = []
    var offset = 32
    while offset + 24 + 4_096 <= wal.count, wal[offset + 8..<offset + 16] == wal[16..<24] {
        let commits = wal[offset + 4..<offset + 8].contains { $0 != 0 }
        offset += 24 + 4_096
        frames.append((offset, commits))
    }
    return frames
}

/// The image of a journal whose process was killed after these records were acknowledged.
func killedJournal(_ records: Int, id: String = "s") throws -> FolderImage {
    let folder = try TemporaryFolder()
    let journal = try Journal(folder(id)) { _, _ in }
    for number in 0..<records { try journal.append(record(number)) }
    let image = try FolderImage(ofLive: folder(id))
    try journal.close()
    return image
}

func record(_ number: Int) -> [UInt8] { Array("record \(number)".utf8) }

@Suite(.timeLimit(.minutes(5))) struct JournalOpeningTests {
    /// SQLite begins a WAL anew with the salts of a header that does not check. Frames of before then have the new
    /// generation's salts, and after the next crash whole transactions behind a break pass for rot.
    @Test func saltsOfATornHeaderAreNotUsedAgain() throws {
        let folder = try TemporaryFolder()
        let wal = try makeTornHeader(in: folder)
        let salts = wal[16..<24]
        var found = 0
        let journal = try Journal(folder("t")) { _, _ in found += 1 }
        #expect(found == 6)
        try journal.append([6])
        // Before the close, which begins one more generation.
        let after = try #require(try FolderImage(ofLive: folder("t")).files["journal.db-wal"])
        try journal.close()
        #expect(after[..<4] == wal[..<4], "a new generation has begun")
        #expect(after[16..<24] != salts)
        #expect(try recordsOf(folder("t")).count == 7)
    }

    /// It is cleared for SQLite. Whoever gives the store up behind that puts it back.
    @Test func tornHeaderIsPutBackWhereTheOpeningIsGivenUp() throws {
        let folder = try TemporaryFolder()
        let wal = try makeTornHeader(in: folder)
        let opening = try JournalOpening(folder("t"), .init())
        #expect(try FolderImage(ofLive: folder("t")).files["journal.db-wal"]?[..<32].allSatisfy { $0 == 0 } == true)
        opening.abandon()
        #expect(try FolderImage(ofLive: folder("t")).files["journal.db-wal"] == wal)
    }

    /// - Returns: the SQLite WAL of the store `t`, with a header that no byte mends and six records in the database.
    private func makeTornHeader(in folder: TemporaryFolder) throws -> [UInt8] {
        var image = try killedJournal(6)
        // As after a power cut while SQLite wrote the header anew, with all frames in the database.
        try image.write(to: folder("s"))
        let connection = try SQLiteConnection(folder("s/journal.db"), .readWrite, vfs: nil)
        #expect(try connection.query("SELECT count(*) FROM journal") { $0.int(0) } == 7)
        let copied = try connection.checkpointSQLite()
        #expect(copied.frames == copied.copied && copied.frames > 7)
        connection.close()
        image = try FolderImage(ofLive: folder("s"))
        var wal = try #require(image.files["journal.db-wal"])
        wal[12] ^= 0x11
        wal[15] ^= 0x11
        image.files["journal.db-wal"] = wal
        image.files["run"] = nil
        image.files["tail"] = nil
        image.files["journal.db-shm"] = nil
        try image.write(to: folder("t"))
        #expect(WALScan.file(folder("t/journal.db-wal"))?.hasBrokenHeader == true)
        return wal
    }

    @Test func recordsComeBackInOrderAfterACleanClose() throws {
        let folder = try TemporaryFolder()
        for number in 0..<3 { #expect(try recordsOf(folder("s"), appending: record(number)).count == number) }
        let journal = try Journal(folder("s")) { _, _ in }
        #expect(journal.lastEnd.kind == .clean && journal.lastEnd.confidence == .certain)
        try journal.close()
        try journal.close()
        #expect(failure { try journal.append([1]) }?.code == .closed)
        #expect(failure { try journal.trim(through: LSN(1)) }?.code == .closed)
        #expect(try recordsOf(folder("s")) == (0..<3).map(record))
    }

    /// A process that is killed at any moment leaves what a copy of its live files shows.
    @Test func killedStoreOpensWholeAgainAndAgain() throws {
        let folder = try TemporaryFolder()
        var journal = try Journal(folder("s")) { _, _ in }
        for number in 0..<6 {
            try journal.append(record(number))
            try FolderImage(ofLive: folder("s")).write(to: folder("copy\(number)"))
            if number == 3 {
                try journal.close()
                journal = try Journal(folder("s")) { _, _ in }
            }
        }
        try journal.close()
        for number in 0..<6 {
            let copy = folder("copy\(number)")
            for attempt in 0..<2 {
                let opened = try JournalOpening(copy, .init())
                var seen: [[UInt8]] = []
                try opened.replay(after: nil) { if $0.kind == .bytes { seen.append(Array($0.body)) } }
                #expect(seen == (0...number).map(record), "copy \(number)")
                #expect(opened.lastEnd.kind == .killed)
                #expect(opened.discardedBytes == 0)
                opened.abandon()
                withExtendedLifetime(attempt) {}
            }
            #expect(try recordsOf(copy, appending: [1]).count == number + 1)
            #expect(try recordsOf(copy).count == number + 2)
        }
    }

    @Test func realSIGKILLLosesNothing() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder("s") as String] in
            let journal = try Journal(path) { _, _ in }
            for number in 0..<5 { try await journal.append(record(number)) }
            kill(getpid(), SIGKILL)
            _ = journal
        }
        var seen: [[UInt8]] = []
        let journal = try Journal(folder("s")) { seen.append(Array($1)) }
        #expect(seen == (0..<5).map(record))
        #expect(journal.lastEnd.kind == .killed)
    }

    // MARK: A journal that lost its end

    /// Without the run page nothing proves that there was more: what is left is a prefix. With it each lost record is
    /// named. Cuts between frames and inside them.
    ///
    /// - Parameter zeros: what was written ahead behind the cut.
    @Test(arguments: [0, 50_000])
    func sqliteWALCutAnywhereIsAPrefixOrDamageThatNamesTheFirstLostRecord(zeros: Int) throws {
        let image = try killedJournal(5)
        let wal = try #require(image.files["journal.db-wal"])
        let frames = framesOf(wal)
        try #require(frames.count >= 6 && wal.count == 4 << 20)
        var cuts: [Int] = [0, 7, 31, 32]
        for frame in frames { cuts += [frame.end - 4_120 + 10, frame.end - 4_120 + 24, frame.end - 1, frame.end] }
        let folder = try TemporaryFolder()
        var lengths: [Int] = []
        for cut in cuts {
            var files = image.files
            files["tail"] = nil
            files["journal.db-wal"] = Array(wal[..<cut]) + [UInt8](repeating: 0, count: zeros)
            var bare = files
            bare["run"] = nil
            var image = image
            image.files = bare
            try image.write(to: folder("bare\(cut)"))
            image.files = files
            try image.write(to: folder("page\(cut)"))

            let opening = try JournalOpening(folder("bare\(cut)"), .init())
            var seen: [[UInt8]] = []
            try opening.replay(after: nil) { if $0.kind == .bytes { seen.append(Array($0.body)) } }
            let end = opening.position.lsn
            let committed = frames.last { $0.commits && $0.end <= cut }?.end ?? (cut >= 32 ? 32 : 0)
            var discarded = cut < 32 ? cut : cut - committed
            if zeros > 0 {
                // Bytes that were zeros are not missed. A frame counts whole from its salts on; behind a header with zeros
                // in it everything does.
                let gap = wal[cut...].firstIndex { $0 != 0 } ?? wal.count
                let whole = frames.last { $0.end <= gap }?.end ?? 32
                let committed = frames.last { $0.commits && $0.end <= gap }?.end ?? 32
                discarded = (gap - whole >= 16 && gap < wal.count ? whole + 4_120 : whole) - committed
                if cut < 32 { discarded = cut == 0 ? 0 : cut + zeros }
            }
            // Where one byte was cut off that was not zero, it is known which.
            if opening.damage.isEmpty { #expect(opening.discardedBytes == discarded, "cut at \(cut)") }
            #expect(opening.discardReason.isEmpty == (opening.discardedBytes == 0), "cut at \(cut)")
            opening.abandon()
            #expect(seen == (0..<seen.count).map(record), "cut at \(cut)")
            lengths.append(seen.count)

            if seen.count == 5 {
                #expect(try recordsOf(folder("page\(cut)")).count == 5)
                continue
            }
            let before = try FolderImage(of: folder("page\(cut)"))
            for attempt in 1...2 {
                let error = failure { _ = try JournalOpening(folder("page\(cut)"), .init()) }
                #expect(error?.code == .damaged, "cut at \(cut)")
                #expect(error?.location?.lsn == end.next, "cut at \(cut)")
                #expect(error?.message.contains(attempt == 1 ? "as found" : "an earlier set") == true)
            }
            let evidence = try FolderImage(of: folder("page\(cut)/evidence"))
            #expect(evidence.files == before.files.filter { $0.key != "lock" }, "cut at \(cut)")
        }
        #expect(lengths == lengths.sorted() && lengths.last == 5 && lengths[0] == 0)
        // Only the last commit (the record 4) is told from the rest: 0, 1, 2, 3, 4 and 5 records were all seen.
        #expect(Set(lengths) == [0, 1, 2, 3, 4, 5])
    }

    /// One set of evidence: what was found first is what counts, however often the damage is looked at.
    @Test func evidenceOfTheFirstFindIsKept() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(3)
        image.files["journal.db-wal"] = []
        try image.write(to: folder("s"))
        _ = failure { _ = try JournalOpening(folder("s"), .init()) }
        let first = try FolderImage(of: folder("s/evidence"))
        try writeFile(folder("s/state.db"), [1, 2, 3])
        _ = failure { _ = try JournalOpening(folder("s"), .init()) }
        #expect(try FolderImage(of: folder("s/evidence")) == first)
        #expect(first.files.keys.contains("journal.db") && first.files.keys.contains("run"))
    }

    /// A copy that a crash cut short is no evidence: it would keep the whole one from being made.
    @Test func halfMadeEvidenceIsMadeAnew() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(3)
        image.files["journal.db-wal"] = []
        try image.write(to: folder("s"))
        mkdir(folder("s/evidence.part"), 0o700)
        try writeFile(folder("s/evidence.part/journal.db"), [1])
        let error = failure { _ = try JournalOpening(folder("s"), .init()) }
        #expect(error?.message.contains("as found") == true, "\(error?.message ?? "")")
        #expect(try FolderImage(of: folder("s/evidence")).files["journal.db"] == image.files["journal.db"])
        #expect(!Files.names(in: folder("s")).contains("evidence.part"))
        #expect(!Files.names(in: folder("s/evidence")).contains("evidence.part"))
    }

    /// A flipped bit in the SQLite WAL makes SQLite drop all that follows, silently. Most are repaired before it looks;
    /// for the others there is the sync mark.
    @Test func flippedBitInTheSQLiteWALIsNeverSilent() throws {
        var image = try killedJournal(4)
        image.files["tail"] = nil
        let wal = try #require(image.files["journal.db-wal"])
        let end = try #require(framesOf(wal).last?.end)
        var random = SplitMix64(seed: 1)
        let folder = try TemporaryFolder()
        var damaged = 0
        for number in 0..<60 {
            var image = image
            var bytes = wal
            let at = number < 32 ? number : Int.random(in: 32..<end, using: &random)
            bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            image.files["journal.db-wal"] = bytes
            try image.write(to: folder("s"))
            do {
                #expect(try recordsOf(folder("s")) == (0..<4).map(record), "byte \(at)")
            } catch let error as StoreError {
                damaged += 1
                #expect(error.code == .damaged, "byte \(at): \(error)")
            }
            Files.removeFolder(folder("s"))
        }
        #expect(damaged > 2 && damaged < 30, "\(damaged)")
    }

    // MARK: The run page

    @Test func pageThatIsMissingOrNoPageIsHarmless() throws {
        let image = try killedJournal(3)
        let other = try killedJournal(60, id: "other")
        let page = try #require(image.files["run"])
        var random = SplitMix64(seed: 2)
        let noise = (0..<4_096).map { _ in UInt8.random(in: 0...255, using: &random) }
        let pages: [(String, [UInt8]?)] = [
            ("missing", nil), ("empty", []), ("short", Array(page.prefix(4_095))), ("noise", noise),
            ("zero", [UInt8](repeating: 0, count: 4_096)), ("long", page + noise),
            // Its sync mark is far behind this journal's end: it must not count.
            ("another store's", other.files["run"]),
        ]
        for (name, bytes) in pages {
            let folder = try TemporaryFolder()
            var image = image
            image.files["run"] = bytes
            try image.write(to: folder("s"))
            #expect(try recordsOf(folder("s")) == (0..<3).map(record), "\(name)")
            #expect(Files.size(folder("s/run")) == 4_096, "\(name)")
        }
    }

    /// The marks of the run before are no evidence on this one, but what it had synced must still be there.
    @Test func pageOfAnEarlierRunCountsForItsSyncMarkOnly() throws {
        let folder = try TemporaryFolder()
        let killed = try killedJournal(2)
        try killed.write(to: folder("s"))
        let journal = try Journal(folder("s")) { _, _ in }
        var image = try FolderImage(ofLive: folder("s"))
        try journal.close()
        image.files["run"] = killed.files["run"]
        markCrash(of: 11, in: &image)
        try image.write(to: folder("t"))
        let again = try Journal(folder("t")) { _, _ in }
        #expect(again.lastEnd.kind == .killed, "the fatal signal is another run's")
        try again.close()
        image.files["journal.db-wal"] = []
        try image.write(to: folder("u"))
        #expect(failure { _ = try JournalOpening(folder("u"), .init()) }?.code == .damaged)
    }

    /// As the signal handler does, with the thread before the signal.
    private func markCrash(of signal: UInt8, in image: inout FolderImage) {
        for (offset, byte) in [(0, 1), (32, 7), (8, signal)] as [(Int, UInt8)] {
            image.files["run"]?[128 + offset] = byte
        }
    }

    @Test func fatalAndHandledSignalsAreReadFromThePage() throws {
        let image = try killedJournal(1)
        for (offset, number, kind) in [(8, 11, RunEnd.Kind.crash), (40, 15, .signal)] {
            let folder = try TemporaryFolder()
            var image = image
            if kind == .crash { markCrash(of: UInt8(number), in: &image) }
            image.files["run"]?[128 + offset] = UInt8(number)
            try image.write(to: folder("s"))
            let journal = try Journal(folder("s")) { _, _ in }
            #expect(journal.lastEnd.kind == kind && journal.lastEnd.status == Int32(number))
            try journal.close()
        }
    }

    /// After a failed fsync the kernel may hold pages that it calls clean and the disk never got: the bytes are written
    /// again, into new files.
    @Test func poisonedStoreIsRewrittenIntoNewFiles() throws {
        let folder = try TemporaryFolder(onDisk: true)
        var image = try killedJournal(4)
        image.files["run"]?[224] = 1
        image.files["journal.db.rewrite"] = [1, 2, 3]
        try image.write(to: folder("s"))
        let before = FolderListing(folder("s"))
        #expect(try recordsOf(folder("s"), appending: record(4)) == (0..<4).map(record))
        let after = FolderListing(folder("s"))
        for name in ["journal.db", "journal.db-wal", "state.db"] {
            #expect(before.items[name]?.inode != after.items[name]?.inode, "\(name)")
        }
        #expect(after.items["journal.db.rewrite"] == nil)
        #expect(
            try RunPage.read(folder: folder("s"), storeID: try JournalOpening(folder("s"), .init()).storeID)?.poisoned
                == false)
        #expect(try recordsOf(folder("s")).count == 5)
    }

    // MARK: The runs

    @Test func endOfAKilledRunIsJudgedOnceAndKept() throws {
        let folder = try TemporaryFolder()
        var image = try killedJournal(1)
        markCrash(of: 11, in: &image)
        try image.write(to: folder("s"))
        var opening: JournalOpening? = try JournalOpening(folder("s"), .init())
        try opening?.replay(after: nil) { _ in }
        #expect(opening?.lastEnd.kind == .crash)
        opening?.abandon()
        opening = nil
        // Not begun yet: the next one judges the same.
        try recordsOf(folder("s"))
        try recordsOf(folder("s"))
        let reader = try StoreReader(folder("s"))
        let runs = try reader.runs()
        reader.close()
        #expect(runs.map(\.id) == [1, 2, 3])
        #expect(runs.map { $0.end?.kind } == [.crash, .clean, .clean])
        #expect(runs[0].ended == nil, "nobody saw when")
        #expect(runs[1].ended != nil && runs[0].end?.status == 11)
        #expect(Set(runs.map(\.epoch)).count == 3)
    }

    @Test func droppedJournalDrainsAndCountsAsKilled() throws {
        let folder = try TemporaryFolder()
        do {
            let journal = try Journal(folder("s")) { _, _ in }
            try journal.append([1])
        }
        let journal = try Journal(folder("s")) { _, _ in }
        #expect(journal.lastEnd.kind == .killed)
        try journal.close()
    }

    @Test func errorInReplayLeavesTheStoreAsItWas() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        try recordsOf(folder("s"), appending: [1])
        #expect(throws: Stop.self) { _ = try Journal(folder("s")) { _, _ in throw Stop() } }
        #expect(try recordsOf(folder("s")) == [[1]])
        let reader = try StoreReader(folder("s"))
        #expect(try reader.runs().count == 2, "the one that failed never began")
        reader.close()
    }

    @Test func secondJournalInTheProcessIsBusy() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        for _ in 0..<3 {
            let error = failure { _ = try Journal(folder("s")) { _, _ in } }
            #expect(error?.code == .busy && error?.message.contains("this process") == true)
        }
        try journal.append([1])
        try journal.close()
        #expect(try recordsOf(folder("s")) == [[1]])
    }

    @Test func trimmedRecordsDoNotComeBackAndTheRestDo() throws {
        let folder = try TemporaryFolder(onDisk: true)
        let journal = try Journal(folder("s")) { _, _ in }
        var lsns: [LSN] = []
        for number in 0..<6 { lsns.append(try journal.append(record(number))) }
        try journal.trim(through: lsns[2])
        try FolderImage(ofLive: folder("s")).write(to: folder("killed"))
        try journal.trim(through: lsns[1])
        try journal.close()
        #expect(try recordsOf(folder("s")) == (3..<6).map(record))
        #expect(try recordsOf(folder("killed")) == (3..<6).map(record))
        let again = try Journal(folder("s")) { _, _ in }
        try again.trim(through: LSN(1_000_000))
        let next = try again.append(record(9))
        #expect(next > lsns[5])
        try again.close()
        #expect(try recordsOf(folder("s")) == [record(9)])
    }

    @Test func recordOutOfBoundsIsRefusedAndNothingElseHappens() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        try journal.append([])
        try journal.append([UInt8](repeating: 7, count: 9_000_000))
        try journal.close()
        #expect(try recordsOf(folder("s")).map(\.count) == [0, 9_000_000])
    }
}
