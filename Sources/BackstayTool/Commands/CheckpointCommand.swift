// `backstay checkpoint`: the log into the table.

#if CommandLine
import ArgumentParser
import Backstay

struct CheckpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Folds the log into the table `state`, so that the next start has nothing to replay.",
        discussion: """
            The store does this by itself all the time.
            With --json: {"checkpointLSN":…,"logBytes":…}
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        let figures = try store.withStore(createsStore: false) { store in
            try store.checkpoint()
            return store.statistics
        }
        try withOutput { out in
            if common.json {
                try out.print([
                    "checkpointLSN": .uint(figures.checkpointLSN.value), "logBytes": .count(figures.logBytes),
                ])
            } else {
                try out.print(
                    "the table is as of LSN \(figures.checkpointLSN); the log has \(TextForm.bytes(figures.logBytes))"
                )
            }
        }
    }
}
#endif
