// `backstay info`: what the store is and where it stands.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Prints what the store is and where it stands.",
        discussion: """
            With --json: {"path":…,"format":1,"storeID":…,"keys":…,"contentBytes":…,"firstLSN":…,"lastLSN":…, \
            "checkpointLSN":…,"logBytes":…,"logRows":…,"replay":{"records":…,"seconds":…},"live":false, \
            "owner":null or {"pid":…,"host":…,"since":"…Z"},"lastRun":null or as `runs` prints it,"sqlite":…, \
            "durability":{"process":…,"power":…}}. replay is what the next start would have to do; firstLSN is the first \
            record still in the log.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    /// What each level amounts to for stores in this folder.
    static func processLevel(_ folder: String) -> String {
        switch TailFile.verdict(folder: folder) {
        case .mapped: "acknowledged in the mapped tail; a power cut may lose the newest 20 ms"
        case .notMapped(let why): "acknowledged after the group commit, like power: no mapped tail, because \(why)"
        }
    }

    static let powerLevel = "acknowledged after the group commit and its fdatasync"

    func run() throws {
        // The state first: what the log has then is at least what the state had.
        let state = try store.openReadOnly()
        let figures = state.statistics
        let recovery = state.recovery
        try withOutput { out in
            try store.withReader { reader in
                let log = try reader.logSize()
                let lastRun = try ReportedRun.all(reader).last
                let owner = reader.isLive ? FolderLock.owner(folder: reader.folder) : nil
                if common.json {
                    try out.print([
                        "path": .string(reader.folder), "format": .count(JournalSchema.formatVersion),
                        "storeID": .string(reader.storeID), "keys": .count(figures.keys),
                        "contentBytes": .count(figures.contentBytes), "firstLSN": .uint(reader.base.lsn.next.value),
                        "lastLSN": .uint(figures.lastLSN.value),
                        "checkpointLSN": .uint(reader.stateMeta.checkpoint.lsn.value),
                        "logBytes": .count(log.bytes),
                        "logRows": .count(log.rows),
                        "replay": [
                            "records": .count(recovery.recordsReplayed), "seconds": .double(recovery.seconds),
                        ],
                        "live": .bool(reader.isLive), "owner": owner?.json ?? .null,
                        "lastRun": lastRun?.json ?? .null,
                        "sqlite": .string(SQLiteLibrary.version),
                        "durability": [
                            "process": .string(Self.processLevel(reader.folder)), "power": .string(Self.powerLevel),
                        ],
                    ])
                    return
                }
                let rows = [
                    ["path", reader.folder],
                    ["format", "\(JournalSchema.formatVersion)"],
                    ["store id", reader.storeID],
                    ["keys", "\(figures.keys), \(TextForm.bytes(figures.contentBytes)) of keys and values"],
                    ["last LSN", "\(figures.lastLSN)"],
                    ["checkpoint", "LSN \(reader.stateMeta.checkpoint.lsn)"],
                    [
                        "log",
                        "from LSN \(reader.base.lsn.next), \(TextForm.bytes(log.bytes)) in \(TextForm.counted(log.rows, "row"))",
                    ],
                    [
                        "next start",
                        "replays \(TextForm.counted(recovery.recordsReplayed, "record")), about \(TextForm.duration(seconds: recovery.seconds))",
                    ],
                    [
                        "owner",
                        owner?.description ?? (reader.isLive ? "held, the owner has not named itself" : "none"),
                    ],
                    ["last run", lastRun?.sentence ?? "none on record"],
                    ["SQLite", SQLiteLibrary.version],
                    ["process", Self.processLevel(reader.folder)],
                    ["power", Self.powerLevel],
                ]
                for line in TextForm.table(rows) { try out.print(line) }
            }
        }
    }
}

extension StoreOwner {
    /// As a JSON object.
    var json: JSON {
        ["pid": .int(Int64(pid)), "host": .string(host), "since": .string(TextForm.time(since))]
    }
}
#endif
