import Foundation
import Testing

/// The code in README.md compiles, each piece in surroundings that give it what it leaves out.
@Suite struct ReadmeTests {
    @Test func everyPieceOfCodeCompiles() throws {
        let page = try String(contentsOfFile: root + "/README.md", encoding: .utf8)
        let pieces = page.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        let surroundings: [(marks: String, before: String, after: String)] = [
            ("import Backstay", "", ""),
            (".package(", "", ""),
            ("visits", "import Backstay\nfunc f(_ store: StateStore) async throws {\n", "_ = visits\n}"),
            ("leader", "import Backstay\nfunc f(_ store: StateStore) async throws {\n", "_ = won\n}"),
            (
                "lines[line]",
                "import Backstay\nfunc f(_ store: StateStore, _ lines: [String], _ work: (String) -> String) throws {\n",
                "}"
            ),
            (
                "ExitHooks.run",
                "import Backstay\nfunc serve(_: StateStore) async throws {}\nfunc f() async {\n", "}"
            ),
        ]
        #expect(pieces.count == surroundings.count, "a new piece needs its surroundings here")
        for (piece, around) in zip(pieces, surroundings) {
            #expect(piece.contains(around.marks))
            if around.marks == ".package(" { continue }
            // Statements of a program's top level, in a function; what they import goes before it.
            let lines = piece.split(separator: "\n")
            let body = lines.filter { !$0.hasPrefix("import ") }.joined(separator: "\n")
            let imports = lines.filter { $0.hasPrefix("import ") }.map { $0 + "\n" }.joined()
            let before = around.before.isEmpty ? "func f() throws {\n" : around.before
            let after = around.before.isEmpty ? "}" : around.after
            try Compiler.check(imports + before + body + "\n" + after)
        }
    }

    /// The checkout: this file is Tests/PackageTests/ReadmeTests.swift in it.
    private var root: String { URL(fileURLWithPath: #filePath + "/../../..").standardized.path }
}
