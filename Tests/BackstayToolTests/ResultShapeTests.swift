#if CommandLine
import Testing

/// The members of what --json prints, and their order: outside programs are written against them.
@Suite(.serialized)
struct ResultShapeTests {
    let folder: TestFolder

    init() throws { folder = try TestFolder() }

    static let shapes: [(arguments: [String], members: [String])] = [
        (["set", "STORE", "k", "1"], ["key", "lsn", "durability"]),
        (["get", "STORE", "k1"], ["key", "value", "type"]),
        (["remove", "STORE", "k1"], ["key", "lsn", "durability"]),
        (["list", "STORE"], ["key", "type", "bytes"]),
        (["export", "STORE"], ["key", "value"]),
        (["import", "STORE"], ["imported", "set", "removed", "resumedAt", "lastLSN"]),
        (["log", "STORE"], ["lsn", "time", "kind", "epoch"]),
        (["log", "STORE", "--from", "2"], ["lsn", "time", "kind", "operations"]),
        (
            ["info", "STORE"],
            [
                "path", "format", "storeID", "keys", "contentBytes", "firstLSN", "lastLSN", "checkpointLSN", "logBytes",
                "logRows", "replay", "live", "owner", "lastRun", "sqlite", "durability",
            ]
        ),
        (["stats", "STORE"], ["files", "fileBytes", "databases", "log", "tail", "state", "table"]),
        (
            ["runs", "STORE"],
            ["id", "pid", "host", "started", "ended", "state", "how", "status", "evidence", "confidence"]
        ),
        (
            ["verify", "STORE"],
            ["ok", "rows", "records", "firstLSN", "lastLSN", "checkpointLSN", "syncMark", "findings"]
        ),
        (["checkpoint", "STORE"], ["checkpointLSN", "logBytes"]),
        (
            ["compact", "STORE", "--dry-run"],
            ["dryRun", "records", "logBytes", "firstLSN", "lastLSN", "fileBytesBefore", "freeBytes"]
        ),
        (
            ["compact", "STORE"],
            ["dryRun", "records", "logBytes", "firstLSN", "lastLSN", "fileBytesBefore", "fileBytesAfter"]
        ),
        (["backup", "STORE", "BACKUP"], ["path", "keys", "lastLSN"]),
        (["salvage", "STORE", "--to", "BACKUP"], ["path", "rows", "records", "lastLSN", "repaired", "dropped"]),
        (["doctor", "STORE"], ["ok", "findings"]),
        (["doctor"], ["ok", "findings"]),
    ]

    @Test(arguments: shapes)
    func resultHasItsMembersInOrder(_ arguments: [String], _ members: [String]) throws {
        try folder.makeKilledStore(lines: 3)
        let arguments = arguments.map {
            $0 == "STORE" ? folder.store : $0 == "BACKUP" ? folder.path + "/backup" : $0
        }
        let result = try folder.run(arguments + ["--json"])
        #expect(result.status == 0, "\(result.err)")
        let first = try #require(result.lines.first)
        #expect(memberNames(first) == members)
        for line in result.lines { #expect(line.hasPrefix("{") && line.hasSuffix("}")) }
    }

    @Test func acknowledgementsAsJSONComeBeforeTheSummary() throws {
        let result = try folder.run(
            "import", folder.store, "--ack", "--json", input: "{\"key\":\"a\\\"\",\"value\":1}\n")
        #expect(result.lines.count == 2)
        #expect(result.lines[0].hasPrefix("{\"ack\":"))
        #expect(result.lines[0].hasSuffix(",\"key\":\"a\\\"\"}"))
        #expect(memberNames(result.lines[1]).first == "imported")
    }

    @Test func failureIsAnObjectWithCodeAndMessage() throws {
        let result = try folder.run("get", folder.store, "k", "--json")
        #expect(result.status == 3)
        #expect(memberNames(result.out) == ["error"])
        #expect(result.out.hasPrefix("{\"error\":{\"code\":\"noSuchStore\",\"message\":\""))
        try folder.run("set", folder.store, "a", "1")
        #expect(try folder.output("get", folder.store, "a", "--json").hasPrefix("{\"key\":\"a\""))
        let key = try folder.run("get", folder.store, "k", "--json")
        #expect(key.out.hasPrefix("{\"error\":{\"code\":\"noSuchKey\","))
    }

    @Test func everyCommandHasHelpAndNamesItsJSON() throws {
        let help = try folder.output("--help")
        for (arguments, _) in Self.shapes {
            #expect(help.contains("  \(arguments[0]) "))
            let own = try folder.output(arguments[0], "--help")
            #expect(own.contains("--json"), "\(arguments[0])")
        }
        #expect(try folder.output("--version") == "0.1.0\n")
    }
}
#endif
