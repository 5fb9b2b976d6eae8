// Does to the files of a store what a case says.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct RotDamage {
    let cases: RotCases

    /// Writes the case's store to an empty folder, damaged.
    ///
    /// - Returns: false where the damage changes nothing.
    func make(_ rot: RotCase, number: Int, in path: String) throws -> Bool {
        let whole = cases.stores[rot.store].image
        var image = whole
        alter(&image, rot, number)
        try ScratchFiles.write(image, to: path)
        guard case .surgery(let kind) = rot.damage else { return image != whole }
        try operate(kind, path + "/" + rot.file)
        return true
    }

    private func alter(_ image: inout RotImage, _ rot: RotCase, _ number: Int) {
        let name = rot.file
        let before = image[name]
        switch rot.damage {
        case .bit(let bit): image[name]?[bit / 8] ^= 1 << UInt8(bit % 8)
        case .byte(let at, let value): image[name]?[at] = value
        case .cut(let length): image[name]?.removeSubrange(length...)
        case .exchanged(let other):
            let second = image.keys.sorted()[other]
            image[name] = image[second]
            image[second] = before
        case .sector(let sector, let kind): alterSector(&image, rot, sector, kind, number)
        case .surgery(let kind):
            switch kind {
            case .missing: image[name] = nil
            case .empty: image[name] = []
            case .foreign: image[name] = cases.foreign[name] ?? []
            case .old: image[name] = cases.stores[rot.store].earlier[name]
            case .longer: image[name]? += [UInt8](repeating: 0x5a, count: 5_000)
            case .readOnly, .symbolicLink, .hardLink, .folder, .fullFolder, .pipe: break
            }
        }
    }

    private func alterSector(
        _ image: inout RotImage, _ rot: RotCase, _ sector: Int, _ kind: RotCase.Sector, _ number: Int
    ) {
        let size = RotCases.sectorBytes
        var random = SeededRandom(seed: cases.seed, stream: UInt64(number))
        let place = (rot.file, sector * size)
        // Any sector of any file of the store.
        let names = image.keys.filter { (image[$0]?.count ?? 0) >= size }.sorted()
        let otherFile = names.randomElement(using: &random) ?? rot.file
        let count = (image[otherFile]?.count ?? size) / size
        let other = (otherFile, Int.random(in: 0..<max(1, count), using: &random) * size)
        func read(_ place: (String, Int), of image: RotImage) -> [UInt8] {
            guard let bytes = image[place.0], place.1 < bytes.count else { return [] }
            return Array(bytes[place.1..<min(place.1 + size, bytes.count)])
        }
        func put(_ bytes: [UInt8], _ place: (String, Int)) {
            for (index, byte) in bytes.enumerated() where place.1 + index < image[place.0]?.count ?? 0 {
                image[place.0]?[place.1 + index] = byte
            }
        }
        let here = read(place, of: image)
        let there = read(other, of: image)
        switch kind {
        case .zeros: put([UInt8](repeating: 0, count: size), place)
        case .garbage: put((0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }, place)
        case .copiedAway: put(here, other)
        case .overwritten: put(there, place)
        case .swapped:
            put(there, place)
            put(here, other)
        case .stale: put(read(place, of: cases.stores[rot.store].earlier), place)
        }
    }

    private func operate(_ kind: RotCase.Surgery, _ path: String) throws {
        /// Surgery that was not done would be a case that nothing is wrong with.
        func done(_ result: Int32) throws { if result != 0 { throw Files.failure("altering", path) } }
        switch kind {
        case .missing, .empty, .foreign, .old, .longer: return
        case .readOnly: try done(chmod(path, 0o400))
        case .symbolicLink:
            try done(rename(path, path + ".moved"))
            try done(symlink(path + ".moved", path))
        case .hardLink: try done(link(path, path + ".linked"))
        case .folder, .fullFolder:
            try done(unlink(path))
            try ScratchFiles.make(folder: path)
            if kind == .fullFolder { try ScratchFiles.write([1], to: path + "/file") }
        case .pipe:
            try done(unlink(path))
            try done(mkfifo(path, 0o600))
        }
    }
}
