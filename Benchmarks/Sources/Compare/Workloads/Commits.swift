// The price of one change by one caller: how long a call takes, and what an engine keeps up.

extension Workload {
    static let commits = [
        Workload(name: "power", summary: "one synced change after another on 1,000 hot keys") { contest in
            let players = try contest.players("power", Contestants.with(.power, .put), keys: 1_000)
            for player in players {
                contest.progress.turn("until the log no longer grows · \(player.name)")
                let engine = try player.engine()
                for index in 0..<contest.plan.changesWarming { try engine.put(player.model.write(index % 1_000)) }
                try contest.settle(player)
            }
            try await contest.rounds("power", players) { player in
                try player.tally.run(contest.plan.changesSynced, .slow, on: player.engine(), player.model.values) { _ in
                    .put(player.model.write(player.random.below(1_000)))
                }
            }
            try contest.end(players)
            let title = Title(
                workload: "power", name: "put, synced", guarantee: .power,
                how: "one caller, 1,000 hot keys, the log past its growing")
            return [contest.row(title, players)]
        },

        Workload(name: "burst", summary: "changes not synced, as many as fit the tail, on 1,000 hot keys") { contest in
            let count = contest.plan.entriesBurst
            let players = try contest.players("burst", Contestants.with(.process, .put), keys: 1_000)
            for player in players {
                // So that the first round finds caches and files as the others do.
                let engine = try player.engine()
                for index in 0..<max(1, count / 10) { try engine.put(player.model.write(index % 1_000)) }
                try contest.settle(player)
            }
            try await contest.rounds("burst", players) { player in
                var timing = Tally.Timing()
                timing.seconds = contest.plan.secondsFill
                try player.tally.run(count, timing, on: player.engine(), player.model.values) { _ in
                    .put(player.model.write(player.random.below(1_000)))
                }
            }
            try contest.end(players)
            let title = Title(
                workload: "burst", name: "put, burst", guarantee: .process,
                how:
                    "one caller, 1,000 hot keys, \(count.grouped) puts, which fit Backstay's tail; half the truth: see the "
                    + "sustained rate")
            return [contest.row(title, players)]
        },

        Workload(name: "sustained", summary: "changes not synced, without a pause, for seconds") { contest in
            let keys = contest.plan.keysSustained
            let seconds = contest.plan.secondsSustained
            let title = Title(
                workload: "sustained", name: "put, sustained", guarantee: .process,
                how:
                    "one caller, random keys of \(keys.grouped), \(seconds.shortened) s without a pause, making keys and "
                    + "values included")
            return [
                try await contest.freshRow(title, Contestants.with(.process, .put, .read), keys: keys) {
                    player, engine in
                    let timing = Tally.Timing(countsMaking: true, seconds: seconds, endsByTime: true)
                    try player.tally.run(.max, timing, on: engine, player.model.values) { _ in
                        .put(player.model.write(player.random.below(keys)))
                    }
                }
            ]
        },
    ]
}
