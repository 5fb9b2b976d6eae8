import Foundation
import Testing

/// The code in README.md and docs/guide.md compiles, each piece in surroundings that give it what it leaves out.
@Suite struct ReadmeTests {
    /// What a piece of code needs around it; empty for statements that import all they use.
    struct Surroundings: Sendable {
        /// A word of the piece, which shows that the two belong together.
        let mark: String
        var before = ""
        var after = ""
    }

    @Test func everyPieceOfTheFirstPageCompiles() throws {
        try compile(
            "README.md",
            [
                Surroundings(mark: "import Backstay"),
                // A line of somebody's Package.swift.
                Surroundings(mark: ".package("),
            ])
    }

    @Test func everyPieceOfTheGuideCompiles() throws {
        try compile(
            "docs/guide.md",
            [
                Surroundings(
                    mark: "visits", before: "import Backstay\nfunc f(_ store: StateStore) async throws {\n",
                    after: "_ = visits\n}"),
                Surroundings(
                    mark: "leader", before: "import Backstay\nfunc f(_ store: StateStore) async throws {\n",
                    after: "_ = won\n}"),
                Surroundings(
                    mark: "lines[line]",
                    before: "import Backstay\n"
                        + "func f(_ store: StateStore, _ lines: [String], _ work: (String) -> String) throws {\n",
                    after: "}"),
                Surroundings(mark: "runs(at:", before: "import Backstay\nfunc f() async throws {\n", after: "}"),
                Surroundings(
                    mark: "ExitHooks.run",
                    before: "import Backstay\nfunc serve(_: StateStore) async throws {}\nfunc f() async {\n",
                    after: "}"),
            ])
    }

    private func compile(_ path: String, _ surroundings: [Surroundings]) throws {
        let page = try String(contentsOfFile: root + "/" + path, encoding: .utf8)
        let pieces = page.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        #expect(pieces.count == surroundings.count, "a new piece of \(path) needs its surroundings here")
        for (piece, around) in zip(pieces, surroundings) {
            #expect(piece.contains(around.mark), "\(path): \(around.mark)")
            if around.mark == ".package(" { continue }
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
