// `backstay backup`: a whole store with the state as of now.

#if CommandLine
import ArgumentParser
import Backstay

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a copy of the store to DEST, also beside the program that holds it.",
        discussion: """
            The copy holds every change acknowledged before, opens like any store and goes on with the next LSN; it holds \
            the state, not the log or the runs. STORE is not written to.
            With --json: {"path":…,"keys":…,"lastLSN":…}
            """
    )

    @OptionGroup var store: StoreArgument
    @Argument(help: "Where the copy goes: where nothing is, or an empty folder.")
    var dest: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let state = try store.openReadOnly()
        do throws(StoreError) {
            try state.backup(to: dest)
        } catch {
            // What is in the way at DEST says nothing about STORE.
            var failure = Failure(error)
            failure.status = .failed
            throw failure
        }
        let figures = state.statistics
        try withOutput { out in
            if common.json {
                try out.print([
                    "path": .string(dest), "keys": .count(figures.keys), "lastLSN": .uint(figures.lastLSN.value),
                ])
            } else {
                try out.print(
                    "\(TextForm.counted(figures.keys, "key")) as of LSN \(figures.lastLSN) are in \(dest)")
            }
        }
    }
}
#endif
