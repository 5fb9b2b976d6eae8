// Growth: the same store from a thousand keys to ten million. What does a change, a read, a new key cost at each size, and
// how long is the longest pause on the way?

extension Workload {
    static let growth = Workload(
        name: "growth", summary: "10³ to 10⁷ keys (10⁵ when quick): cost of a put, a get, a new key; longest pause"
    ) { contest in
        let plan = contest.plan
        let most = decade(plan.decadesGrowth.upperBound)
        var players = try contest.players(
            "growth", Contestants.with(.process, .put, .batch, .read).filter { $0.role != .limit }, keys: most)
        var rows: [ReportRow] = []
        var size = 0
        for power in plan.decadesGrowth {
            let keys = decade(power)
            players = try await grow(contest, players, from: size, to: keys, into: &rows)
            size = keys
            try await costs(contest, players, keys, into: &rows)
        }
        try contest.end(players)
        return rows
    }

    private static func decade(_ power: Int) -> Int { (0..<power).reduce(1) { ten, _ in ten * 10 } }

    /// New keys in batches of 100, scattered. Who takes too long is out, and said to be.
    private static func grow(
        _ contest: Contest, _ players: [Player], from: Int, to keys: Int, into rows: inout [ReportRow]
    ) async throws -> [Player] {
        // Each decade has its keys in an order of its own: keys of all decades lie between each other.
        let most = contest.plan.decadesGrowth.upperBound
        let order = Scattered(decade(most))
        for player in players { player.tally = Tally() }
        try await contest.rounds("growth to \(keys.grouped)", players, rounds: 1) { player in
            let timing = Tally.Timing(stride: 1, blockSize: 1, seconds: contest.plan.secondsGrowth)
            try player.tally.run((keys - from) / 100, timing, on: player.engine(), player.model.values) { index in
                let first = from + index * 100
                return .batch((first..<first + 100).map { player.model.write(order[$0]) })
            }
        }
        let title = Title(
            workload: "growth", name: "growth: new key", guarantee: .process,
            how: "from \(from.grouped) to \(keys.grouped) keys, scattered, 100 to a batch", step: "batch", keys: keys)
        rows.append(contest.row(title, players))
        var remaining: [Player] = []
        for player in players {
            if player.tally.endedEarly {
                try player.verify()
                try player.remove()
            } else {
                remaining.append(player)
            }
        }
        return remaining
    }

    private static func costs(_ contest: Contest, _ players: [Player], _ keys: Int, into rows: inout [ReportRow])
        async throws
    {
        let steps = contest.plan.stepsGrowth
        let order = Scattered(decade(contest.plan.decadesGrowth.upperBound))
        for (name, how) in [("put", "puts to"), ("get", "reads of")] {
            for player in players { player.tally = Tally() }
            try await contest.rounds("growth: \(name) at \(keys.grouped)", players) { player in
                var timing = Tally.Timing()
                timing.seconds = contest.plan.secondsFill
                try player.tally.run(steps, timing, on: player.engine(), player.model.values) { _ in
                    let number = order[player.random.below(keys)]
                    if name == "put" { return .put(player.model.write(number)) }
                    return .get(Key(number), player.model.versions[number])
                }
            }
            let title = Title(
                workload: "growth", name: "growth: \(name)", guarantee: name == "put" ? .process : nil,
                how: "\(how) random keys of \(keys.grouped)", unit: name == "put" ? "entry" : "read", keys: keys)
            rows.append(contest.row(title, players))
        }
    }
}
