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

    /// Every row of the lab is in the page's tables: what it does, and which controls it has.
    @Test func labAndPageNameTheSameRows() throws {
        let page = try #require(try Repository.pages().first { $0.name == "crash-lab.md" })
        let sources = try Repository.files(under: "Tests/Lab/LabTool", ending: "Command.swift").map(Repository.text)
        let rows = Set(sources.flatMap { $0.matches(of: /commandName: "(\w+)"/).map { String($0.output.1) } })
            .subtracting(["lab"])
        #expect(rows.count > 5)
        for column in ["does", "controls"] {
            let table = try #require(page.tables.first { $0.first == ["row", column] })
            let named = table.dropFirst().flatMap { DocumentationPage.words(in: $0[0]) }
            #expect(named.count == rows.count && Set(named) == rows, "\(column): \(named)")
        }
    }

    /// In these pages' tables the last column holds the tests that show what the row says.
    @Test(arguments: ["exit-coverage.md", "durability.md", "failure-model.md", "testing.md", "mutants.md"])
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

/// One page, with what is inside code fences left out of titles, links and tables.
struct DocumentationPage {
    let name: String
    let lines: [String]

    init(name: String, text: String) {
        self.name = name
        var isCode = false
        lines = text.components(separatedBy: "\n").filter { line in
            if line.hasPrefix("```") {
                isCode.toggle()
                return false
            }
            return !isCode
        }
    }

    /// The targets of `[text](target)`.
    var links: [String] {
        lines.flatMap { line in line.matches(of: /\]\(([^)\s]+)\)/).map { String($0.output.1) } }
    }

    /// Where links to this page's headings go: the words in lower case, joined by hyphens, other signs left out.
    var anchors: Set<String> {
        Set(
            lines.filter { $0.hasPrefix("#") }.map { line in
                line.drop { $0 == "#" || $0 == " " }.lowercased().replacing(" ", with: "-")
                    .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            })
    }

    /// Each table as rows of cells, the head first, the line of dashes left out.
    var tables: [[[String]]] {
        var tables: [[[String]]] = []
        var rows: [[String]] = []
        for line in lines + [""] {
            if line.hasPrefix("|") {
                let cells = line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
                let trimmed = cells.map { $0.trimmingCharacters(in: .whitespaces) }
                if !trimmed.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 == "-" || $0 == ":" } }) {
                    rows.append(trimmed)
                }
            } else if !rows.isEmpty {
                tables.append(rows)
                rows = []
            }
        }
        return tables
    }

    /// What stands between backticks.
    static func words(in cell: String) -> [String] { cell.matches(of: /`([^`]+)`/).map { String($0.output.1) } }
}

enum Repository {
    static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    static func pages() throws -> [DocumentationPage] {
        try files(under: "docs", ending: ".md").map {
            DocumentationPage(name: String($0.dropFirst("docs/".count)), text: try text($0))
        }
    }

    static func files(under folder: String, ending: String) throws -> [String] {
        let all = try #require(FileManager.default.enumerator(atPath: root + "/" + folder))
        return all.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.map { folder + "/" + $0 }.sorted()
    }

    /// The modules that are no suites, and their folders.
    static func modules() throws -> [(name: String, folder: String)] {
        try ["Sources", "Sources/C", "Tests/Lab"].flatMap { parent in
            try FileManager.default.contentsOfDirectory(atPath: root + "/" + parent).filter { $0 != "C" }
                .map { ($0, parent + "/" + $0) }
        }
    }

    /// The modules that a file imports.
    static func imports(of file: String) throws -> [String] {
        let access: Set = ["public", "package", "internal", "private", "fileprivate"]
        let kinds: Set = ["enum", "struct", "class", "func", "protocol", "typealias", "var", "let"]
        return try lines(of: file, containing: "import ").compactMap { line in
            let words = line.split(separator: " ").map(String.init).drop { $0.hasPrefix("@") || access.contains($0) }
            guard words.first == "import" else { return nil }
            return words.dropFirst().first { !kinds.contains($0) }.map { String($0.prefix { $0 != "." }) }
        }
    }

    /// The names of all functions in Tests that carry `@Test`.
    static func testFunctions() throws -> Set<String> {
        var names: Set<String> = []
        for file in try files(under: "Tests", ending: ".swift") {
            var isTest = false
            for line in try text(file).components(separatedBy: "\n") {
                let words = line.drop { $0 == " " }
                if words.hasPrefix("@") && words.contains("@Test") { isTest = true }
                guard isTest, let start = line.range(of: "func ")?.upperBound else { continue }
                names.insert(String(line[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
                isTest = false
            }
        }
        return names
    }

    private static func lines(of file: String, containing word: String) throws -> [String] {
        try text(file).components(separatedBy: "\n").filter { $0.contains(word) }
    }
}
