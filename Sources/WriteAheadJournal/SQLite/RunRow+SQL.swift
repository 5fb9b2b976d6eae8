// The table `runs`: every run of the application, and how it ended.

/// Reading and inserting rows of `runs`.
extension RunRow {
    static func all(_ connection: SQLiteConnection) throws(StoreError) -> [RunRow] {
        try select(connection, "ORDER BY id")
    }

    static func newest(_ connection: SQLiteConnection) throws(StoreError) -> RunRow? {
        let run = try select(connection, "ORDER BY id DESC LIMIT 1").first
        // The next run gets the number after it.
        guard run?.id ?? 0 >= 0, run?.id ?? 0 < .max else {
            throw StoreError(
                .damaged, "the last row of the table runs has a number that cannot be",
                location: .init(file: connection.path))
        }
        return run
    }

    private static func select(_ connection: SQLiteConnection, _ tail: String) throws(StoreError) -> [RunRow] {
        let rows = try connection.prepare(
            """
            SELECT id,epoch,started,pid,host,boot,memory_group,memory_kills,ended,how,status,evidence,confidence
            FROM runs \(tail)
            """)
        var runs: [RunRow] = []
        while try rows.step() {
            var run = RunRow(
                id: rows.int(0), epoch: UInt64(bitPattern: rows.int(1)), started: rows.int(2),
                pid: Int32(truncatingIfNeeded: rows.int(3)), host: rows.text(4) ?? "", boot: rows.text(5) ?? "")
            if let path = rows.text(6) { run.memoryGroup = MemoryGroup(path: path, kills: rows.int(7)) }
            if !rows.isNull(8) { run.ended = rows.int(8) }
            if let how = rows.text(9) {
                run.end = RunEnd(
                    RunEnd.Kind(rawValue: how), status: rows.isNull(10) ? nil : Int32(truncatingIfNeeded: rows.int(10)),
                    evidence: rows.text(11) ?? "",
                    confidence: RunEnd.Confidence(rawValue: rows.text(12) ?? "") ?? .possible)
            }
            runs.append(run)
        }
        return runs
    }
}
