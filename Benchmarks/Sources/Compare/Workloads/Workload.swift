// The workloads by the names that `--only` takes, in their order.

/// One or more rows that belong together.
struct Workload: Sendable {
    let name: String
    let summary: String
    let run: @Sendable (Contest) async throws -> [ReportRow]

    static let all: [Workload] =
        commits + fills + reads + ycsb + [concurrency, ingest, restart, growth]

    /// Bytes of one entry of the workloads with values of 100 bytes.
    static let entryBytes = Key.size + 100
}

extension Contest {
    /// Puts keys 0 to `keys` into every store, 1,000 to a batch.
    func load(_ players: [Player], keys: Int) throws {
        for player in players {
            progress.turn("loading \(keys) entries · \(player.name)")
            let engine = try player.engine()
            var next = 0
            while next < keys {
                let end = min(keys, next + 1_000)
                try engine.put((next..<end).map { player.model.write($0) })
                next = end
            }
            try settle(player)
        }
    }
}
