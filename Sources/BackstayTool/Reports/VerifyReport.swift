#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

/// What was found.
struct VerifyReport {
    typealias Finding = StoreSurvey.Finding

    var findings: [Finding] = []
    private var rows = 0
    private var records = 0
    private var first = LSN.zero
    private var last = LSN.zero
    private var checkpoint = LSN.zero
    private var syncMark = LSN.zero

    init(unreadable error: StoreError, folder: String) throws {
        note("store", error)
        try survey(folder, isLive: false)
    }

    init(_ reader: StoreReader) throws {
        first = reader.base.lsn.next
        checkpoint = reader.stateMeta.checkpoint.lsn
        syncMark = reader.syncMark
        do throws(StoreError) {
            for finding in try reader.integrityCheck() {
                findings.append(
                    Finding(check: "sqlite", message: finding.finding, location: .init(file: finding.file)))
            }
        } catch {
            note("sqlite", error)
        }
        var rows = 0
        do {
            try reader.loadState { _, _, _, _ in rows += 1 }
        } catch let error as StoreError {
            note("state", error)
        }
        self.rows = rows
        var records = 0
        var last = reader.base.lsn
        var unreadable: (lsn: LSN, offset: Int)?
        do {
            _ = try reader.records { record, _ in
                records += 1
                last = record.lsn
                guard record.kind == .changes, unreadable == nil else { return }
                do {
                    try OperationCodec.read(record.body) { _ in }
                } catch let error as OperationCodec.Malformed {
                    unreadable = (record.lsn, error.offset)
                }
            }
        } catch let error as StoreError {
            note("journal", error)
        }
        self.records = records
        self.last = last
        if let unreadable {
            findings.append(
                Finding(
                    check: "replay", message: "the record's operations cannot be read",
                    location: .init(
                        file: reader.folder + "/" + JournalSchema.name, lsn: unreadable.lsn,
                        bytes: unreadable.offset..<unreadable.offset + 1)))
        }
        findings += reader.damage
        if !findings.isEmpty && !reader.isLive { try survey(reader.folder, isLive: false) }
    }

    /// Each examination above ends at the first thing it finds: the survey goes on, and names the others.
    private mutating func survey(_ folder: String, isLive: Bool) throws {
        let survey = StoreSurvey(folder: folder, isLive: isLive)
        _ = survey.state { _, _, _, _ in }
        _ = try survey.records { _ in }
        for finding in survey.findings
        where !findings.contains(where: { Self.says($0, what: finding) }) {
            findings.append(finding)
        }
    }

    /// Whether it says the same, or more.
    private static func says(_ finding: Finding, what other: Finding) -> Bool {
        finding.message == other.message || finding.check == other.check && finding.message.hasPrefix(other.message)
    }

    private mutating func note(_ check: String, _ error: StoreError) {
        findings.append(Finding(check: check, message: error.message, location: error.location))
    }

    var members: [(String, JSON)] {
        [
            ("ok", .bool(findings.isEmpty)), ("rows", .count(rows)), ("records", .count(records)),
            ("firstLSN", .uint(first.value)), ("lastLSN", .uint(last.value)),
            ("checkpointLSN", .uint(checkpoint.value)),
            ("syncMark", .uint(syncMark.value)), ("findings", .array(findings.map(\.json))),
        ]
    }

    var summary: String {
        let log =
            records > 0
            ? "\(TextForm.counted(records, "record")) from LSN \(first) to \(last) match their chain"
            : "the log is empty"
        return
            "\(Terminal.green("ok")): \(TextForm.counted(rows, "row")) of the state as of LSN \(checkpoint) match their "
            + "checksums and digest; \(log); the sync mark \(syncMark) is reached; SQLite finds both files whole"
    }
}
#endif
