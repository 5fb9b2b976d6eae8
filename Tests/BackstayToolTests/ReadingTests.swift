#if CommandLine
import Testing

import SystemC

/// Reading commands create and write nothing, and see what was acknowledged.
@Suite(.serialized)
struct ReadingTests {
    let folder: TestFolder

    init() throws { folder = try TestFolder() }

    static let readers: [[String]] = [
        ["get", "STORE", "k7"], ["list", "STORE"], ["export", "STORE"], ["log", "STORE"], ["info", "STORE"],
        ["stats", "STORE"], ["runs", "STORE"], ["verify", "STORE"], ["compact", "STORE", "--dry-run"],
        ["doctor", "STORE"], ["backup", "STORE", "BACKUP"],
    ]

    private func arguments(_ template: [String]) -> [String] {
        template.map { $0 == "STORE" ? folder.store : $0 == "BACKUP" ? folder.path + "/backup" : $0 }
    }

    /// What a store can be found as.
    enum Condition: CaseIterable {
        case closed, killed, killedWithoutIndex, readOnly
    }

    @Test(arguments: Condition.allCases)
    func nothingIsWritten(_ condition: Condition) throws {
        try folder.makeKilledStore()
        switch condition {
        case .closed: #expect(try folder.run("checkpoint", folder.store).status == 0)
        case .killed: break
        case .killedWithoutIndex:
            for name in ["journal.db-shm", "state.db-shm"] { unlink(folder.store + "/" + name) }
        case .readOnly:
            for name in TestFolder.names(folder.store) { chmod(folder.store + "/" + name, 0o400) }
            chmod(folder.store, 0o500)
        }
        defer { chmod(folder.store, 0o700) }
        let before = folder.fingerprint()
        for reader in Self.readers {
            let result = try folder.run(arguments(reader))
            #expect(result.status == 0, "\(reader): \(result.err)")
            #expect(folder.fingerprint() == before, "\(reader)")
            if reader[0] == "get" { #expect(result.out == "7\n") }
            if reader[0] == "export" { #expect(result.lines.count == 50) }
        }
        #expect(try folder.run("export", folder.path + "/backup").lines.count == 50)
        #expect(try folder.run("verify", folder.path + "/backup").status == 0)
    }

    @Test func readersBesideALiveOwnerSeeWhatWasAcknowledged() throws {
        let owner = try folder.start("import", folder.store, "--ack")
        owner.send("{\"key\":\"k7\",\"value\":7}\n")
        #expect(owner.readLine()?.hasSuffix(" \"k7\"") == true)
        for reader in Self.readers {
            let result = try folder.run(arguments(reader))
            #expect(result.status == 0, "\(reader): \(result.err)")
        }
        for number in 0..<20 {
            owner.send("{\"key\":\"k7\",\"value\":\(number)}\n")
            _ = owner.readLine()
            #expect(try folder.output("get", folder.store, "k7") == "\(number)\n")
        }
        #expect(try folder.output("runs", folder.store).contains("running"))
        #expect(
            try folder.output("info", folder.store, "--json").contains(
                "\"live\":true,\"owner\":{\"pid\":\(owner.pid),"))
        let result = owner.finish()
        #expect(result.status == 0)
    }

    @Test func manyReadersAtOnceAreNotInEachOthersWay() throws {
        try folder.makeKilledStore()
        let readers = try (0..<8).map { _ in try folder.start("get", folder.store, "k3") }
        for reader in readers {
            let result = reader.finish()
            #expect(result.status == 0, "\(result.err)")
            #expect(result.out == "3\n")
        }
    }

    @Test func lastRunIsJudgedWithoutBeingWrittenDown() throws {
        try folder.makeKilledStore()
        let judged = try folder.output("runs", folder.store, "--json")
        #expect(judged.contains("\"ended\":null,\"state\":\"judged\",\"how\":\"killed\""))
        #expect(try folder.output("runs", folder.store).contains("as the next start would say: "))
        try folder.run("set", folder.store, "a", "1")
        let runs = try folder.run("runs", folder.store, "--json").lines
        #expect(runs.count == 2)
        #expect(runs[0].contains("\"state\":\"ended\",\"how\":\"killed\""))
        #expect(runs[1].contains("\"state\":\"ended\",\"how\":\"clean\""))
    }

    @Test func signalClosesAChangingCommandInOrder() throws {
        for (signal, name) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")] {
            let process = try folder.start("import", folder.store, "--ack")
            process.send("{\"key\":\"k\",\"value\":\"\(name)\"}\n")
            _ = process.readLine()
            #expect(process.kill(signal) == -signal)
            #expect(process.finish().err == "")
            let run = try folder.run("runs", folder.store, "--json").lines.last
            #expect(run?.contains("\"how\":\"signal\",\"status\":\(signal),") == true)
            #expect(run?.contains(name) == true)
            #expect(try folder.output("get", folder.store, "k") == "\(name)\n")
        }
    }

    @Test func logShowsEveryRecordFromAnLSNOn() throws {
        try folder.makeKilledStore(lines: 6)
        let all = try folder.run("log", folder.store).lines
        #expect(all.first?.contains("  run  begins") == true)
        #expect(all.last?.contains("set \"k") == true)
        let json = try folder.run("log", folder.store, "--json").lines
        #expect(json.count == all.count)
        let later = try folder.run("log", folder.store, "--from", "2", "--json").lines
        #expect(later == Array(json.dropFirst()))
        #expect(later.first.map(memberNames) == ["lsn", "time", "kind", "operations"])
        #expect(later.joined().contains("{\"op\":\"set\",\"key\":\"k5\",\"value\":5,\"type\":\"int\"}"))
    }

    @Test func compactionDropsTheLogAndKeepsTheState() throws {
        try folder.makeKilledStore()
        let before = try folder.output("export", folder.store)
        let plan = try folder.output("compact", folder.store, "--dry-run", "--json")
        #expect(plan.hasPrefix("{\"dryRun\":true,\"records\":"))
        let done = try folder.run("compact", folder.store, "--json")
        #expect(done.status == 0, "\(done.err)")
        #expect(try folder.output("log", folder.store) == "")
        #expect(try folder.output("compact", folder.store, "--dry-run").hasPrefix("would drop no record"))
        #expect(try folder.output("export", folder.store) == before)
        #expect(try folder.run("verify", folder.store).status == 0)
    }

    @Test func backupGoesOnWithTheNextLSN() throws {
        try folder.makeKilledStore()
        let backup = folder.path + "/b"
        #expect(try folder.output("backup", folder.store, backup, "--json").contains("\"keys\":50,"))
        #expect(try folder.output("export", backup) == (try folder.output("export", folder.store)))
        #expect(try folder.run("set", backup, "more", "1").status == 0)
        #expect(try folder.run("verify", backup).status == 0)
        #expect(try folder.run("backup", folder.store, backup).status == 1)
    }
}
#endif
