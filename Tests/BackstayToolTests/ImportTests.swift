#if CommandLine
import Testing

import SystemC

@Suite(.serialized)
struct ImportTests {
    let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func line(_ number: Int) -> String {
        let digits = String(number)
        return "{\"key\":\"\(String(repeating: "0", count: 6 - digits.count))\(digits)\",\"value\":\(number)}\n"
    }

    @Test func acknowledgementsAreInOrderWithEscapedKeys() throws {
        let result = try folder.run(
            "import", folder.store, "--ack",
            input:
                "{\"key\":\"a b\",\"value\":1}\r\n\n \t\r\n{\"key\":\"\\u0022\\n\",\"value\":2}\n{\"remove\":true,\"key\":\"a b\"}"
        )
        #expect(result.status == 0)
        #expect(
            result.lines.map { $0.split(separator: " ", maxSplits: 2).last } == [
                "\"a b\"", "\"\\\"\\n\"", "\"a b\"",
            ])
        for line in result.lines {
            let fields = line.split(separator: " ")
            #expect(fields[0] == "ack")
            #expect(UInt64(fields[1]) != nil)
        }
        #expect(try folder.output("list", folder.store) == "\"\\\"\\n\"\n")
        #expect(result.err == "imported 3 lines (2 set, 1 removed)\n")
    }

    @Test func lineOfASlowWriterIsNotHeldBack() throws {
        let process = try folder.start("import", folder.store, "--ack")
        for number in 0..<5 {
            process.send(line(number))
            #expect(process.readLine()?.hasSuffix("\"00000\(number)\"") == true)
        }
        process.send("{\"key\":\"half")
        #expect(try folder.run("list", folder.store).lines.count == 5)
        process.send("\",\"value\":1}\n")
        #expect(process.readLine()?.hasSuffix("\"half\"") == true)
        #expect(process.finish().status == 0)
    }

    @Test func longLinesAndManyLinesComeThrough() throws {
        let long = String(repeating: "0123456789abcdef", count: 300_000)
        let text = line(1) + "{\"key\":\"!long\",\"value\":\"\(long)\"}\n" + (2..<40_000).map(line).joined()
        let file = try folder.write("lines", text.utf8)
        #expect(try folder.output("import", folder.store, file) == "imported 40000 lines\n")
        #expect(try folder.output("get", folder.store, "!long") == long + "\n")
        #expect(try folder.run("list", folder.store).lines.count == 40_000)
        #expect(try folder.run("verify", folder.store).status == 0)
    }

    @Test(arguments: [
        // The bad line and what the message says of it.
        ("nonsense", "expected '{'"),
        ("{\"key\":\"k\"}", "neither \"value\" nor \"remove\""),
        ("{\"value\":1}", "no \"key\""),
        ("{\"key\":\"k\",\"value\":1,\"key\":\"k\"}", "twice"),
        ("{\"key\":\"k\",\"valu\":1}", "belong in a line"),
        ("{\"key\":\"k\",\"value\":NaN}", ""),
        ("{\"key\":\"k\",\"value\":1} trailing", ""),
        ("{\"key\":\"k\",\"value\":1", ""),
        ("{\"key\":\"\",\"value\":1}", "may not be empty"),
        ("{\"key\":\"\(String(repeating: "k", count: 4_097))\",\"value\":1}", "4097"),
        ("{\"key\":\"\\ud800\",\"value\":1}", ""),
        ("{\"key\":\"k\",\"value\":\"zz\",\"type\":\"uuid\"}", ""),
        ("{\"key\":\"k\",\"remove\":false}", "can only be true"),
    ])
    func linesBeforeAMalformedOneStay(_ bad: String, _ why: String) throws {
        let input = line(1) + "\n" + line(2) + bad + "\n" + line(3)
        let result = try folder.run("import", folder.store, "--ack", input: input)
        #expect(result.status == 1)
        #expect(result.lines.count == 2)
        #expect(result.err.contains("line 4"))
        #expect(result.err.contains(why))
        #expect(try folder.output("list", folder.store) == "000001\n000002\n")
        let json = try folder.run("import", folder.store, "--json", input: input)
        #expect(json.status == 1)
        #expect(json.out.hasPrefix("{\"error\":{\"code\":\"malformedLine\",\"message\":"))
        #expect(json.out.contains("\"line\":4"))
    }

    @Test func correctedLineIsWhereResumeGoesOn() throws {
        let file = try folder.write("lines", (line(1) + line(2) + "oops\n" + line(3)).utf8)
        #expect(try folder.run("import", folder.store, file).status == 1)
        try folder.write("lines", (line(1) + line(2) + line(4) + line(3)).utf8)
        let resumed = try folder.run("import", folder.store, file, "--resume", "--json")
        #expect(resumed.status == 0)
        #expect(resumed.out.hasPrefix("{\"imported\":2,\"set\":2,\"removed\":0,\"resumedAt\":2,\"lastLSN\":"))
        #expect(try folder.run("list", folder.store).lines.count == 4)
    }

    @Test func finishedImportResumedImportsNothingAndGrownInputGoesOn() throws {
        // The last line has no line break, and gets one later.
        let start = line(1) + line(2).dropLast()
        let file = try folder.write("lines", start.utf8)
        #expect(try folder.output("import", folder.store, file, "--resume") == "imported 2 lines\n")
        let again = try folder.run("import", folder.store, file, "--resume", "--ack")
        #expect(again.status == 0)
        #expect(again.out == "")
        try folder.write("lines", (start + "\n" + line(3) + "bad").utf8)
        let grown = try folder.run("import", folder.store, file, "--resume", "--ack")
        #expect(grown.status == 1)
        #expect(grown.err.contains("line 4"))
        #expect(grown.lines.map { $0.suffix(8) } == ["\"000003\""])
    }

    /// A line that was consumed before its line break came is one line afterwards, too.
    @Test func inputThatGrewBehindHalfALineIsStillTheSame() throws {
        let file = try folder.write("lines", (line(1) + line(2).dropLast()).utf8)
        try folder.run("import", folder.store, file)
        var text = line(1) + line(2)
        for number in 3..<7 {
            text += line(number)
            try folder.write("lines", (number % 2 == 0 ? text : String(text.dropLast())).utf8)
            let result = try folder.run("import", folder.store, file, "--resume", "--json")
            #expect(
                result.out.hasPrefix(
                    "{\"imported\":1,\"set\":1,\"removed\":0,\"resumedAt\":\(number - 1),\"lastLSN\":"),
                "\(result.out)")
        }
    }

    enum InputChange: CaseIterable {
        case shorter, earlyLine, lastLine, oneMoreLineBreak, empty

        func applied(to text: String) -> String {
            switch self {
            case .shorter: String(text.dropLast(10))
            case .earlyLine: text.replacing("000001", with: "000009")
            case .lastLine: text.replacing("000003", with: "000009")
            case .oneMoreLineBreak: "\n" + text
            case .empty: ""
            }
        }
    }

    @Test(arguments: InputChange.allCases)
    func changedInputIsRefused(_ change: InputChange) throws {
        let text = line(1) + line(2) + line(3)
        let file = try folder.write("lines", text.utf8)
        try folder.run("import", folder.store, file)
        let before = try folder.output("export", folder.store)
        try folder.write("lines", (change.applied(to: text) + (change == .empty ? "" : line(5))).utf8)
        let result = try folder.run("import", folder.store, file, "--resume", "--json")
        #expect(result.status == 1)
        #expect(result.out.hasPrefix("{\"error\":{\"code\":\"inputChanged\","))
        #expect(try folder.output("export", folder.store) == before)
    }

    @Test func positionBelongsToItsJob() throws {
        let text = line(1) + line(2)
        let file = try folder.write("lines", text.utf8)
        try folder.run("import", folder.store, file)
        // Another name of the same file is the same job; a name of its own is another.
        symlink(file, folder.path + "/link")
        #expect(
            try folder.run("import", folder.store, folder.path + "/link", "--resume").out.hasPrefix(
                "imported 0 lines"))
        #expect(
            try folder.run("import", folder.store, file, "--resume", "--job", "j").out.hasPrefix("imported 2 lines")
        )
        #expect(
            try folder.run("import", folder.store, "--resume", "--job", "j", input: text).out.hasPrefix(
                "imported 0 lines"))
        #expect(
            try folder.run("import", folder.store, "--resume", "--job", "-n", input: text).out.hasPrefix(
                "imported 2 lines"))
        let nameless = try folder.run("import", folder.store, "--resume", input: text)
        #expect(nameless.status == 2)
        #expect(nameless.err.contains("--job"))
        #expect(try folder.run("import", folder.store, "--job", "", input: text).status == 2)
        // Without --resume everything is imported again.
        #expect(try folder.output("import", folder.store, file) == "imported 2 lines\n")
        // Positions are beside the key–value state.
        #expect(try folder.run("list", folder.store).lines.count == 2)
    }

    @Test func positionIsInTheRecordOfItsData() throws {
        let process = try folder.start("import", folder.store, "--ack", "--job", "j")
        process.send(line(1))
        let lsn = try #require(process.readLine()?.split(separator: " ").dropFirst().first)
        process.kill(SIGKILL)
        let record = try folder.run("log", folder.store, "--json", "--from", String(lsn)).lines.first
        #expect(record?.contains("\"key\":\"000001\"") == true)
        #expect(record?.contains("\"key\":\"j\",\"value\":{\"bytes\":\(line(1).utf8.count),") == true)
        #expect(record?.contains("\"state\":\"import\"") == true)
    }

    @Test func missingInputCreatesNoStore() throws {
        let result = try folder.run("import", folder.store, folder.path + "/nothing")
        #expect(result.status == 1)
        #expect(!TestFolder.names(folder.path).contains("s"))
        #expect(try folder.run("import", folder.store, folder.path).status == 1)
    }

    @Test func importStopsInOrderWhenNobodyReadsItsAcknowledgements() throws {
        let process = try folder.start("import", folder.store, "--ack")
        process.closeOutput()
        process.send(line(1))
        #expect(process.wait() == 1)
        let result = process.finish()
        #expect(result.err.contains("nobody reads the standard output"))
        #expect(try folder.output("runs", folder.store, "--json").contains("\"how\":\"clean\""))
    }

    @Test func closedStandardOutputIsNoFileOfTheStore() throws {
        try folder.run("set", folder.store, "a", "1")
        let result = try folder.shell(
            "echo '{\"key\":\"k\",\"value\":1}' | \"$TOOL\" import \"$STORE\" --ack >&-; echo $?")
        #expect(result.out == "1\n")
        #expect(result.err.contains("standard output"))
        for name in TestFolder.names(folder.store) {
            let bytes = TestFolder.contents(folder.store + "/" + name) ?? []
            #expect(!String(decoding: bytes, as: UTF8.self).contains("ack "), "\(name)")
        }
        #expect(try folder.run("verify", folder.store).status == 0)
    }
}
#endif
