// The files of this clone, for tests that hold its pages and its code together.

import Foundation
import Testing

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

    /// What a page or a comment may name: every file, with a slash before its path.
    static func sourcePaths() throws -> [String] {
        try ["Sources", "Tests", "docs"].flatMap { try files(under: $0, ending: "") }.map { "/" + $0 }
            + ["/Package.swift"]
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
