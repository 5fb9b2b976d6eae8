// What a killed run had in its tail alone, and whether it is lost.

extension RunRow {
    /// Why changes that were in this run's tail alone are lost; nil where none are, or where nobody can tell.
    ///
    /// Only after the death of its process: a power cut leaves of a mapped file what it likes.
    func tailLoss(
        page: RunPage.Image?, _ tail: TailImage?, _ found: TailImage.Continuation?, _ journal: SQLiteConnection,
        boot now: String? = nil
    ) throws(StoreError) -> String? {
        let boot = now ?? Machine.bootIdentity()
        guard end == nil, self.boot == boot, !boot.isEmpty
        else { return nil }
        guard let tail, tail.epoch == epoch, let found else {
            guard let page, page.epoch == epoch, page.keepsTail else { return nil }
            return "the tail of the last run is missing or altered: changes that were in it alone are lost"
        }
        var why = found.why
        if let missing = found.missing {
            // Rows the log no longer has say nothing.
            let fitting = try journal.query(
                "SELECT count(*) FROM journal WHERE last_lsn>=? AND length(records)<=?",
                bind: {
                    $0.bind(1, Int64(bitPattern: missing.value))
                    $0.bind(2, Int64(tail.contentBytesMax))
                }
            ) { $0.int(0) }
            if fitting ?? 0 > 0 {
                why = "the tail is of an earlier moment than the journal"
            }
        }
        let last = found.records.isEmpty ? found.after : found.records.last
        return why.map { "\($0): changes behind LSN \(last) that were in the tail alone are lost" }
    }
}
