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
            report = try VerifyReport(unreadable: error, folder: Files.resolved(store.store))
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
#endif
