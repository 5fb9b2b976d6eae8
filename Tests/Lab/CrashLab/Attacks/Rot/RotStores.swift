internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// Makes the stores. Every file is read while its store is open, which drops SQLite's locks in this process: nobody else is
/// there to mind.
struct RotStores {
    let place: String
    let seed: UInt64

    /// A store of another history, for files that are foreign.
    private(set) var foreign: RotImage = [:]
    private(set) var stores: [RotStore] = []

    init(in place: String, seed: UInt64, _ extent: RotExtent = .everything) throws {
        self.place = place
        self.seed = seed
        let isSmall = extent == .bits
        foreign = try makeLive("foreign", changes: isSmall ? 18 : 40, foldingEvery: 15).image
        let live = try makeLive("live", changes: isSmall ? 24 : 60, foldingEvery: isSmall ? 12 : 15)
        for kind in extent.stores {
            switch kind {
            case .clean: stores.append(try makeClean(of: live))
            case .live: stores.append(live)
            case .mid: stores.append(try makeMid(of: live, rounds: isSmall ? 4 : 8))
            case .cut: stores.append(makeCut(of: live))
            }
        }
    }

    private func makeLive(_ name: String, changes: Int, foldingEvery period: Int) throws -> RotStore {
        let path = "\(place)/\(name)"
        let store = try StateStore.open(path, options: RotStore.options)
        var earlier: RotImage = [:]
        for number in 1...changes {
            try RotStore.make(number, in: store, seed: seed, number > changes - 6 ? .process : .power)
            if number % period == 0 && number <= changes - 10 { try store.checkpoint() }
            if number == changes / 2 { earlier = ScratchFiles.files(in: path) }
        }
        let image = ScratchFiles.files(in: path)
        return RotStore(kind: .live, image: image, earlier: earlier, changes: changes, durable: changes - 6)
    }

    private func makeClean(of live: RotStore) throws -> RotStore {
        let path = "\(place)/clean"
        try ScratchFiles.write(live.image, to: path)
        try StateStore.open(path, options: RotStore.options).close()
        // Once more, with few changes behind a compaction: SQLite's WALs begin anew, and most pages are in the database
        // files alone, where SQLite has no checksums.
        let store = try StateStore.open(path, options: RotStore.options)
        try store.compact()
        let changes = live.changes + 2
        for number in live.changes + 1...changes { try RotStore.make(number, in: store, seed: seed, .power) }
        try store.close()
        return RotStore(
            kind: .clean, image: ScratchFiles.files(in: path), earlier: live.image, changes: changes, durable: changes)
    }

    private func makeMid(of live: RotStore, rounds: Int) throws -> RotStore {
        let path = "\(place)/mid"
        try ScratchFiles.write(live.image, to: path)
        let store = try StateStore.open(path, options: RotStore.options)
        var last = live.changes
        func change(_ count: Int, _ durability: Durability) throws {
            for _ in 0..<count {
                last += 1
                try RotStore.make(last, in: store, seed: seed, durability)
            }
        }
        try change(rounds, .power)
        try store.checkpoint()
        try change(rounds, .power)
        try change(4, .process)
        var image = ScratchFiles.files(in: path)
        try store.checkpoint()
        let folded = ScratchFiles.files(in: path)
        for name in ["journal.db", "state.db"] { Self.backFillHalf(&image, name) }
        // The fold's frames are there, but for the one that commits.
        if let wal = folded["state.db-wal"], let before = image["state.db-wal"], wal.starts(with: before) {
            let frames = Self.frames(wal)
            if let commit = frames.last(where: \.commits) { image["state.db-wal"] = Array(wal[..<commit.offset]) }
        }
        return RotStore(kind: .mid, image: image, earlier: live.image, changes: last, durable: last - 4)
    }

    private func makeCut(of live: RotStore) -> RotStore {
        var cut = live
        cut.kind = .cut
        for name in ["run", "tail"] { cut.image[name] = live.earlier[name] }
        cut.changes = live.durable
        // What the older page still proves.
        cut.durable = live.changes / 2
        return cut
    }

    // MARK: SQLite's WAL (https://www.sqlite.org/fileformat2.html#walformat)

    static let pageBytes = 4_096

    /// The frames of the present generation.
    static func frames(_ wal: [UInt8]) -> [(offset: Int, page: Int, commits: Bool)] {
        func number(_ at: Int) -> Int { wal[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        var frames: [(offset: Int, page: Int, commits: Bool)] = []
        var offset = 32
        while offset + 24 + pageBytes <= wal.count, wal[offset + 8..<offset + 16] == wal[16..<24] {
            frames.append((offset, number(offset), number(offset + 4) != 0))
            offset += 24 + pageBytes
        }
        return frames
    }

    /// As an SQLite checkpoint does that is killed half-way: the newest version of each page, by ascending number.
    private static func backFillHalf(_ image: inout RotImage, _ name: String) {
        guard let wal = image[name + "-wal"], var file = image[name] else { return }
        let frames = frames(wal)
        guard let last = frames.lastIndex(where: \.commits) else { return }
        var newest: [Int: Int] = [:]
        for frame in frames[...last] { newest[frame.page] = frame.offset + 24 }
        let pages = newest.keys.sorted()
        for page in pages.prefix((pages.count + 1) / 2) {
            guard let start = newest[page] else { continue }
            let end = page * pageBytes
            if file.count < end { file += [UInt8](repeating: 0, count: end - file.count) }
            file.replaceSubrange((end - pageBytes)..<end, with: wal[start..<start + pageBytes])
        }
        image[name] = file
    }
}
