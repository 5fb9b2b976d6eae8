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

/// What compaction drops: a checkpoint comes first, so all records there are now.
private struct CompactionPlan: CustomStringConvertible {
    let folder: String
    let records: Int
    let logBytes: Int
    let first: LSN
    let last: LSN
    let freeBytes: Int
    let fileBytes: Int

    init(_ reader: StoreReader) throws {
        folder = reader.folder
        logBytes = try reader.logSize().bytes
        first = reader.base.lsn.next
        last = try reader.records { _, _ in }.lsn
        records = Int(last.value - reader.base.lsn.value)
        freeBytes = try reader.pages().reduce(0) { $0 + $1.free * $1.pageBytes }
        fileBytes = Self.fileBytes(reader.folder)
    }

    static func fileBytes(_ folder: String) -> Int {
        Platform.names(in: folder).reduce(0) { $0 + (Platform.size(folder + "/" + $1) ?? 0) }
    }

    var description: String {
        guard records > 0 else { return "no record" }
        return "\(TextForm.counted(records, "record")), LSN \(first) to \(last), \(TextForm.bytes(logBytes))"
    }
}
#endif
