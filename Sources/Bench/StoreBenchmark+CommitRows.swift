// The rows on changes: each level beside the raw limit of what it has to do, and beside plain SQLite at the same guarantee.

internal import Backstay
internal import WriteAheadJournal

extension StoreBenchmark {
    // MARK: Survives power loss

    /// Commits in turns of ten, so that another program's sync hits both alike: the median of each, round by round.
    private func compareCommits(
        _ name: String, other: String, goal: String, atMost: Double,
        _ subjects: (_ round: Int) async throws -> (
            ours: () throws -> Void, theirs: () throws -> Void, end: () async throws -> Void
        )
    ) async throws -> Row {
        let turns = scaled(40)
        var our: [Double] = []
        var their: [Double] = []
        for round in 0..<rounds {
            progress("\(name): round \(round + 1) of \(rounds)")
            let (ours, theirs, end) = try await subjects(round)
            var times: (ours: [Double], theirs: [Double]) = ([], [])
            for _ in 0..<turns {
                for _ in 0..<10 { times.ours.append(try Stopwatch.seconds(ours)) }
                for _ in 0..<10 { times.theirs.append(try Stopwatch.seconds(theirs)) }
            }
            try await end()
            our.append(Spread(times.ours).median * 1e9)
            their.append(Spread(times.theirs).median * 1e9)
        }
        let ratio = Spread(zip(our, their).map { $1 / $0 })
        return Row(
            name: name, ours: Spread(our), other: other, theirs: Spread(their), ratio: ratio, goal: goal,
            isMet: ratio.median >= 1 / atMost)
    }

    func powerOneCaller() async throws -> Row {
        let store = try await StateStore.open(fresh("power"))
        let run = Subject(store: store, plain: try PlainSQLite(fresh("plain-full.db"), "FULL"))
        // Until SQLite's log has begun anew it grows with each commit, which costs about double: the next row.
        progress("set .power, one caller: until both overwrite their logs")
        _ = try run.power(scaled(1_200))
        _ = try run.sqlite(scaled(1_200))
        let row = try await compareCommits(
            "set .power, one caller", other: "SQLite FULL, one insert a commit", goal: "≤ 1.1×", atMost: 1.1
        ) { _ in ({ _ = try run.power(1) }, { _ = try run.sqlite(1) }, {}) }
        try await store.close()
        return row
    }

    /// The first commits of a program that has just made its store.
    func powerNew() async throws -> Row {
        try await compareCommits(
            "set .power, one caller, new store", other: "SQLite FULL, new database", goal: "≤ 0.55×", atMost: 0.55
        ) { round in
            let store = try await StateStore.open(fresh("power-new"))
            let run = Subject(store: store, plain: try PlainSQLite(fresh("plain-new-\(round).db"), "FULL"))
            return ({ _ = try run.power(1) }, { _ = try run.sqlite(1) }, { try await store.close() })
        }
    }

    func powerBesideDevice() async throws -> Row {
        let store = try await StateStore.open(fresh("power-raw"))
        let raw = try RawDevice(fresh("raw"))
        let run = Subject(store: store, plain: nil)
        _ = try run.power(scaled(400))
        let row = try await compareCommits(
            "set .power, one caller", other: "raw 4 KiB overwrite + fdatasync", goal: "≤ 1.25×", atMost: 1.25
        ) { _ in ({ _ = try run.power(1) }, raw.commit, {}) }
        try await store.close()
        return row
    }

    func powerTasks() async throws -> Row {
        let count = scaled(6_400)
        let store = try await StateStore.open(fresh("tasks"))
        let run = Subject(store: store, plain: nil)
        let alone = max(16, count / 64)
        let row = try await compare(
            "set .power, 64 tasks", units: count, other: "one caller", goal: "≥ 20×", atMost: 1 / 20,
            { try await run.tasks(64, each: count / 64) },
            { try run.power(alone) * Double(count) / Double(alone) })
        try await store.close()
        return row
    }

    // MARK: Survives the process

    /// So many changes fit into the tail before it is half full, so that no writer waits for the disk.
    private var burst: Int { min(10_000, scaled(10_000)) }

    func processBurst() async throws -> Row {
        let count = scaled(2_000)
        let store = try await StateStore.open(fresh("process"))
        let run = Subject(store: store, plain: try PlainSQLite(fresh("plain-normal.db"), "NORMAL"))
        _ = try run.process(1_000)
        let row = try await compare(
            "set .process, a burst of \(burst)", units: burst, theirUnits: count,
            other: "SQLite NORMAL, one insert a commit", goal: "≥ 20×", atMost: 1 / 20,
            {
                try run.sync()
                return try run.process(burst)
            }, { try run.sqlite(count) })
        try await store.close()
        return row
    }

    func processBesideMapping() async throws -> Row {
        let store = try await StateStore.open(fresh("process-raw"))
        let raw = try RawMapping(fresh("raw-mapping"))
        let run = Subject(store: store, plain: nil)
        _ = try run.process(1_000)
        let row = try await compare(
            "set .process, a burst of \(burst)", units: burst, other: "raw copy + CRC-32C into a mapping",
            goal: "reported", atMost: .infinity,
            {
                try run.sync()
                return try run.process(burst)
            }, { Stopwatch.seconds { for _ in 0..<burst { raw.append() } } })
        try await store.close()
        return row
    }

    /// Many times the tail: what the disk takes for good, folding into the table included.
    func processSustained() async throws -> Row {
        let count = scaled(1_000_000)
        let theirs = scaled(50_000)
        let store = try await StateStore.open(fresh("sustained"))
        let run = Subject(store: store, plain: try PlainSQLite(fresh("plain-sustained.db"), "NORMAL"))
        let row = try await compare(
            "set .process, \(count) in a row", units: count, theirUnits: theirs,
            other: "SQLite NORMAL, one insert a commit", goal: "reported", atMost: .infinity,
            { try run.process(count) }, { try run.sqlite(theirs) })
        try await store.close()
        return row
    }
}
