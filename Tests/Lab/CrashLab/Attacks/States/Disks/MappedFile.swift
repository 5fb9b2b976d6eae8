// A file that the store has mapped, as the disk may have it after a power cut.
//
// The kernel writes a page of it back when it likes, in any order, or never. So each page is, independently of every other,
// any version between the last one that was synced and the newest. Where the file was replaced, the name leads to the old
// or to the new one until the folder is synced.

internal import Drill

struct MappedFile {
    private struct Version {
        /// Where the page's bytes are in the recording, and how many.
        var at: Int
        var count: Int
        /// The number of its event.
        var event: Int
    }

    private struct Generation {
        /// As it was last synced; nil for no file at all.
        var base: [UInt8]?
        /// Newer pages by their offset, in order.
        var versions: [Int: [Version]] = [:]
        /// The number of the event that brought it; -1 for what was there at the beginning.
        var event = -1
    }

    /// How pages are chosen.
    enum Style: CaseIterable {
        case newest, oldest, mixed
        /// Mixed, and some were being written when the power went.
        case torn
    }

    private var generations: [Generation]

    init(_ bytes: [UInt8]?) { generations = [Generation(base: bytes)] }

    mutating func note(_ event: Recording.Event, number: Int) {
        let last = generations.count - 1
        switch event {
        case .page(_, let offset, let at, let count):
            generations[last].versions[offset, default: []].append(Version(at: at, count: count, event: number))
        case .replace(_, let at, let count):
            // A new file is made of zeros, and synced so, before it gets its name.
            var generation = Generation(base: [UInt8](repeating: 0, count: count), event: number)
            for offset in stride(from: 0, to: count, by: Self.page) {
                generation.versions[offset] = [
                    Version(at: at + offset, count: min(Self.page, count - offset), event: number)
                ]
            }
            generations.append(generation)
        case .delete: generations.append(Generation(base: nil, event: number))
        default: break
        }
    }

    private static let page = 4_096

    /// The file was synced: its newest pages are on the disk.
    mutating func sync(_ recording: Recording) {
        let last = generations.count - 1
        for (offset, versions) in generations[last].versions {
            guard let newest = versions.last else { continue }
            generations[last].base?.replaceSubrange(
                offset..<(offset + newest.count), with: recording.bytes[newest.at..<(newest.at + newest.count)])
        }
        generations[last].versions = [:]
    }

    /// The folder was synced: the name leads to the newest file.
    mutating func syncName() { generations.removeSubrange(..<(generations.count - 1)) }

    /// One of the files that may be there.
    ///
    /// - Returns: its bytes, nil for no file, and the number of the newest event that is in it.
    func choose(
        _ style: Style, _ recording: Recording, _ random: inout SeededRandom
    ) -> (bytes: [UInt8]?, event: Int) {
        var index = generations.count - 1
        if index > 0 && style != .newest { index = Int.random(in: 0...index, using: &random) }
        let generation = generations[index]
        var event = generation.event
        guard var bytes = generation.base else { return (nil, event) }
        // In the order of their offsets: that of a dictionary differs from run to run.
        for offset in generation.versions.keys.sorted() {
            guard let versions = generation.versions[offset] else { continue }
            var chosen = versions.count  // One more than there are: the base.
            switch style {
            case .newest: chosen = versions.count - 1
            case .oldest: break
            case .mixed, .torn:
                // Mostly one of the ends: a page is written back whole, long ago or a moment ago.
                let number = Int.random(in: 0..<(2 * versions.count + 2), using: &random)
                chosen = number < versions.count ? number : number % 2 == 0 ? versions.count - 1 : versions.count
            }
            guard chosen < versions.count else { continue }
            let version = versions[chosen]
            event = max(event, version.event)
            if style == .torn && Bool.random(using: &random) {
                for at in stride(from: 0, to: version.count, by: Tearing.sector) where Bool.random(using: &random) {
                    let count = min(Tearing.sector, version.count - at)
                    let from = version.at + at
                    bytes.replaceSubrange(
                        (offset + at)..<(offset + at + count), with: recording.bytes[from..<(from + count)])
                }
            } else {
                bytes.replaceSubrange(
                    offset..<(offset + version.count), with: recording.bytes[version.at..<(version.at + version.count)])
            }
        }
        return (bytes, event)
    }
}
