// The rows on changes: each level beside the raw limit of what it has to do, and beside plain SQLite at the same guarantee.

internal import Backstay
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

extension StoreBenchmark {
    // MARK: Survives power loss

    func powerOneCaller() async throws -> Row {
        let count = scaled(400)
        let store = try await StateStore.open(fresh("power"))
        let plain = try PlainSQLite(fresh("plain-full.db"), "FULL")
        let run = Subject(store: store, plain: plain)
        // Until its -wal has begun anew, each commit makes the file grow, which costs about double: both first get past it.
        progress("set .power, one caller: until both overwrite their logs")
        _ = try run.power(scaled(1_200))
        _ = try run.sqlite(scaled(1_200))
        let row = try await compare(
            "set .power, one caller", units: count, other: "SQLite FULL, one insert a commit", goal: "≤ 1.3×",
            atMost: 1.3,
            { try run.powerMedian(count) }, { try run.sqliteMedian(count) })
        try await store.close()
        return row
    }

    func powerRaw() async throws -> Row {
        let count = scaled(400)
        let store = try await StateStore.open(fresh("power-raw"))
        let raw = try RawDevice(fresh("raw"))
        let run = Subject(store: store, plain: nil)
        let row = try await compare(
            "set .power, one caller", units: count, other: "raw 4 KiB overwrite + fdatasync", goal: "≤ 1.25×",
            atMost: 1.25,
            { try run.powerMedian(count) }, { try Stopwatch.medianSeconds(of: count) { try raw.commit() } })
        try await store.close()
        return row
    }

    /// The first commits of a program that has just made its store: SQLite's log grows with each.
    func powerNew() async throws -> Row {
        let count = scaled(800)
        return try await compare(
            "set .power, one caller, new store", units: count, other: "SQLite FULL, new database", goal: "≤ 0.55×",
            atMost: 0.55,
            {
                let store = try await StateStore.open(fresh("power-new"))
                let seconds = try Subject(store: store, plain: nil).powerMedian(count)
                try await store.close()
                return seconds
            },
            {
                for ending in ["", "-wal", "-shm"] { unlink(folder + "/new.db" + ending) }
                return try PlainSQLite(folder + "/new.db", "FULL").median(of: count)
            })
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
                try run.settle()
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
                try run.settle()
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
