internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// The images as files, for children that come and go.
enum RotImages {
    static func write(_ cases: RotCases, to place: String) throws {
        try ScratchFiles.write(cases.foreign, to: "\(place)/foreign.image")
        for store in cases.stores {
            try ScratchFiles.write(store.image, to: "\(place)/\(store.kind).image")
            try ScratchFiles.write(store.earlier, to: "\(place)/\(store.kind).earlier")
            try ScratchFiles.write(
                Array("\(store.changes) \(store.durable)".utf8), to: "\(place)/\(store.kind).numbers")
        }
    }

    static func read(_ place: String, seed: UInt64, _ extent: RotExtent) throws -> RotCases {
        let stores = try extent.stores.map { kind in
            let numbers = (Files.text(at: "\(place)/\(kind).numbers") ?? "").split(separator: " ").compactMap {
                Int($0)
            }
            guard numbers.count == 2 else {
                throw StoreError(.ioError, "the image of the store \(kind) is not there: \(place)")
            }
            return RotStore(
                kind: kind, image: ScratchFiles.files(in: "\(place)/\(kind).image"),
                earlier: ScratchFiles.files(in: "\(place)/\(kind).earlier"), changes: numbers[0], durable: numbers[1])
        }
        return RotCases(stores, foreign: ScratchFiles.files(in: "\(place)/foreign.image"), seed: seed, extent: extent)
    }
}
