// The cases: what is done to which file of which store, by number.
//
// First come all surgeries of the folder, then all damages of sectors, then bits and bytes, each part in an order that the
// seed chooses (CaseOrder.swift). Or, of smaller stores, each bit once and nothing else.

struct RotCase: Sendable, CustomStringConvertible {
    enum Sector: Int, CaseIterable, Sendable {
        case zeros, garbage
        /// Another place has this sector's bytes, too; this place has another's; both.
        case copiedAway, overwritten, swapped
        /// As it was at an earlier moment: a lost write.
        case stale
    }

    enum Surgery: Int, CaseIterable, Sendable {
        case missing, empty, foreign, old, readOnly, symbolicLink, hardLink, folder, fullFolder, pipe, longer
    }

    enum Damage: Sendable {
        case bit(Int)
        case byte(Int, UInt8)
        case sector(Int, Sector)
        case surgery(Surgery)
        /// Cut to so many bytes.
        case cut(Int)
        /// The file with this number and it have each other's bytes.
        case exchanged(Int)
    }

    var store: Int
    var file: String
    var damage: Damage

    var description: String {
        let what =
            switch damage {
            case .bit(let bit): "bit \(bit % 8) of byte \(bit / 8) flipped"
            case .byte(let at, let value): "byte \(at) set to \(value)"
            case .sector(let sector, let kind): "sector \(sector): \(kind)"
            case .surgery(let kind): "\(kind)"
            case .cut(let length): "cut to \(length) bytes"
            case .exchanged(let other): "exchanged with file \(other)"
            }
        return "\(file): \(what)"
    }
}

/// What a run of the attack alters.
enum RotExtent: String, Sendable {
    /// Everything, of all stores.
    case everything
    /// Each bit of one clean, one live and one mid store of at most 256 KiB. SQLite's index (`-shm`) is left out: who opens a
    /// database first cuts it to 3 bytes before reading it (unixLockSharedMemory in SQLite's os_unix.c).
    case bits

    var stores: [RotStore.Kind] {
        switch self {
        case .everything: RotStore.Kind.allCases
        case .bits: [.clean, .live, .mid]
        }
    }

    /// One case of so many goes on after opening, where it has altered a bit or a byte.
    var casesPerFollowed: Int { self == .everything ? 16 : 64 }

    /// One case of so many is also opened read-only.
    var casesPerReader: Int { self == .everything ? 4 : 64 }
}

/// All cases of a seed and its stores.
struct RotCases: Sendable {
    static let sectorBytes = 512

    let stores: [RotStore]
    let foreign: RotImage
    let seed: UInt64
    let extent: RotExtent

    /// A file of a store, and so many cases as it has.
    private struct Part {
        var store: Int
        var file: String
        var count: Int
    }

    private let surgeries: [(store: Int, file: String, damage: RotCase.Damage)]
    private let sectors: [Part]
    private let bytes: [Part]
    private let surgeryOrder: CaseOrder
    private let sectorOrder: CaseOrder
    private let byteOrder: CaseOrder

    /// Cases in each part.
    var surgeryCount: Int { surgeryOrder.count }
    var sectorCount: Int { sectorOrder.count }
    var byteCount: Int { byteOrder.count }

    var count: Int { surgeryCount + sectorCount + byteCount }

    /// Cases that one byte has: each of its bits, and two values of the whole byte.
    private var casesPerByte: Int { extent == .everything ? 10 : 8 }

    init(_ stores: [RotStore], foreign: RotImage, seed: UInt64, extent: RotExtent = .everything) {
        self.stores = stores
        self.extent = extent
        self.foreign = foreign
        self.seed = seed
        var surgeries: [(store: Int, file: String, damage: RotCase.Damage)] = []
        var sectors: [Part] = []
        var bytes: [Part] = []
        for (index, store) in stores.enumerated() {
            guard extent == .everything else {
                for (name, content) in store.image.sorted(by: { $0.key < $1.key }) where !name.hasSuffix("-shm") {
                    bytes.append(Part(store: index, file: name, count: content.count * 8))
                }
                continue
            }
            let names = store.image.keys.sorted()
            for (number, name) in names.enumerated() {
                let size = store.image[name]?.count ?? 0
                surgeries += RotCase.Surgery.allCases.map { (index, name, .surgery($0)) }
                surgeries += names.indices.dropFirst(number + 1).map { (index, name, .exchanged($0)) }
                for length in stride(from: 0, to: size, by: max(Self.sectorBytes, size / 128)) {
                    surgeries.append((index, name, .cut(length)))
                    surgeries.append((index, name, .cut(min(size - 1, length + 1 + (length * 7) % 509))))
                }
                let count = (size + Self.sectorBytes - 1) / Self.sectorBytes
                sectors.append(Part(store: index, file: name, count: count * RotCase.Sector.allCases.count))
                bytes.append(Part(store: index, file: name, count: size * 10))
            }
        }
        self.surgeries = surgeries
        self.sectors = sectors
        self.bytes = bytes
        surgeryOrder = CaseOrder(surgeries.count, seed: seed)
        sectorOrder = CaseOrder(sectors.reduce(0) { $0 + $1.count }, seed: seed)
        byteOrder = CaseOrder(bytes.reduce(0) { $0 + $1.count }, seed: seed)
    }

    /// Nil behind the last one.
    subscript(number: Int) -> RotCase? {
        if number < surgeryCount {
            let (store, file, damage) = surgeries[surgeryOrder[number]]
            return RotCase(store: store, file: file, damage: damage)
        }
        if number < surgeryCount + sectorCount {
            guard let (part, at) = find(sectorOrder[number - surgeryCount], in: sectors) else {
                return nil
            }
            let kinds = RotCase.Sector.allCases
            return RotCase(
                store: part.store, file: part.file, damage: .sector(at / kinds.count, kinds[at % kinds.count]))
        }
        let rest = number - surgeryCount - sectorCount
        guard rest < byteCount, let (part, at) = find(byteOrder[rest], in: bytes) else { return nil }
        let (byte, which) = at.quotientAndRemainder(dividingBy: casesPerByte)
        let damage: RotCase.Damage = which < 8 ? .bit(byte * 8 + which) : .byte(byte, which == 8 ? 0 : 0xff)
        return RotCase(store: part.store, file: part.file, damage: damage)
    }

    private func find(_ number: Int, in parts: [Part]) -> (Part, Int)? {
        var rest = number
        for part in parts {
            if rest < part.count { return (part, rest) }
            rest -= part.count
        }
        return nil
    }
}
