// db_bench's writing workloads, by its names: https://github.com/google/leveldb/blob/main/benchmarks/db_bench.cc
//
// Keys of 16 bytes, values of 100 that compress by half, a new store for each turn; making keys and values counts, as it
// does there. A turn that runs out of time counts what it has done.

extension Workload {
    static let fills = [
        Workload(name: "fillseq", summary: "db_bench: new keys in order") { contest in
            [
                try await fill(contest, "fillseq", .process, "new keys in order, one put each", contest.plan.entries) {
                    player, index in .put(player.model.write(index))
                }
            ]
        },
        Workload(name: "fillrandom", summary: "db_bench: keys in random order") { contest in
            let keys = contest.plan.entries
            return [
                try await fill(contest, "fillrandom", .process, "keys in random order, one put each", keys) {
                    player, _ in .put(player.model.write(player.random.below(keys)))
                }
            ]
        },
        Workload(name: "fillsync", summary: "db_bench: keys in random order, each put synced") { contest in
            let keys = contest.plan.entriesSynced
            return [
                try await fill(
                    contest, "fillsync", .power, "keys in random order, one synced put each, a new store", keys
                ) { player, _ in .put(player.model.write(player.random.below(keys))) }
            ]
        },
        Workload(name: "fillbatch", summary: "db_bench: new keys in order, 1,000 to a batch, synced and not") {
            contest in
            var rows: [ReportRow] = []
            for guarantee in Guarantee.allCases {
                rows.append(
                    try await fill(
                        contest, "fillbatch", guarantee, "new keys in order, 1,000 to a batch", contest.plan.entries,
                        batch: 1_000
                    ) { player, index in
                        .batch((index * 1_000..<(index + 1) * 1_000).map { player.model.write($0) })
                    })
            }
            return rows
        },
        Workload(name: "overwrite", summary: "db_bench: random keys of a filled store") { contest in
            let keys = contest.plan.entries
            let players = try contest.players("overwrite", Contestants.with(.process, .put, .batch, .read), keys: keys)
            try contest.load(players, keys: keys)
            try await contest.rounds("overwrite", players) { player in
                let timing = Tally.Timing(countsMaking: true, seconds: contest.plan.secondsFill)
                try player.tally.run(keys, timing, on: player.engine(), player.model.values) { _ in
                    .put(player.model.write(player.random.below(keys)))
                }
            }
            try contest.end(players)
            let title = Title(
                workload: "overwrite", name: "overwrite", guarantee: .process,
                how: "random keys of a store of \(keys.grouped), one put each")
            return [contest.row(title, players)]
        },
    ]

    private static func fill(
        _ contest: Contest, _ name: String, _ guarantee: Guarantee, _ how: String, _ entries: Int, batch: Int = 1,
        _ step: @escaping (Player, Int) -> Step
    ) async throws -> ReportRow {
        let title = Title(
            workload: name, name: name, guarantee: guarantee, how: "\(entries.grouped) entries, \(how)",
            step: batch > 1 ? "batch" : nil)
        let contestants = Contestants.with(guarantee, batch > 1 ? .batch : .put, .read)
            .filter { $0.role != .limit }
        return try await contest.freshRow(title, contestants, keys: entries) { player, engine in
            var timing = Tally.Timing(countsMaking: true, seconds: contest.plan.secondsFill)
            if guarantee == .power || batch > 1 { (timing.stride, timing.blockSize) = (1, batch > 1 ? 1 : 16) }
            try player.tally.run(entries / batch, timing, on: engine, player.model.values) { step(player, $0) }
        }
    }
}
