#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

/// A run with what is known of its end.
struct ReportedRun {
    enum State: String {
        /// Its end is on record.
        case ended
        /// It goes on.
        case running
        /// No end is on record: this is what the next start would say.
        case judged
    }

    let row: RunRow
    let state: State
    let end: RunEnd?

    static func all(_ reader: StoreReader) throws -> [ReportedRun] {
        let rows = try reader.runs()
        let verdict = try reader.verdictOnLastRun()
        return rows.enumerated().map { index, row in
            if let end = row.end { return ReportedRun(row: row, state: .ended, end: end) }
            if index == rows.count - 1 && reader.isLive { return ReportedRun(row: row, state: .running, end: nil) }
            return ReportedRun(row: row, state: .judged, end: index == rows.count - 1 ? verdict : nil)
        }
    }

    /// "killed", "signal SIGTERM", "exit 3".
    var how: String {
        guard let end else { return state == .running ? "running" : "unknown" }
        guard let status = end.status else { return end.kind.rawValue }
        let isSignal = end.kind == .signal || end.kind == .crash
        return "\(end.kind.rawValue) \(isSignal ? SignalName.of(status) : String(status))"
    }

    /// One sentence for `info` and `doctor`.
    var sentence: String {
        switch state {
        case .running: "run \(row.id) is running: process \(row.pid)"
        case .ended: "run \(row.id): \(how) (\(end?.confidence.rawValue ?? "")): \(end?.evidence ?? "")"
        case .judged:
            "run \(row.id), as the next start would say: \(how) (\(end?.confidence.rawValue ?? "")): \(end?.evidence ?? "")"
        }
    }

    var cells: [String] {
        let evidence: String
        switch state {
        case .running: evidence = "process \(row.pid) holds the store"
        case .ended: evidence = end?.evidence ?? ""
        case .judged: evidence = "as the next start would say: \(end?.evidence ?? "")"
        }
        return [
            String(row.id), TextForm.time(row.started), row.ended.map(TextForm.time) ?? "-", String(row.pid), how,
            end?.confidence.rawValue ?? "-", evidence,
        ]
    }

    var json: JSON {
        [
            "id": .int(row.id), "pid": .int(Int64(row.pid)), "host": .string(row.host),
            "started": .string(TextForm.time(row.started)),
            "ended": row.ended.map { .string(TextForm.time($0)) } ?? .null, "state": .string(state.rawValue),
            "how": end.map { .string($0.kind.rawValue) } ?? .null,
            "status": (end?.status).map { .int(Int64($0)) } ?? .null,
            "evidence": end.map { .string($0.evidence) } ?? .null,
            "confidence": end.map { .string($0.confidence.rawValue) } ?? .null,
        ]
    }
}
#endif
