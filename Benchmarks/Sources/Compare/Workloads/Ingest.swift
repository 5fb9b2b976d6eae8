// Sustained ingest: batches of 1,000 new entries, synced, without a pause, whatever the engine folds or compacts meanwhile.

extension Workload {
    static let ingest = Workload(
        name: "ingest", summary: "synced batches of 1,000 without a pause; the last tenth beside the first"
    ) { contest in
        let batches = max(10, contest.plan.bytesIngest / entryBytes / 1_000)
        let tenth = batches / 10
        let entries = tenth * 10 * 1_000
        let megabytes = contest.plan.bytesIngest >> 20
        let title = Title(
            workload: "ingest", name: "ingest", guarantee: .power,
            how: "\(megabytes.grouped) MiB of new entries in order, 1,000 to a synced batch, without a pause",
            step: "batch")
        let contestants = Contestants.with(.power, .batch, .read)
        var tenths: [String: (first: Double, last: Double)] = [:]
        var row = try await contest.freshRow(title, contestants, keys: entries, rounds: contest.plan.roundsIngest) {
            player, engine in
            let timing = Tally.Timing(stride: 1, blockSize: 1, countsMaking: true)
            var parts: [Double] = []
            for part in 0..<10 {
                let before = player.tally.soFar
                try player.tally.run(tenth, timing, on: engine, player.model.values) { index in
                    let first = (part * tenth + index) * 1_000
                    return .batch((first..<first + 1_000).map { player.model.write($0) })
                }
                parts.append((player.tally.soFar - before) / Double(tenth * 1_000))
            }
            tenths[player.contestant.id] = (parts[0], parts[9])
        }
        for index in row.figures.indices {
            let figure = row.figures[index]
            guard let parts = tenths["\(figure.engine), \(figure.setting)"] else { continue }
            (row.figures[index].firstTenth, row.figures[index].lastTenth) = (parts.first, parts.last)
        }
        return [row]
    }
}
