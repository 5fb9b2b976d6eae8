// YCSB's core workloads A, B, C and F: https://github.com/brianfrankcooper/YCSB/tree/master/workloads
//
// Its record of ten fields of 100 bytes is one value of 1,000 bytes, read and written whole. Keys are chosen by its
// scrambled zipfian. One caller; how keys are chosen does not count.

extension Workload {
    private struct Mix: Sendable {
        let letter: String
        let how: String
        let readsPerHundred: Int
        /// Whether what is not a read reads first.
        var modifies = false
    }

    private static let mixes = [
        Mix(letter: "A", how: "half reads, half updates", readsPerHundred: 50),
        Mix(letter: "B", how: "95 % reads, 5 % updates", readsPerHundred: 95),
        Mix(letter: "C", how: "reads", readsPerHundred: 100),
        Mix(letter: "F", how: "half reads, half read-modify-write", readsPerHundred: 50, modifies: true),
    ]

    static let ycsb = mixes.map { mix in
        Workload(name: "ycsb-\(mix.letter.lowercased())", summary: "YCSB \(mix.letter): \(mix.how), zipfian") {
            contest in
            var rows: [ReportRow] = []
            // Without a change there is nothing to sync.
            for guarantee in mix.readsPerHundred == 100 ? [Guarantee.process] : Guarantee.allCases {
                rows.append(try await row(contest, mix, guarantee))
            }
            return rows
        }
    }

    private static func row(_ contest: Contest, _ mix: Mix, _ guarantee: Guarantee) async throws -> ReportRow {
        let name = "YCSB \(mix.letter)"
        let keys = contest.plan.recordsYCSB
        let isReadOnly = mix.readsPerHundred == 100
        let contestants = (isReadOnly ? Contestants.readers() : Contestants.with(guarantee, .batch, .read, .put))
            .filter { $0.role != .limit }
        let players = try contest.players(name + guarantee.rawValue, contestants, keys: keys, valueSize: 1_000)
        try contest.load(players, keys: keys)
        let choice = ScrambledZipfian(items: keys)
        let isSynced = guarantee == .power
        let operations = isSynced ? contest.plan.operationsYCSBSynced : contest.plan.operationsYCSB
        try await contest.rounds(name, players) { player in
            var timing = isSynced ? Tally.Timing.slow : Tally.Timing()
            timing.seconds = contest.plan.secondsFill
            try player.tally.run(operations, timing, on: player.engine(), player.model.values) { _ in
                let number = choice.next(&player.random)
                let version = player.model.versions[number]
                if player.random.below(100) < mix.readsPerHundred { return .get(Key(number), version) }
                let entry = player.model.write(number)
                return mix.modifies ? .readModifyWrite(version, entry) : .put(entry)
            }
        }
        try contest.end(players)
        return contest.row(
            Title(
                workload: "ycsb-\(mix.letter.lowercased())", name: name, guarantee: isReadOnly ? nil : guarantee,
                how: "\(mix.how), zipfian, \(keys.grouped) records of 1,000 bytes", unit: "operation",
                step: isReadOnly ? nil : "operation of either kind; where half of them read, p50 lies between the two"),
            players)
    }
}
