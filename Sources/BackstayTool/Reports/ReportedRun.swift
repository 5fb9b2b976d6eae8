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

    let run: StateStore.Run
    var state: State { run.isRunning ? .running : run.isEndRecorded ? .ended : .judged }
    var end: RunEnd? { run.end }

    static func all(_ reader: StoreReader) throws -> [ReportedRun] {
        try StateStore.Run.all(reader).map { ReportedRun(run: $0) }
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
        case .running: "run \(run.id) is running: process \(run.pid)"
        case .ended: "run \(run.id): \(how) (\(end?.confidence.rawValue ?? "")): \(end?.evidence ?? "")"
        case .judged:
            "run \(run.id), as the next start would say: \(how) (\(end?.confidence.rawValue ?? "")): \(end?.evidence ?? "")"
        }
    }

    var cells: [String] {
        let evidence: String
        switch state {
        case .running: evidence = "process \(run.pid) holds the store"
        case .ended: evidence = end?.evidence ?? ""
        case .judged: evidence = "as the next start would say: \(end?.evidence ?? "")"
        }
        return [
            String(run.id), TextForm.time(run.started), run.ended.map(TextForm.time) ?? "-", String(run.pid), how,
            end?.confidence.rawValue ?? "-", evidence,
        ]
    }

    var json: JSON {
        [
            "id": .int(run.id), "pid": .int(Int64(run.pid)), "host": .string(run.host),
            "started": .string(TextForm.time(run.started)),
            "ended": run.ended.map { .string(TextForm.time($0)) } ?? .null, "state": .string(state.rawValue),
            "how": end.map { .string($0.kind.rawValue) } ?? .null,
            "status": (end?.status).map { .int(Int64($0)) } ?? .null,
            "evidence": end.map { .string($0.evidence) } ?? .null,
            "confidence": end.map { .string($0.confidence.rawValue) } ?? .null,
        ]
    }
}
#endif
