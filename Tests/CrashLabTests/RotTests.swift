// A slice of the attack `rot` with real children, and its parts.

#if CommandLine
import CSQLite
@testable import CrashLab
@testable import Drill
import Testing
import WriteAheadJournal

@Suite(.serialized) struct RotTests {
    /// Of each part of the attack some cases; the controls fail in every run.
    @Test func nothingIsSilentlyWrong() throws {
        for from in [0, 3_000, 20_000] {
            let report = try RotAttack.run(
                LabPlan(seed: 20_261_123, from: from, cases: 40, executable: builtLab))
            #expect(report.cases == 40)
            #expect(report.failed == 0, "\(report.text)")
            #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
            #expect((report.outcomes[.whole] ?? 0) > 0, "\(report.text)")
        }
    }

    @Test func bitsOfSmallStores() throws {
        let report = try RotAttack.run(LabPlan(seed: 20_261_123, cases: 40, executable: builtLab), everyBit: true)
        #expect(report.cases == 40 && report.failed == 0, "\(report.text)")
        #expect(report.controls.count == 3 && report.controls.allSatisfy(\.fails), "\(report.text)")
        #expect(report.replay(7).contains("lab rot --every-bit --seed 20261123 --from 7 "))
    }

    /// Each thing once, and nothing twice, in an order that only the seed decides.
    @Test func casesAreEachThingOnce() throws {
        let image: RotImage = ["a": [UInt8](repeating: 1, count: 700), "b": [1, 2, 3]]
        let store = RotStore(kind: .live, image: image, earlier: image, changes: 1, durable: 1)
        for seed in [1, 77] as [UInt64] {
            let cases = RotCases([store], foreign: [:], seed: seed)
            let all = (0..<cases.count).compactMap { cases[$0]?.description }
            #expect(all.count == cases.count && cases[cases.count] == nil)
            #expect(Set(all.dropFirst(cases.surgeryCount)).count == cases.sectorCount + cases.byteCount)
            #expect(cases.byteCount == 703 * 10 && cases.sectorCount == 3 * RotCase.Sector.allCases.count)
            let bits = all.filter { $0.hasPrefix("b: bit") }
            #expect(Set(bits).count == 24)
        }
    }

