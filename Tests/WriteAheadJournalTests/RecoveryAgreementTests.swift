import TestSupport
import Testing

@testable import WriteAheadJournal

/// The same files before an opening, a reader and the survey: they come to the same end and say the same.
@Suite(.timeLimit(.minutes(5))) struct RecoveryAgreementTests {
    private typealias Alteration = (what: String, make: @Sendable (inout FolderImage) -> Void)

    /// What somebody says of a store.
    private struct Word {
        var error: StoreError?
        var damage: [String] = []
        var values: [String: String] = [:]
    }

    @Test func openingReaderAndSurveyComeToTheSameEnd() throws {
        let (image, older, other, whole) = try makeImages()
        var ends: [String: Int] = [:]
        for journal in Self.ofTheJournal() {
            for state in Self.ofTheState(older: older, other: other) {
                for tail in Self.ofTheTail {
                    for page in Self.ofThePage {
                        var altered = image
                        for alteration in [journal, state, tail, page] { alteration.make(&altered) }
                        let what = [journal, state, tail, page].map(\.what).joined(separator: ", ")
                        ends[try expectAgreement(altered, whole, what), default: 0] += 1
                    }
                }
            }
        }
        #expect(ends.count == 4 && ends.values.allSatisfy { $0 > 10 }, "\(ends)")
    }

    private func expectAgreement(
        _ image: FolderImage, _ whole: [String: String], _ what: String
    ) throws -> String {
        let folder = try TemporaryFolder()
        try image.write(to: folder("s"))
        let before = FolderListing(folder("s")).items
        let seen = read(folder("s"))
        let survey = StoreSurvey(folder: folder("s"), isLive: false)
        _ = survey.state { _, _, _, _ in }
        _ = try survey.records { _ in }
        #expect(FolderListing(folder("s")).items == before, "\(what): reading wrote something")

        let opened = open(folder("s"))
        let isRepaired = opened.damage.contains { $0.contains("repaired") }
        let isNamed = !survey.findings.isEmpty
        #expect(
            isNamed == (opened.error != nil || !opened.damage.isEmpty),
            "\(what): \(survey.findings.map(\.message)); opening: \(opened)")
        if let error = opened.error {
            #expect(error.code == .damaged && seen.error?.code == .damaged, "\(what): \(error); reader: \(seen)")
            for (name, item) in before where name != "" && name != "lock" && !name.hasSuffix("-shm") {
                let bytes = FolderListing(folder("s")).items[name]?.bytes
                #expect(bytes == item.bytes, "\(what): \(name) is not as it was found")
            }
            return "refused"
        }
        #expect((seen.error == nil) != isRepaired, "\(what): \(String(describing: seen.error))")
        if seen.error == nil {
            #expect(seen.values == opened.values, "\(what)")
            let said = opened.damage.map { $0.components(before: "; the files are kept", "; an earlier set") }
            #expect(said == seen.damage, "\(what): \(said), reader: \(seen.damage)")
        }
        // Without page and tail nothing says that there was more.
        let hasWitness = image.files["run"] != nil || image.files["tail"] != nil
        #expect(opened.values == whole || !opened.damage.isEmpty || !hasWitness, "\(what): silently short")
        return isRepaired ? "repaired" : opened.damage.isEmpty ? "whole" : "reported"
    }

    private func read(_ path: String) -> Word {
        var word = Word()
        do {
            let reader = try StoreReader(path)
            defer { reader.close() }
            try reader.loadState { _, key, _, value in
                word.values[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            }
            _ = try reader.records { record, _ in
                guard record.kind == .changes, record.lsn > reader.stateMeta.checkpoint.lsn else { return }
                try OperationCodec.read(record.body) {
                    word.values[String(decoding: $0.key, as: UTF8.self)] = String(decoding: $0.value, as: UTF8.self)
                }
            }
            word.damage = reader.damage.map(\.message)
        } catch {
            word.error = error as? StoreError ?? StoreError(.ioError, "\(error)")
        }
        return word
    }

    private func open(_ path: String) -> Word {
        var word = Word()
        do {
            let store = try TinyStore(path, laggingOptions())
            word.values = store.values
            word.damage = store.opening.damage
            store.drop()
        } catch {
            word.error = error as? StoreError ?? StoreError(.ioError, "\(error)")
        }
        return word
    }

    /// A killed store with several commits and folds in its SQLite WALs and changes in the tail alone; its table two folds
    /// before; another store.
    private func makeImages() throws -> (FolderImage, older: FolderImage, other: FolderImage, [String: String]) {
        func make() throws -> (image: FolderImage, older: FolderImage, values: [String: String]) {
            let folder = try TemporaryFolder()
            let store = try TinyStore(folder("s"), laggingOptions())
            var images: [FolderImage] = []
            for number in 0..<20 {
                try store.set("k\(number)", "\(number)" + String(repeating: "v", count: 60))
                if number % 4 == 3 {
                    try store.fold()
                    images.append(try store.image())
                }
            }
            for number in 20..<23 { try store.set("k\(number)", "\(number)") }
            for number in 23..<26 { try store.set("k\(number)", "\(number)", .process) }
            let image = try store.image()
            let values = store.values
            store.drop()
            return (image, images[images.count - 3], values)
        }
        let (image, older, values) = try make()
        return (image, older, try make().image, values)
    }

    // MARK: Alterations

    private static let asItIs: Alteration = ("as it is", { _ in })

    private static func ofTheJournal() -> [Alteration] {
        let name = "journal.db-wal"
        return [
            asItIs,
            ("a bit of the journal's WAL", { $0.files[name]?[32 + 24 + 2_000] ^= 4 }),
            ("a frame of the journal's WAL", { $0.breakFrame(of: name, at: 0.7) }),
            ("the journal's WAL cut", { $0.cutWAL(name, to: 0.9) }),
            (
                "the header of the journal's WAL",
                {
                    $0.files[name]?[12] ^= 0x11
                    $0.files[name]?[25] ^= 0x11
                }
            ),
        ]
    }

    private static func ofTheState(older: FolderImage, other: FolderImage) -> [Alteration] {
        let name = "state.db-wal"
        func take(_ source: FolderImage) -> @Sendable (inout FolderImage) -> Void {
            { image in
                for name in ["state.db", "state.db-wal", "state.db-shm"] { image.files[name] = source.files[name] }
            }
        }
        return [
            asItIs, ("a late frame of the table's WAL", { $0.breakFrame(of: name, at: 0.8) }),
            ("an early frame of the table's WAL", { $0.breakFrame(of: name, at: 0.2) }),
            ("the table's WAL cut", { $0.cutWAL(name, to: 0.9) }), ("an older table", take(older)),
            ("another store's table", take(other)),
        ]
    }

    private static let ofTheTail: [Alteration] = [
        asItIs, ("no tail", { $0.files["tail"] = nil }),
        (
            "the tail's records",
            { image in
                for at in stride(from: TailFormat.headerBytes + 40, to: TailFormat.headerBytes + 4_000, by: 90) {
                    image.files["tail"]?[at] ^= 0x21
                }
            }
        ),
    ]

    private static let ofThePage: [Alteration] = [
        asItIs, ("no page", { $0.files["run"] = nil }), ("an altered page", { $0.files["run"]?[30] ^= 1 }),
        ("a poisoned page", { $0.files["run"]?[224] = 1 }),
    ]
}

extension FolderImage {
    /// Alters a frame of an SQLite WAL, at about that part of them, so that no single byte explains it.
    mutating func breakFrame(of name: String, at part: Double) {
        guard let wal = files[name] else { return }
        let frames = framesOf(wal)
        let end = frames[Int(Double(frames.count - 1) * part)].end
        for at in stride(from: end - 4_000, to: end - 3_000, by: 100) { files[name]?[at] ^= 0x5a }
    }

    /// Cuts an SQLite WAL behind a frame, at about that part of them.
    mutating func cutWAL(_ name: String, to part: Double) {
        guard let wal = files[name] else { return }
        let frames = framesOf(wal)
        files[name] = Array(wal[..<frames[Int(Double(frames.count - 1) * part)].end])
    }
}

extension String {
    /// What comes before the first of these.
    fileprivate func components(before marks: String...) -> String {
        let places = marks.compactMap { mark in
            indices.first { self[$0...].hasPrefix(mark) }
        }
        return String(self[..<(places.min() ?? endIndex)])
    }
}
