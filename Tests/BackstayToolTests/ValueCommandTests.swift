#if CommandLine
import TestSupport
import Testing

/// set, get, remove, list, export.
@Suite(.serialized)
struct ValueCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(onDisk: true) }

    @Test(arguments: [
        // VALUE, what get prints, its value and type as JSON.
        ("42", "42", "42", "int"),
        ("-7", "-7", "-7", "int"),
        ("-0.5", "-0.5", "-0.5", "double"),
        ("1e5", "1e5", "1e5", "json"),
        ("18446744073709551615", "18446744073709551615", "18446744073709551615", "uint"),
        ("true", "true", "true", "bool"),
        ("null", "null", "null", "json"),
        ("hello world", "hello world", "\"hello world\"", "string"),
        ("\"quoted\"", "quoted", "\"quoted\"", "string"),
        ("-x --y", "-x --y", "\"-x --y\"", "string"),
        ("--looks-like-an-option", "--looks-like-an-option", "\"--looks-like-an-option\"", "string"),
        ("-h5", "-h5", "\"-h5\"", "string"),
        ("", "", "\"\"", "string"),
        ("{\"a\": [1, 2]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}", "json"),
        ("{broken", "{broken", "\"{broken\"", "string"),
        ("NaN", "NaN", "\"NaN\"", "string"),
        ("tab\tand\nline", "tab\tand\nline", "\"tab\\tand\\nline\"", "string"),
        ("e\u{301}", "e\u{301}", "\"e\u{301}\"", "string"),
    ])
    func valueComesBackAsItWasSet(_ value: String, _ plain: String, _ json: String, _ type: String) throws {
        #expect(try folder.output("set", folder.store, "k", value) == "")
        let got = try folder.output("get", folder.store, "k")
        #expect(got.utf8.elementsEqual((plain + "\n").utf8))
        let gotJSON = try folder.output("get", folder.store, "k", "--json")
        #expect(gotJSON.utf8.elementsEqual("{\"key\":\"k\",\"value\":\(json),\"type\":\"\(type)\"}\n".utf8))
    }

    @Test func optionsMayStandAnywhereAndEndAtTwoDashes() throws {
        let set = try folder.run("set", "--json", folder.store, "--durability=process", "-k", "-1")
        #expect(set.status == 0)
        #expect(set.out.hasPrefix("{\"key\":\"-k\",\"lsn\":"))
        #expect(set.out.contains("\"durability\":\""))
        #expect(try folder.output("get", folder.store, "-k") == "-1\n")
        #expect(try folder.run("set", folder.store, "--", "--json", "--help").status == 0)
        #expect(try folder.output("get", "--json", folder.store, "--", "--json").contains("\"value\":\"--help\""))
        #expect(try folder.run("set", folder.store, "k", "v", "--durability", "never").status == 2)
        #expect(try folder.run("set", folder.store, "k", "v", "extra").status == 2)
    }

    @Test func keysAreComparedAsBytes() throws {
        try folder.run("set", folder.store, "\u{e9}", "1")
        try folder.run("set", folder.store, "e\u{301}", "2")
        #expect(try folder.output("get", folder.store, "\u{e9}") == "1\n")
        #expect(try folder.output("get", folder.store, "e\u{301}") == "2\n")
        #expect(try folder.run("get", folder.store, "e").status == 3)
        #expect(try folder.output("list", folder.store, "--prefix", "e").utf8.elementsEqual("e\u{301}\n".utf8))
    }

    @Test func removedKeyIsGoneAndAMissingOneChangesNothing() throws {
        try folder.run("set", folder.store, "a", "1")
        #expect(try folder.run("remove", folder.store, "a").status == 0)
        let missing = try folder.run("remove", folder.store, "a")
        #expect(missing.status == 3)
        #expect(missing.err.hasPrefix("backstay: "))
        #expect(try folder.run("get", folder.store, "a").status == 3)
        let other = folder.path + "/other"
        #expect(try folder.run("remove", other, "a").status == 3)
        #expect(!TemporaryFolder.names(folder.path).contains("other"))
    }

    @Test func listIsInByteOrderAndQuotesWhatWouldBreakALine() throws {
        for key in ["b", "a/2", "a/1", "\"q", "x\ny", "-p"] { try folder.run("set", folder.store, key, "1") }
        #expect(try folder.output("list", folder.store) == "\"\\\"q\"\n-p\na/1\na/2\nb\n\"x\\ny\"\n")
        #expect(try folder.output("list", folder.store, "--prefix", "a/") == "a/1\na/2\n")
        #expect(try folder.output("list", folder.store, "--prefix", "-") == "-p\n")
        #expect(try folder.output("list", folder.store, "--prefix", "none") == "")
        let json = try folder.output("list", folder.store, "--prefix", "x", "--json")
        #expect(json == "{\"key\":\"x\\ny\",\"type\":\"int\",\"bytes\":8}\n")
    }

    @Test func exportComesBackBitForBit() throws {
        let lines = """
            {"key":"bytes","value":"AAECAw==","type":"bytes"}
            {"key":"date","value":-0.0,"type":"date"}
            {"key":"deep","value":{"b":[1.10,{"a":"\\u00e9"}],"a":1e5}}
            {"key":"double","value":5e-324}
            {"key":"kept","value":42,"type":"json"}
            {"key":"null","value":null}
            {"key":"uuid","value":"E621E1F8-C36C-495A-93FC-0C247A3E6E5F","type":"uuid"}
            {"key":"\\"\\\\\\n","value":"\\u0000"}

            """
        try folder.run("import", folder.store, input: lines)
        let exported = try folder.output("export", folder.store)
        #expect(exported.split(separator: "\n").sorted() == lines.split(separator: "\n").sorted())
        let second = folder.path + "/second"
        try folder.run("import", second, input: exported)
        #expect(try folder.output("export", second, "--json") == exported)
    }

    @Test func exportEndsQuietlyWhenItsReaderGoes() throws {
        let text = String(repeating: "x", count: 400)
        let lines = (0..<2_000).map { "{\"key\":\"\($0)\",\"value\":\"\(text)\"}\n" }.joined()
        try folder.run("import", folder.store, input: lines)
        let result = try folder.shell("\"$TOOL\" export \"$STORE\" | head -n 1; echo; \"$TOOL\" verify \"$STORE\"")
        #expect(result.err == "")
        #expect(result.lines.count == 3)
        #expect(result.out.contains("\nok: "))
    }
}
#endif
