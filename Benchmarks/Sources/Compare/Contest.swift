// Lets contestants take turns in one row.
//
// The rule: nothing is compared across runs, nor across hours of one run. In each round every contestant has its turn, one
// right after the other; the one who begins changes from round to round. After each turn its engine settles and its files
// are synced, so that what one left to be written is not written in another's turn. A ratio is that of two turns of one
// round.

import Foundation

/// One contestant with its store.
final class Player {
    let contestant: Contestant
    let folder: String
    /// What the store must contain.
    let model: Model
    /// The same numbers for every contestant.
    var random: SplitMix64
    var tally: Tally
    private var opened: (any Engine)?

    init(_ contestant: Contestant, _ folder: String, _ model: Model, seed: UInt64, tally: Tally = Tally()) throws {
        self.contestant = contestant
        self.folder = folder
        self.model = model
        self.tally = tally
        random = SplitMix64(seed: seed)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    var name: String { "\(contestant.name) (\(contestant.setting))" }

    func engine() throws -> any Engine {
        if let opened { return opened }
        let engine = try contestant.open(folder)
        opened = engine
        return engine
    }

    /// Reads back all that was written, where the engine can.
    func verify() throws {
        if contestant.role != .limit { try model.verify(engine(), name) }
    }

    func close() throws {
        let engine = opened
        opened = nil
        try engine?.close()
    }

    func remove() throws {
        try close()
        try FileManager.default.removeItem(atPath: folder)
    }
}

/// What a row is about.
struct Title: Sendable {
    /// The workload's name on the command line.
    let workload: String
    let name: String
    let guarantee: Guarantee?
    /// How it is done, in a few words.
    let how: String
    /// What is counted.
    var unit = "entry"
    /// What a latency is of, where that is not one unit.
    var step: String?
    /// Keys in the store, for a point on a curve of growth.
    var keys: Int?
}

/// The run: sizes, place, progress.
struct Contest {
    let plan: Plan
    let folder: String
    let progress: Progress

    /// The engines to show beside Backstay, in small letters. Empty for all.
    var engines: Set<String> = []
    /// This program: it starts itself to be killed.
    var program = KilledChild.thisProgram

    func chosen(_ contestants: [Contestant]) -> [Contestant] {
        engines.isEmpty
            ? contestants : contestants.filter { $0.role == .ours || engines.contains($0.name.lowercased()) }
    }

    /// Players for a row, each with a folder of its own.
    func players(_ title: String, _ contestants: [Contestant], keys: Int, valueSize: Int = 100) throws -> [Player] {
        try chosen(contestants).enumerated().map { index, contestant in
            try Player(
                contestant, "\(folder)/\(title.filter { $0.isLetter || $0.isNumber })-\(index)",
                Model(keys: keys, values: Values(size: valueSize)), seed: plan.seed)
        }
    }

    /// Rounds in which every player has its turn with the same store.
    func rounds(_ title: String, _ players: [Player], rounds: Int? = nil, _ turn: (Player) async throws -> Void)
        async throws
    {
        let rounds = rounds ?? plan.rounds
        for round in 0..<rounds {
            for offset in players.indices {
                let player = players[(round + offset) % players.count]
                progress.turn(
                    "\(title) · \(player.name) · round \(round + 1) of \(rounds)",
                    done: round * players.count + offset, of: rounds * players.count)
                player.tally.beginTurn()
                try await turn(player)
                player.tally.endTurn()
                try settle(player)
            }
        }
    }

    /// Waits until the player's work in the background has ended and its files are written.
    func settle(_ player: Player) throws {
        try player.engine().settle()
        try syncFiles(player.folder)
    }

    /// The store's files only: the file system may have other users.
    func syncFiles(_ folder: String) throws {
        for name in FileManager.default.enumerator(atPath: folder)?.compactMap({ $0 as? String }) ?? [] {
            // A file may be gone by now: compaction goes on.
            let descriptor = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            guard fsync(descriptor) == 0 else { throw Failure("\(name) could not be synced") }
        }
    }

    /// A row in which each turn begins with a new store, which is read back whole and removed after it.
    func freshRow(
        _ title: Title, _ contestants: [Contestant], keys: Int, rounds: Int? = nil,
        _ turn: (Player, any Engine) async throws -> Void
    ) async throws -> ReportRow {
        let rounds = rounds ?? plan.rounds
        let chosen = chosen(contestants)
        let tallies = chosen.map { _ in Tally() }
        for round in 0..<rounds {
            for offset in chosen.indices {
                let index = (round + offset) % chosen.count
                let player = try Player(
                    chosen[index], "\(folder)/turn", Model(keys: keys, values: Values(size: 100)),
                    seed: plan.seed &+ UInt64(round), tally: tallies[index])
                progress.turn(
                    "\(title.name) · \(player.name) · round \(round + 1) of \(rounds)",
                    done: round * chosen.count + offset, of: rounds * chosen.count)
                let engine = try player.engine()
                player.tally.beginTurn()
                try await turn(player, engine)
                player.tally.endTurn()
                try settle(player)
                try player.verify()
                try player.remove()
            }
        }
        return ReportRow(title, zip(chosen, tallies).map { Figure($0, $1) })
    }

    /// The row of players who keep their stores.
    func row(_ title: Title, _ players: [Player]) -> ReportRow {
        ReportRow(title, players.map { Figure($0.contestant, $0.tally) })
    }

    /// Reads everything back, closes and removes.
    func end(_ players: [Player]) throws {
        for player in players {
            progress.turn("reading back · \(player.name)")
            try player.verify()
            try player.remove()
        }
    }
}
