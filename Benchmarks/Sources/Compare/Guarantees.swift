// Whether engines do what their row says, before anything is timed.
//
// What is written must be read back. And an engine that is to survive power loss must sync each change of a lone caller: a
// setting that does not take effect would otherwise make it look a hundred times quicker than it is.

import CPeers

extension Contest {
    /// - Throws: a `Failure` naming the engine that does not keep its guarantee.
    func checkGuarantees() throws {
        let contestants = chosen(Contestants.all).filter { $0.role != .limit }
        for (index, contestant) in contestants.enumerated() {
            progress.turn("does it keep what it says? · \(contestant.id)", done: index, of: contestants.count)
            try Self.check(contestant, folder + "/check")
        }
    }

    static func check(_ contestant: Contestant, _ folder: String, changes: Int = 25) throws {
        let player = try Player(contestant, folder, Model(keys: changes, values: Values(size: 100)), seed: 0)
        let engine = try player.engine()
        let before = peers_syncs()
        for number in 0..<changes { try engine.put(player.model.write(number)) }
        let syncs = peers_syncs() - before
        if contestant.guarantee == .power, before >= 0, syncs < changes {
            throw Failure("\(player.name): \(changes) changes, \(syncs) syncs: they would not survive power loss")
        }
        try player.verify()
        try player.remove()
    }
}
