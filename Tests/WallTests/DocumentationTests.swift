// The pages in docs/ say things that can be checked: titles, links, names of tests, who imports what. They are checked here.

import Drill
import Foundation
import Testing

@Suite struct DocumentationTests {
    @Test func everyPageHasExactlyOneTitle() throws {
        for page in try Repository.pages() {
            let titles = page.lines.filter { $0.hasPrefix("# ") }
            #expect(titles.count == 1, "\(page.name) has \(titles.count) titles")
            #expect(page.lines.first?.hasPrefix("# ") == true, "\(page.name) does not begin with its title")
        }
    }

    @Test func readingOrderNamesEveryPage() throws {
        let order = try Repository.text("docs/README.md")
        for page in try Repository.pages() where page.name != "README.md" {
            #expect(order.contains("(\(page.name))"), "docs/README.md does not name \(page.name)")
        }
    }

    @Test func linkedFilesExist() throws {
        let front = DocumentationPage(name: "../README.md", text: try Repository.text("README.md"))
        for page in try Repository.pages() + [front] {
            let folder = Repository.root + (page.name == front.name ? "/" : "/docs/")
            for target in page.links where !target.contains("://") && !target.hasPrefix("#") {
                let isThere = FileManager.default.fileExists(atPath: folder + target.prefix { $0 != "#" })
                #expect(isThere, "\(page.name) links to \(target), which is not there")
            }
        }
    }

    /// `page.md#a-heading` leads to a heading of that page.
    @Test func linkedHeadingsExist() throws {
        let pages = try Repository.pages()
        var count = 0
        for page in pages {
            for target in page.links where !target.contains("://") && target.contains("#") {
                let name = target.prefix { $0 != "#" }
                let other = try #require(pages.first { $0.name == (name.isEmpty ? page.name : String(name)) })
                let isThere = other.anchors.contains(String(target.dropFirst(name.count + 1)))
                #expect(isThere, "\(page.name) links to \(target), which is no heading there")
                count += 1
            }
        }
        #expect(count > 5)
    }

    /// `Folder/File.swift` in a page is the end of a path in the repository. The ledger of campaigns may name others.
    @Test func namedFilesExist() throws {
        let files = try Repository.sourcePaths()
        // The pattern of a name.
        let pattern = "Type+Part.swift"
        var count = 0
        for page in try Repository.pages() where page.name != "campaigns.md" {
            for word in page.lines.flatMap(DocumentationPage.words) {
                guard word != pattern, word.wholeMatch(of: /[A-Za-z][A-Za-z0-9+\/_-]*\.(swift|py)/) != nil else {
                    continue
                }
                let isThere = files.contains { $0.hasSuffix("/" + word) }
                #expect(isThere, "\(page.name) names \(word), which is no file")
                count += 1
            }
        }
        #expect(count > 20)
    }

    /// `Folder/File.swift` in a comment of the product or the lab is the end of a path in the repository.
    @Test func filesNamedInCommentsExist() throws {
        let paths = try Repository.sourcePaths()
        var count = 0
        for folder in ["Sources", "Tests/Lab"] {
            for ending in [".swift", ".c", ".h"] {
                for file in try Repository.files(under: folder, ending: ending) {
                    for name in Self.filesNamed(inCommentsOf: try Repository.text(file)) {
                        let isThere = paths.contains { $0.hasSuffix("/" + name) }
                        #expect(isThere, "\(file) names \(name), which is no file")
                        count += 1
                    }
                }
            }
        }
        #expect(count > 30)
    }

    /// What the test above would say of comments that name no file, and what it leaves alone.
    @Test func namesInCommentsAreFound() {
        func named(_ text: String) -> [String] { Self.filesNamed(inCommentsOf: text) }
        #expect(named("// The reader is Log/Nowhere.swift.\n") == ["Log/Nowhere.swift"])
        #expect(named("let a = \"b\" /// (Type+Part.swift: why)\n") == ["Type+Part.swift"])
        #expect(named("int a; /* one.c, and\n two.swift */\n") == ["two.swift"])
        #expect(named("char c = '\"'; // a.swift\n") == ["a.swift"])
        #expect(named("let a = \"// a.swift\"\nlet b = \"\"\"\n    // b.swift\n    \"\"\"\n").isEmpty)
        #expect(named("// Mutants+….swift, a.swiftmodule\n").isEmpty)
    }

    /// The Swift files that comments name. Texts are matched first, so that no comment begins inside one.
    private static func filesNamed(inCommentsOf text: String) -> [String] {
        let parts = /"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|\/\/[^\n]*|\/\*[\s\S]*?\*\//
        return text.matches(of: parts).map(\.output).filter { $0.hasPrefix("/") }.flatMap { comment in
            comment.matches(of: /[A-Za-z][A-Za-z0-9+\/_-]*\.swift(?!\w)/).map { String($0.output) }
        }
    }

