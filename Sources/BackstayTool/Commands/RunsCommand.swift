// `backstay runs`: every run and how it ended.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Prints every run of the store's programs and how it ended.",
        discussion: """
            The last run, if it has noted no end, is either running or judged as the next start would judge it.
            With --json, a line each: {"id":…,"pid":…,"host":…,"started":"…Z","ended":"…Z" or null,"state":"ended", \
            "running" or "judged","how":…,"status":…,"evidence":…,"confidence":"certain", "likely" or "possible"}; the \
            last four are null for a running one, status also where there is none. "how" is one of clean, exit, error, \
            signal, crash, killed, outOfMemory, machineDown.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        let runs = try store.withReader { try ReportedRun.all($0) }
        try withOutput { out in
            if common.json {
                for run in runs { try out.print(run.json) }
                return
            }
            let head = ["RUN", "STARTED", "ENDED", "PID", "HOW", "CONFIDENCE", "EVIDENCE"]
            for line in TextForm.table([head] + runs.map(\.cells)) { try out.print(line) }
        }
    }
}
#endif
