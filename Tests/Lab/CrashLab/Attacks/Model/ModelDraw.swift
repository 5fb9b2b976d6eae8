// What a random life is drawn from: its keys, and the options of each start.

internal import Backstay
internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal

enum ModelDraw {
    /// Names that are alike to a reader and not to the store, that are prefixes of each other, the longest one, and rows.
    static func keys(_ random: inout SeededRandom) -> [String] {
        var keys = [
            "a", "a\u{0}b", "é", "e\u{301}", "user", "user/", "user/1", "user/10", "user/2", "'quote\"", "日本", "👩‍🚀", " ",
            "\n",
            "\u{10ffff}", String(repeating: "long/", count: 819) + "k",
        ]
        for _ in 0..<Int.random(in: 0...60, using: &random) {
            keys.append("row/\(Int.random(in: 0..<1_000, using: &random))")
        }
        return keys
    }

    /// Options of a store that does nothing by itself.
    static func options(durability: Durability) -> StoreOptions {
        var options = StoreOptions()
        options.durability = durability
        options.closesAtExit = false
        options.tailBytes = 64 << 10
        options.ageMax = 3_600_000_000_000
        options.checkpointsByItself = false
        (options.diskFullPatience, options.retryInterval) = (.zero, 3_600_000_000_000)
        options.boot = "the lab's"
        options.vfs = FaultVFS.name
        return options
    }

    /// Either a full disk is an error at once, or the next try finds room: nothing in between, where the clock would decide.
    static func options(_ random: inout SeededRandom) -> StoreOptions {
        var options = options(durability: Bool.random(using: &random) ? .power : .process)
        options.paranoidSectors = Int.random(in: 0..<4, using: &random) == 0
        options.walBytesKept = [96 << 10, 160 << 10, 512 << 10].randomElement(using: &random)
        options.stateFramesMax = [4, 40, 1_024].randomElement(using: &random)
        options.reservedBytes = [6 << 10, 64 << 10].randomElement(using: &random)
        if Bool.random(using: &random) {
            (options.diskFullPatience, options.retryInterval) = (.seconds(60), 1_000_000)
        }
        return options
    }
}