    /// Every attack of the lab is in the page's tables: what it does, and which controls it has.
    @Test func labAndPageNameTheSameRows() throws {
        let page = try #require(try Repository.pages().first { $0.name == "crash-lab.md" })
        let sources = try Repository.files(under: "Tests/Lab/LabTool", ending: "Command.swift").map(Repository.text)
        let rows = Set(sources.flatMap { $0.matches(of: /commandName: "(\w+)"/).map { String($0.output.1) } })
            .subtracting(["lab"])
        #expect(rows.count > 5)
        for column in ["does", "controls"] {
            let table = try #require(page.tables.first { $0.first == ["attack", column] })
            let named = table.dropFirst().flatMap { DocumentationPage.words(in: $0[0]) }
            #expect(named.count == rows.count && Set(named) == rows, "\(column): \(named)")
        }
    }

    /// In these pages' tables the last column holds the tests that show what the row says.
    @Test(arguments: ["exit-coverage.md", "durability.md", "failure-model.md", "track-record.md", "mutants.md"])
    func namedTestsExist(page name: String) throws {
        let functions = try Repository.testFunctions()
        let page = try #require(try Repository.pages().first { $0.name == name })
        let named = page.tables.filter { $0.first?.last == "test" }
            .flatMap { $0.dropFirst() }.flatMap { DocumentationPage.words(in: $0.last ?? "") }
        #expect(!named.isEmpty, "\(name) names no test")
        for word in named {
            let isTest = functions.contains(word)
            #expect(isTest, "\(name) names \(word), which is no test")
        }
    }

    @Test func everyWayAProcessEndsNamesATest() throws {
        let page = try #require(try Repository.pages().first { $0.name == "exit-coverage.md" })
        let rows = page.tables.filter { $0.first?.last == "test" }.flatMap { $0.dropFirst() }
        #expect(rows.count >= 10)
        for row in rows {
            #expect(!DocumentationPage.words(in: row.last ?? "").isEmpty, "no test is named for: \(row[0])")
        }
    }

    @Test func drillAndPageNameTheSameRows() throws {
        let page = try #require(try Repository.pages().first { $0.name == "exit-coverage.md" })
        let table = try #require(page.tables.first { $0.first?.contains("drill") == true })
        let column = try #require(table[0].firstIndex(of: "drill"))
        let cells = table.dropFirst().map { $0[column] } + page.lines.filter { $0.contains("*control: ") }
        let named = cells.flatMap { $0.matches(of: /\*([^*]+)\*/).map { String($0.output.1) } }
        #expect(Set(named) == Set(DrillPlan.names))
        for row in table.dropFirst() { #expect(row[column] != "", "no row of the drill is named for: \(row[0])") }
    }

    @Test func modulesImportOnlyWhatTheWallTableAllows() throws {
        let page = try #require(try Repository.pages().first { $0.name == "architecture.md" })
        let table = try #require(page.tables.first { $0.first?.first == "module" })
        var allowed: [String: Set<String>] = [:]
        for row in table.dropFirst() {
            for module in DocumentationPage.words(in: row[0]) {
                allowed[module] = Set(DocumentationPage.words(in: row[1]))
            }
        }
        let system: Set = ["SystemC", "Synchronization"]
        for (module, folder) in try Repository.modules() {
            let walls = try #require(allowed[module], "docs/architecture.md does not say what \(module) may import")
            for file in try Repository.files(under: folder, ending: ".swift") {
                for imported in try Repository.imports(of: file) where !system.contains(imported) {
                    #expect(walls.contains(imported), "\(file) imports \(imported)")
                }
            }
        }
    }

    @Test func foundationIsImportedByOneCoreFileOnly() throws {
        let importing = try ["ExitHooks", "WriteAheadJournal", "Backstay"].flatMap {
            try Repository.files(under: "Sources/\($0)", ending: ".swift")
        }.filter { try Repository.imports(of: $0).contains { $0.hasPrefix("Foundation") } }
        #expect(importing == ["Sources/Backstay/Values/ValueCodec.swift"])
    }

    @Test func onlyTheJournalSpeaksSQL() throws {
        for module in ["ExitHooks", "Backstay"] {
            for file in try Repository.files(under: "Sources/\(module)", ending: ".swift") {
                #expect(try !Repository.text(file).contains("sqlite3_"), "\(file) calls SQLite")
            }
        }
    }
}
