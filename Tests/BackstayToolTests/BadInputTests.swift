#if CommandLine
import TestSupport
import Testing
import WriteAheadJournal

import SystemC

/// What is wrong from outside: places that are no store, stores that are held, newer or damaged, arguments out of bounds.
@Suite(.serialized)
struct BadInputTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(onDisk: true) }

    /// What can be at the path of a store.
    enum Place: CaseIterable {
        case nothing, emptyFolder, parentMissing, danglingLink, belowAFile
        case file, otherFolder, linkLoop, storeWithoutJournal, newerFormat
        case storeWithoutState, garbageInJournal, garbageInState, foreignState

        /// The exit status of a reading command.
        var status: Int32 {
            switch self {
            case .nothing, .emptyFolder, .parentMissing, .danglingLink, .belowAFile: 3
            default: 4
            }
        }

        /// Words of the message.
        var says: String {
            switch self {
            case .nothing, .emptyFolder, .parentMissing, .danglingLink, .belowAFile: "there is no store"
            case .file: "is a file"
            case .otherFolder: "holds other files"
            case .linkLoop: "loop"
            case .storeWithoutJournal: "journal.db"
            case .newerFormat: "format"
            case .storeWithoutState: "state.db is missing"
            case .garbageInJournal: "journal.db"
            case .garbageInState: "state.db"
            case .foreignState: "another store"
            }
        }
    }

    private func make(_ place: Place) throws -> String {
        let store = folder.store
        switch place {
        case .nothing: break
        case .emptyFolder: mkdir(store, 0o700)
        case .parentMissing: return folder.path + "/no/s"
        case .danglingLink: symlink(folder.path + "/gone", store)
        case .belowAFile:
            try folder.write("file", [1])
            return folder.path + "/file/s"
        case .file: try folder.write("s", "text".utf8)
        case .otherFolder:
            mkdir(store, 0o700)
            try folder.write("s/notes.txt", "text".utf8)
        case .linkLoop: symlink(store, store)
        default:
            try settledStore()
            try alter(place)
        }
        return store
    }

    /// A store whose database files hold everything, without -wal files.
    private func settledStore() throws {
        try folder.run(
            "import", folder.store, input: (0..<200).map { "{\"key\":\"k\($0)\",\"value\":\"v\($0)\"}\n" }.joined())
        for name in ["journal.db", "state.db"] {
            unlink(folder.store + "/\(name)-wal")
            unlink(folder.store + "/\(name)-shm")
        }
        try #require(try folder.run("verify", folder.store).status == 0)
    }

    private func alter(_ place: Place) throws {
        switch place {
        case .storeWithoutJournal: unlink(folder.store + "/journal.db")
        case .storeWithoutState: unlink(folder.store + "/state.db")
        case .newerFormat:
            // SQLite's user_version: 4 bytes, big-endian, at offset 60 of the header.
            try patch("journal.db") { $0[63] = 99 }
        case .garbageInJournal: try patch("journal.db") { for index in 0..<$0.count { $0[index] = 0x5a } }
        case .garbageInState: try patch("state.db") { for index in 0..<$0.count { $0[index] = 0x5a } }
        case .foreignState:
            let other = folder.path + "/other"
            try folder.run("set", other, "a", "1")
            try folder.write("s/state.db", TemporaryFolder.contents(other + "/state.db") ?? [])
            try folder.write("s/state.db-wal", TemporaryFolder.contents(other + "/state.db-wal") ?? [])
        default: break
        }
    }

    private func patch(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try #require(TemporaryFolder.contents(folder.store + "/" + name))
        change(&bytes)
        try folder.write("s/" + name, bytes)
    }

    @Test(arguments: Place.allCases)
    func readingSaysWhatIsWrongAndChangesNothing(_ place: Place) throws {
        let path = try make(place)
        let before = folder.fingerprint(folder.path)
        let inside = folder.fingerprint(path)
        for arguments in [["get", path, "k"], ["export", path], ["info", path], ["verify", path], ["runs", path]] {
            // What only the state's content shows, `runs` need not see.
            if arguments[0] == "runs" && place == .foreignState { continue }
            let result = try folder.run(arguments + ["--json"])
            #expect(result.status == place.status, "\(place) \(arguments[0]): \(result.out) \(result.err)")
            #expect(result.err.hasPrefix("backstay: "))
            #expect((result.out + result.err).contains(place.says), "\(place) \(arguments[0]): \(result.out)")
            #expect(result.out.contains("\"error\":{\"code\":\""))
        }
        #expect(folder.fingerprint(folder.path).filter { !$0.hasPrefix(" ") } == before.filter { !$0.hasPrefix(" ") })
        #expect(folder.fingerprint(path) == inside)
    }

    @Test(arguments: [Place.file, .otherFolder, .linkLoop, .storeWithoutJournal, .newerFormat, .parentMissing])
    func changingRefusesAndCreatesNothing(_ place: Place) throws {
        let path = try make(place)
        let before = TemporaryFolder.names(folder.path)
        let result = try folder.run("set", path, "k", "1")
        #expect(result.status == place.status, "\(result.err)")
        #expect(result.err.hasPrefix("backstay: "))
        #expect(TemporaryFolder.names(folder.path) == before)
    }

    @Test func heldStoreIsBusyNamingItsOwnerWithinASecond() throws {
        let owner = try folder.start("import", folder.store, "--ack")
        owner.type("{\"key\":\"k\",\"value\":1}\n")
        _ = try owner.readLine()
        for arguments in [
            ["set", folder.store, "k", "2"], ["remove", folder.store, "k"], ["checkpoint", folder.store],
        ] {
            let start = ContinuousClock.now
            let result = try folder.run(arguments + ["--json"])
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(result.status == 5)
            #expect(result.err.contains("process \(owner.pid)"))
            #expect(result.out.hasPrefix("{\"error\":{\"code\":\"busy\",\"message\":\""))
        }
        try owner.end(by: SIGKILL)
        #expect(try folder.run("set", folder.store, "k", "2").status == 0)
    }

    @Test(arguments: [
        ("", "may not be empty"),
        (String(repeating: "k", count: 4_097), "4097"),
        (String(repeating: "\u{e9}", count: 2_049), "4098"),
    ])
    func keyOutOfBoundsIsAUsageErrorBeforeAnythingIsCreated(_ key: String, _ says: String) throws {
        for arguments in [
            ["set", folder.store, key, "1"], ["get", folder.store, key], ["remove", folder.store, key],
        ] {
            let result = try folder.run(arguments)
            #expect(result.status == 2)
            #expect(result.err.contains(says))
            #expect(result.out == "")
        }
        #expect(!TemporaryFolder.names(folder.path).contains("s"))
        #expect(try folder.run("set", folder.store, String(repeating: "k", count: 4_096), "1").status == 0)
    }

    @Test func argumentThatIsNotUTF8IsAUsageErrorBeforeAnythingIsCreated() throws {
        let store = Array(folder.store.utf8)
        for (bad, place) in [([0xff], 1), ([0xed, 0xa0, 0x80], 1), ([0xc3], 2)] as [([UInt8], Int)] {
            var arguments = [Array("set".utf8), store, Array("k".utf8), Array("v".utf8)]
            arguments[place + 1] = bad
            let result = try folder.start(arguments).finish()
            #expect(result.status == 2)
            #expect(result.err.contains("argument \(place + 2) is not UTF-8"))
        }
        #expect(!TemporaryFolder.names(folder.path).contains("s"))
    }

    @Test(arguments: [
        ["frobnicate"], ["get"], ["get", "s"], ["set", "s", "k"], ["log", "s", "--from", "x"], ["list", "s", "--nope"],
        ["import", "s", "a", "b"], ["info"], ["backup", "s"],
    ])
    func argumentsThatMakeNoSenseAreUsageErrors(_ arguments: [String]) throws {
        let result = try folder.run(arguments)
        #expect(result.status == 2)
        #expect(result.out == "")
        #expect(result.err.hasPrefix("backstay: "))
        #expect(result.err.contains("--help"))
        let json = try folder.run(arguments + ["--json"])
        #expect(json.status == 2)
        #expect(json.out.hasPrefix("{\"error\":{\"code\":\"usage\","))
    }

    @Test func alteredByteInTheStateIsFoundAndNamed() throws {
        try settledStore()
        try patch("state.db") { bytes in
            // The value of k7, in the table's own page.
            let pattern = Array("k7stringv7".utf8)
            if let at = bytes.firstRange(of: pattern) {
                bytes[at.upperBound - 1] ^= 1
            } else {
                Issue.record("no such row")
            }
        }
        let before = folder.fingerprint()
        let result = try folder.run("verify", folder.store)
        #expect(result.status == 4)
        #expect(result.out.contains("state: "))
        #expect(result.out.contains("k7"))
        #expect(result.err.contains("restore a backup"))
        let json = try folder.run("verify", folder.store, "--json")
        #expect(json.status == 4)
        #expect(
            json.out.hasPrefix("{\"ok\":false,"), "\(json.out)")
        #expect(json.out.contains("\"findings\":[{\"check\":\"state\","))
        #expect(try folder.run("get", folder.store, "k1").status == 4)
        #expect(folder.fingerprint() == before)
    }

    /// Each of several damaged places is named, and salvage leaves out nothing that is good elsewhere.
    @Test func everyAlteredPlaceIsNamedAndTheRestIsSalvaged() throws {
        try settledStore()
        try patch("state.db") { bytes in
            for key in ["k7", "k70"] {
                let pattern = Array("\(key)stringv\(key.dropFirst())".utf8)
                if let at = bytes.firstRange(of: pattern) {
                    bytes[at.upperBound - 1] ^= 1
                } else {
                    Issue.record("no such row")
                }
            }
        }
        try patch("run") { $0[50] ^= 1 }
        let before = folder.fingerprint()
        let result = try folder.run("verify", folder.store)
        #expect(result.status == 4)
        for word in ["\"k70\"", "\"k7\"", "run is altered"] {
            #expect(result.out.contains(word), "\(word): \(result.out)")
        }
        let keys = try folder.run("export", folder.store)
        #expect(keys.status == 4)
        let salvage = try folder.run("salvage", folder.store, "--to", folder.path + "/new")
        #expect(salvage.status == 4, "something was dropped: \(salvage.err)")
        #expect(salvage.out.contains("\"k70\"") && salvage.out.contains("\"k7\""))
        #expect(folder.fingerprint() == before)
        #expect(try folder.run("verify", folder.path + "/new").status == 0)
        #expect(try folder.output("get", folder.path + "/new", "k70") == "v70\n", "the log still has it")
        #expect(try folder.output("get", folder.path + "/new", "k4").contains("v4"))
        let again = try folder.run("salvage", folder.store, "--to", folder.path + "/new", "--json")
        #expect(again.status == 1 && again.out.contains("notAStore"), "\(again.out)")
    }

    /// Status 4 of salvage means that the new store is there: what keeps it from being made has another.
    @Test func salvageThatMakesNothingDoesNotEndAsOneThatDropsSomething() throws {
        let new = folder.path + "/new"
        for place in [Place.nothing, .emptyFolder, .parentMissing, .belowAFile] {
            let result = try folder.run("salvage", try make(place), "--to", new)
            #expect(result.status == 3, "\(place): \(result.err)")
        }
        rmdir(folder.store)
        try settledStore()
        try folder.write("file", [1])
        for target in [folder.store, folder.path + "/file"] {
            let result = try folder.run("salvage", folder.store, "--to", target)
            #expect(result.status == 1, "\(target): \(result.err)")
        }
        #expect(!TemporaryFolder.names(folder.path).contains("new"))
    }

    /// Times and counts of a run have no checksum, and a bit of them may be altered: nothing may end in a trap for that.
    @Test(arguments: ["started", "memory_kills", "ended"]) func runsWithNumbersThatCannotBeAreReported(column: String)
        throws
    {
        try folder.makeKilledStore()
        for bound in ["-9223372036854775807-1", "9223372036854775807"] {
            let edit = "sqlite3 \"$STORE/journal.db\" 'UPDATE runs SET \(column)=\(bound)'"
            #expect(try folder.shell(edit).status == 0)
            for command in ["runs", "info", "doctor", "stats"] {
                let result = try folder.run(command, folder.store)
                #expect(result.status == 0, "\(command): \(result.err)")
            }
            let copy = try folder.shell("rm -rf \"$STORE.copy\"; cp -r \"$STORE\" \"$STORE.copy\"")
            #expect(copy.status == 0)
            #expect(try folder.run("set", folder.store + ".copy", "k", "1").status == 0)
        }
    }

    @Test func ownerSinceATimeThatCannotBeIsStillNamed() throws {
        let owner = try folder.start("import", folder.store, "--ack")
        owner.type("{\"key\":\"k\",\"value\":1}\n")
        _ = try #require(try owner.readLine())
        for since in ["-9223372036854775808", "9223372036854775807"] {
            try folder.write("s/lock", "pid=\(owner.pid)\nhost=h\nsince=\(since)\n".utf8)
            let result = try folder.run("set", folder.store, "k", "2")
            #expect(result.status == 5 && result.err.contains("\(owner.pid)"), "\(result.status) \(result.err)")
            for command in ["info", "doctor"] {
                #expect(try folder.run(command, folder.store, "--json").status == 0, "\(command)")
            }
        }
        #expect(try owner.finish().status == 0)
    }

    /// The store's folder is renamed into place, and nothing is renamed over a mount point.
    @Test func emptyMountPointAsAStoreSaysWhatToDo() throws {
        guard let disk = try MountedDisk(.tmpfs) else { return }
        for arguments in [["set", disk.path, "k", "1"], ["salvage", folder.store, "--to", disk.path]] {
            if arguments[0] == "salvage" { try settledStore() }
            let result = try folder.run(arguments)
            #expect(result.status == 1)
            #expect(result.err.contains("mount point") && result.err.contains("\(disk.path)/"), "\(result.err)")
        }
        #expect(TemporaryFolder.names(disk.path) == [])
        #expect(try folder.run("set", disk.path + "/store", "k", "1").status == 0)
    }

    @Test func lostEndOfTheJournalIsFoundByItsSyncMark() throws {
        try folder.makeKilledStore()
        let journal = folder.store + "/journal.db-wal"
        let bytes = try #require(TemporaryFolder.contents(journal))
        // The last frame holds a commit that was acknowledged.
        let end = try #require(WALScan.file(journal)).committedBytes
        try folder.write("s/journal.db-wal", bytes.prefix(end - 4_096 - 24))
        // The tail would make up for that.
        unlink(folder.store + "/tail")
        let result = try folder.run("verify", folder.store)
        #expect(result.status == 4)
        #expect(result.out.contains("was made durable"))
        #expect(try folder.run("export", folder.store).status == 4)
    }
}
#endif
