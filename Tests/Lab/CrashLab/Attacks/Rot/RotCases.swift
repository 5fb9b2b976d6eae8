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
