// db_bench's reading workloads, by its names. Every value read is compared with the one written, byte by byte, inside the
// time that is measured: the same small cost for all.

extension Workload {
    static let reads = [
        Workload(
            name: "readrandom", summary: "db_bench: random keys of a filled store; readhot: of its first hundredth"
        ) {
            contest in
            let keys = contest.plan.entries
            let players = try contest.players("readrandom", Contestants.readers(), keys: keys)
            try contest.load(players, keys: keys)
            var rows: [ReportRow] = []
            for (name, range, how) in [
                ("readrandom", keys, "random keys of \(keys.grouped)"),
                ("readhot", max(1, keys / 100), "random keys of the first hundredth of \(keys.grouped)"),
            ] {
                for player in players { player.tally = Tally() }
                try await contest.rounds(name, players) { player in
                    var timing = Tally.Timing()
                    timing.seconds = contest.plan.secondsFill
                    try player.tally.run(contest.plan.reads, timing, on: player.engine(), player.model.values) { _ in
                        let number = player.random.below(range)
                        return .get(Key(number), player.model.versions[number])
                    }
                }
                rows.append(
                    contest.row(
                        Title(workload: "readrandom", name: name, guarantee: nil, how: how, unit: "read"), players))
            }
            try contest.end(players)
            return rows
        },

        Workload(name: "readseq", summary: "db_bench: every entry in the order of keys") { contest in
            let keys = contest.plan.entries
            let players = try contest.players(
                "readseq", Contestants.readers().filter { $0.role != .limit }, keys: keys)
            try contest.load(players, keys: keys)
            try await contest.rounds("readseq", players) { player in
                let engine = try player.engine()
                let start = Clock.now()
                try player.model.verify(engine, player.name)
                let nanoseconds = Double(Clock.now() - start)
                player.tally.add(nanoseconds: nanoseconds, units: keys)
                player.tally.add(latency: nanoseconds)
            }
            try contest.end(players)
            let title = Title(
                workload: "readseq", name: "readseq", guarantee: nil,
                how: "all of \(keys.grouped) in the order of keys",
                step: "scan")
            return [contest.row(title, players)]
        },
    ]
}
