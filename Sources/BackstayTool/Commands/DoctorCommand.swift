// `backstay doctor`: whether machine and store are fit to keep what they promise.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

import SystemC

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examines the machine, and a store's place on it; exit status 1 if something is wrong.",
        discussion: """
            Without STORE the file system of the current folder is looked at. `verify` checks the store's content.
            With --json: {"ok":true,"findings":[{"check":…,"level":"ok", "note" or "problem","message":…}]}. The checks are \
            sqlite, walReset, fileSystem, space, durability, fork, and with a store also store, owner and lastRun.
            """
    )

    @Argument(help: "The store's folder.")
    var store: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        var report = DoctorReport()
        report.inspectSQLite()
        var folder = "."
        if let store {
            var argument = StoreArgument()
            argument.store = store
            try argument.checkPresence()
            folder = store
        }
        report.inspectPlace(folder)
        report.inspectFork()
        var storeFailure: Failure?
        if let store {
            do {
                var argument = StoreArgument()
                argument.store = store
                try argument.withReader { try report.inspect($0) }
            } catch let error as StoreError {
                report.add("store", .problem, error.message)
                storeFailure = Failure(error)
            }
        }
        try withOutput { out in
            if !common.json {
                for line in TextForm.table(report.findings.map(\.cells)) { try out.print(line) }
            }
            guard report.isFine else {
                var failure =
                    storeFailure
                    ?? Failure(.failed, "failed", "there are problems: see above what to do about them")
                failure.result = report.members
                throw failure
            }
            if common.json { try out.print(.object(report.members)) }
        }
    }
}
#endif
