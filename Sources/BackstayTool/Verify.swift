// `backstay verify`: every checksum there is.
//
// Each examination is made even where an earlier one found damage, so that one run lists all that is wrong.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every row, record, chain and digest; exit status 4 if something is damaged.",
        discussion: """
            With --json: {"ok":true,"rows":…,"records":…,"firstLSN":…,"lastLSN":…,"checkpointLSN":…,"syncMark":…, \
            "findings":[]}; with damage ok is false, findings has {"check":…,"message":…,"key":…,"firstLSN":…,"lastLSN":…, \
            "file":…,"lsn":…,"bytes":[a,b]} with what is known of the place, and "error" as for every failure. The checks \
            are store, sqlite, state, journal, replay, run and tail. Every place is named, as far as it can be read.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        let report: VerifyReport
        do {
            report = try store.withReader { try VerifyReport($0) }
        } catch {
            guard let error = error as? StoreError, error.code == .damaged else { throw error }
            report = try VerifyReport(unreadable: error, folder: Platform.resolved(store.store))
        }
        try withOutput { out in
            if report.findings.isEmpty {
                if common.json { try out.print(.object(report.members)) } else { try out.print(report.summary) }
                return
            }
            if !common.json {
                for finding in report.findings { try out.print("\(Terminal.red("damaged")): \(finding.text)") }
            }
            var failure = Failure(
                .damaged, "damaged",
                "\(TextForm.counted(report.findings.count, "finding")): the files are untouched; restore a backup, or `backstay salvage`"
            )
            failure.result = report.members
            throw failure
        }
    }
}

/// What was found.
private struct VerifyReport {
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
                        file: reader.folder + "/" + JournalFile.name, lsn: unreadable.lsn,
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
