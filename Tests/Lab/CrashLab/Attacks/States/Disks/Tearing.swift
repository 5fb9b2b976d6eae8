internal import Drill

/// How a write can be cut up by the power: https://www.sqlite.org/atomiccommit.html, section 2.
struct Tearing {
    static let sector = 512

    /// What has become of one sector of a write.
    enum Fate: CaseIterable {
        case written, notYet
        /// In flight: part of it new, part old; zeros; anything.
        case half, zeros, garbage
    }

    /// Bytes beside the written ones, in the sector that is in flight, are damaged, too: what a drive without powersafe
    /// overwrite may do (docs/failure-model.md, assumption 2).
    var damagesWholeSectors: Bool

    /// Writes some sectors of the bytes.
    func write(
        _ bytes: UnsafeRawBufferPointer, to file: StoreFile, at offset: Int, of image: inout DiskImage,
        _ random: inout SeededRandom
    ) {
        let end = offset + bytes.count
        let style = Int.random(in: 0..<4, using: &random)
        let sectors = (end + Self.sector - 1) / Self.sector - offset / Self.sector
        // A prefix, with the sector behind it in flight; or each sector as it likes.
        let stop = Int.random(in: 0...sectors, using: &random)
        var at = offset
        var number = 0
        while at < end {
            let next = min((at / Self.sector + 1) * Self.sector, end)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[(at - offset)..<(next - offset)])
            var fate = Fate.allCases.randomElement(using: &random) ?? .written
            switch style {
            case 0: fate = number < stop ? .written : number == stop ? fate : .notYet
            case 1: fate = Bool.random(using: &random) ? .written : .notYet
            case 2: fate = number == stop ? fate : .written
            default: break
            }
            put(piece, fate, file, at, &image, &random)
            at = next
            number += 1
        }
    }

    private func put(
        _ piece: UnsafeRawBufferPointer, _ fate: Fate, _ file: StoreFile, _ at: Int, _ image: inout DiskImage,
        _ random: inout SeededRandom
    ) {
        switch fate {
        case .written: image.write(file, at, piece)
        case .notYet: break
        case .half:
            let cut = Int.random(in: 0...piece.count, using: &random)
            if Bool.random(using: &random) {
                image.write(file, at, UnsafeRawBufferPointer(rebasing: piece[..<cut]))
            } else {
                image.write(file, at + cut, UnsafeRawBufferPointer(rebasing: piece[cut...]))
            }
        case .zeros, .garbage:
            var first = at
            var end = at + piece.count
            if damagesWholeSectors {
                first = at / Self.sector * Self.sector
                end = min(first + Self.sector, max(end, image.size(file)))
            }
            var damage = [UInt8](repeating: 0, count: end - first)
            if fate == .garbage {
                for index in damage.indices { damage[index] = UInt8.random(in: 0...255, using: &random) }
            }
            damage.withUnsafeBytes { image.write(file, first, $0) }
        }
    }
}
