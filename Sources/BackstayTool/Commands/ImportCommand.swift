// `backstay import`: JSON lines into the store.
//
// Lines become records in batches: what has arrived, up to about 256 KiB, is one transaction, with the position behind it.
// A batch is acknowledged only once it is committed; a malformed line ends the import, and the lines before it stay.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Imports JSON lines; creates the store if it is not there.",
        discussion: """
            Lines are {"key":…,"value":…}, with "type" where `export` writes it, or {"key":…,"remove":true}. Empty lines \
            are skipped. A malformed line ends the import with its number; the lines before it stay.
            --ack prints "ack LSN KEY" for each line in order once it is durable, KEY as a JSON string.
            --resume goes on behind the lines that the same job has imported, and refuses (exit status 1) if they have \
            changed. The job is the file's real path unless --job names one; for stdin it must.
            With --json the last line is {"imported":…,"set":…,"removed":…,"resumedAt":…,"lastLSN":…}: lines imported \
            now, of these set and removed, lines consumed before, the last record; --ack then prints \
            {"ack":LSN,"key":…}.
            """
    )

    @OptionGroup var store: StoreArgument
    @Argument(help: "The file; stdin if there is none, or \"-\".")
    var file: String?
    @Flag(help: "Print an acknowledgement for each line once it is durable.")
    var ack = false
    @Flag(help: "Go on where the job was interrupted.")
    var resume = false
    @Option(parsing: .unconditional, help: "The name under which the position is kept.")
    var job: String?
    @OptionGroup var level: DurabilityOption
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let job, !(1...4_096).contains(job.utf8.count) {
            throw ValidationError("a job's name has 1 to 4096 bytes")
        }
    }

    func run() throws {
        let input = try ImportInput(file)
        let job = job ?? input.realPath
        if resume && job == nil {
            throw Failure(
                usage: "--resume needs --job NAME here: \(input.name) has no path to keep the position under")
        }
        try store.withStore(createsStore: true) { store in
            try withOutput { out in
                var run = ImportRun(
                    store: store, input: input, out: out, job: job, durability: level.level, acknowledges: ack,
                    json: common.json)
                try run.perform(resuming: resume)
                if common.json {
                    try out.print(run.summary)
                } else if ack {
                    note(run.summaryText)
                } else {
                    try out.print(run.summaryText)
                }
            }
        }
    }
}
#endif
