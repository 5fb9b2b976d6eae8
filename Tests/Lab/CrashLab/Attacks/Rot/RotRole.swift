// What a child of the attack `rot` is asked to do.

internal import Drill
internal import WriteAheadJournal

struct RotRole {
    static let firstArgument = "--rot-child"

    /// Where the images are, and the child's folder is made.
    var place: String
    var seed: UInt64
    var extent: RotExtent
    var from: Int
    var count: Int
    /// Of these only those of this store and file, as "live/tail"; empty for all.
    var only = ""
    var reader = RotTrial.Reader.store

    var arguments: [String] {
        [
            Self.firstArgument, "place=\(place)", "seed=\(seed)", "extent=\(extent.rawValue)", "from=\(from)",
            "count=\(count)", "only=\(only)", "reader=\(reader.rawValue)",
        ]
    }
}

extension RotRole {
    /// Nil where the words are none of ours.
    init?(arguments: [String]) {
        guard arguments.first == Self.firstArgument else { return nil }
        var values: [Substring: String] = [:]
        for word in arguments.dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { values[pair[0]] = String(pair[1]) }
        }
        guard let place = values["place"], let seed = values["seed"].flatMap({ UInt64($0) }),
            let extent = values["extent"].flatMap({ RotExtent(rawValue: String($0)) }),
            let from = values["from"].flatMap({ Int($0) }), let count = values["count"].flatMap({ Int($0) }),
            let only = values["only"], let reader = values["reader"].flatMap(RotTrial.Reader.init(rawValue:))
        else { return nil }
        self.init(
            place: place, seed: seed, extent: extent, from: from, count: count, only: only, reader: reader)
    }
}
