// `backstay compact`: drops what no recovery needs.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct CompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Checkpoints, drops from the log what no recovery needs, and gives unused space back.",
        discussion: """
            No value is lost: what is dropped are records that the table `state` has. --dry-run changes nothing and may \
            run beside the program that holds the store.
            With --json: {"dryRun":false,"records":…,"logBytes":…,"firstLSN":…,"lastLSN":…,"fileBytesBefore":…, \
            "fileBytesAfter":…}: the records dropped, or to be dropped (firstLSN and lastLSN are \
            null where there are none); with --dry-run "freeBytes", the unused pages, in \
            place of "fileBytesAfter".
            """
    )

    @OptionGroup var store: StoreArgument
    @Flag(help: "Say what would be dropped, change nothing.")
    var dryRun = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let plan = try store.withReader { try CompactionPlan($0) }
        var members: [(String, JSON)] = [
            ("dryRun", .bool(dryRun)), ("records", .count(plan.records)), ("logBytes", .count(plan.logBytes)),
            ("firstLSN", plan.records > 0 ? .uint(plan.first.value) : .null),
            ("lastLSN", plan.records > 0 ? .uint(plan.last.value) : .null),
            ("fileBytesBefore", .count(plan.fileBytes)),
        ]
        let what = plan.description
        if dryRun {
            members.append(("freeBytes", .count(plan.freeBytes)))
            try withOutput { out in
                if common.json { return try out.print(.object(members)) }
                try out.print("would drop \(what), and give back \(TextForm.bytes(plan.freeBytes)) of unused pages")
            }
            return
        }
        try store.withStore(createsStore: false) { try $0.compact() }
        let after = CompactionPlan.fileBytes(plan.folder)
        members.append(("fileBytesAfter", .count(after)))
        try withOutput { out in
            if common.json { return try out.print(.object(members)) }
            try out.print(
                "dropped \(what); files \(TextForm.bytes(plan.fileBytes)) before, \(TextForm.bytes(after)) now")
        }
    }
}
#endif
