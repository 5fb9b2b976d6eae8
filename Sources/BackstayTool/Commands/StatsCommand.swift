// `backstay stats`: how big things are.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Prints the sizes of files, log and state.",
        discussion: """
            With --json: {"files":[{"name":…,"bytes":…}],"fileBytes":…,"databases":[{"name":…,"pages":…,"freePages":…, \
            "pageBytes":…}],"log":{"rows":…,"bytes":…,"records":…,"firstLSN":…,"lastLSN":…},"tail":{"records":…},"state":{"keys":…, \
            "keyBytes":…,"valueBytes":…,"types":{"int":{"keys":…,"valueBytes":…},…}},"table":{"rows":…,"digest":"…", \
            "checkpointLSN":…}}. Records of the tail are not in the log's \
            rows yet: a power cut would take them. state is as of now, table is state.db as of its checkpoint, other states' rows included.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        var content = ContentFigures()
        for entry in try store.openReadOnly().entries() { content.add(entry) }
        try withOutput { out in
            try store.withReader { reader in
                let figures = try StoreFigures(reader, content)
                if common.json {
                    try out.print(figures.json)
                } else {
                    for line in TextForm.table(figures.rows) { try out.print(line) }
                }
            }
        }
    }
}
#endif