    /// The stores of which a campaign plays every bit, and that it plays each bit once.
    @Test func everyBitOfThreeSmallStores() throws {
        let place = try ScratchFiles.makePlace("rot-test", in: "/tmp")
        defer { Files.removeFolder(place) }
        let stores = try RotStores(in: place, seed: 4, .bits).stores
        #expect(stores.map(\.kind) == [.clean, .live, .mid])
        for store in stores {
            let bytes = store.image.filter { !$0.key.hasSuffix("-shm") }.values.reduce(0) { $0 + $1.count }
            #expect(bytes <= 256 << 10, "\(store.kind): \(store.image.mapValues(\.count))")
            #expect(
                ["journal.db", "journal.db-wal", "state.db", "state.db-wal", "tail", "run", "lock"].allSatisfy {
                    !(store.image[$0] ?? []).isEmpty
                })
        }
        let small: RotImage = ["a": [1, 2, 3, 4, 5], "a-shm": [1, 2], "b": [9]]
        let cases = RotCases(
            [RotStore(kind: .live, image: small, earlier: small, changes: 1, durable: 1)], foreign: [:], seed: 9,
            extent: .bits)
        let all = (0..<cases.count).compactMap { cases[$0]?.description }
        #expect(all.count == 48 && Set(all).count == 48 && cases[48] == nil)
        #expect(all.allSatisfy { $0.contains(": bit ") && !$0.hasPrefix("a-shm") })
    }

    /// The controls' readers get a store right that was not altered.
    @Test func naiveReaderReadsWholeStores() throws {
        let place = try ScratchFiles.makePlace("rot-test", in: "/tmp")
        defer { Files.removeFolder(place) }
        let seed: UInt64 = 5
        for store in try RotStores(in: place, seed: seed, .bits).stores {
            let path = "\(place)/read-\(store.kind)"
            try ScratchFiles.write(store.image, to: path)
            let rows = try RotNaiveReader(path).rows
            #expect(rows == RotStore.content(after: store.changes, seed: seed), "\(store.kind)")
            let durable = try RotNaiveReader(path, takesTail: false).rows
            #expect(durable == RotStore.content(after: store.durable, seed: seed), "\(store.kind)")
        }
    }

    /// Of each copy of a value one bit is flipped: in the databases' files, which have all and no checksum of SQLite's,
    /// and in the tail.
    ///
    /// A reader gets them wrong that compares neither the rows' hashes nor their digest nor the records' chain.
    @Test func flippedValuesAreNeverTaken() throws {
        try withStores(copied: true) { stores, seed, play in
            let files = ["state.db", "journal.db", "tail"]
            var counts: [String: Int] = [:]
            for (number, store) in stores.enumerated() {
                for change in stride(from: 1, through: store.changes, by: 2) {
                    guard case .text(let text) = Change(writer: 0, number: change).value(seed: seed),
                        text.utf8.count >= 16
                    else { continue }
                    for file in files {
                        for place in Self.places(of: Array(text.utf8.prefix(64)), in: store.image[file] ?? []) {
                            counts[file, default: 0] += 1
                            try play(RotCase(store: number, file: file, damage: .bit((place + 9) * 8)))
                        }
                    }
                }
            }
            #expect(files.allSatisfy { counts[$0] ?? 0 > 5 }, "\(counts)")
        }
    }

    /// Of killed stores' logs one bit is flipped: all along the frames of SQLite's WAL that count, and all along the tail.
    ///
    /// A reader loses what was acknowledged that takes both for what is left of them, and compares no sync mark.
    @Test func flippedEndsAreNeverLost() throws {
        try withStores(copied: false) { stores, _, play in
            let (wal, tail) = ("journal.db-wal", "tail")
            for (number, store) in stores.enumerated() where store.kind != .clean {
                let frames = RotStores.frames(try #require(store.image[wal]))
                #expect(!frames.isEmpty)
                for frame in frames {
                    for place in stride(from: 0, to: 24 + RotStores.pageBytes, by: 450) {
                        try play(RotCase(store: number, file: wal, damage: .bit((frame.offset + place) * 8 + 3)))
                    }
                }
            }
            let number = try #require(stores.firstIndex { $0.kind == .live })
            let ring = try #require(stores[number].image[tail])
            let end = try #require(ring.lastIndex { $0 != 0 })
            #expect(end > TailFormat.headerBytes + 500)
            for place in stride(from: 0, through: 640, by: 40) {
                try play(RotCase(store: number, file: tail, damage: .bit(place * 8 + 5)))
            }
            for place in stride(from: TailFormat.headerBytes, through: end, by: 80) {
                try play(RotCase(store: number, file: tail, damage: .bit(place * 8 + 1)))
            }
        }
    }

    /// Makes the three small stores, and hands over a function that plays one case of them: the altered store is opened,
    /// also read-only, and what is silently lost or wrong in it is an issue.
    ///
    /// - Parameter copied: whether SQLite has copied its WALs into the databases.
    private func withStores(
        copied: Bool, _ body: ([RotStore], UInt64, (RotCase) throws -> Void) throws -> Void
    ) throws {
        let place = try ScratchFiles.makePlace("rot-test", in: "/tmp")
        defer { Files.removeFolder(place) }
        let seed: UInt64 = 6
        let made = try RotStores(in: place, seed: seed, .bits)
        var stores = made.stores
        if copied {
            for (number, store) in stores.enumerated() {
                stores[number].image = try Self.copyingWALs(store.image, at: "\(place)/copied-\(store.kind)")
            }
        }
        let folder = place + "/case"
        let trial = RotTrial(RotCases(stores, foreign: made.foreign, seed: seed, extent: .bits), in: folder)
        var played = 0
        var detected = 0
        try body(stores, seed) { rot in
            Files.removeFolder(folder)
            // A number whose case is also read.
            let found = try trial.play(rot, number: 1)
            played += 1
            if found.outcome == .detected { detected += 1 }
            #expect(
                found.outcome == .whole || found.outcome == .detected,
                "\(stores[rot.store].kind): \(rot): \(found.how): \(found.what)")
        }
        #expect(detected > 2, "of \(played)")
    }

    private static func copyingWALs(_ image: RotImage, at path: String) throws -> RotImage {
        try ScratchFiles.write(image, to: path)
        for name in ["journal.db", "state.db"] {
            var handle: OpaquePointer?
            defer { sqlite3_close(handle) }
            #expect(sqlite3_open_v2("\(path)/\(name)", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
            #expect(sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil) == SQLITE_OK)
        }
        return ScratchFiles.files(in: path)
    }

    private static func places(of piece: [UInt8], in content: [UInt8]) -> [Int] {
        content.indices.filter { content[$0] == piece[0] && content[$0...].starts(with: piece) }
    }

    @Test func linesOfChildrenComeBack() throws {
        let line = RotLine(number: 7, outcome: .detected, how: "refused as damaged", microseconds: 12, what: "a\tb\nc")
        let back = try #require(RotLine(line: line.text.dropLast()))
        #expect(back.number == 7 && back.outcome == .detected && back.how == line.how && back.what == "a b c")
        #expect(RotLine(line: "7\tdetected") == nil)
        let role = RotRole(
            place: "/p", seed: 3, extent: .bits, from: 4, count: 5, only: "live/tail", reader: .naiveWithoutTail)
        let again = try #require(RotRole(arguments: role.arguments))
        #expect(again.arguments == role.arguments)
    }
}
#endif
