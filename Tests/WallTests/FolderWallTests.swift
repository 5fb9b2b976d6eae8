// Who may know whom, folder by folder: the table "Folders and their rules" in docs/architecture.md, held against the code.

import Foundation
import Testing

@Suite struct FolderWallTests {
    /// The folders of the product that have a row, and the module each is in.
    private static let modules = ["WriteAheadJournal", "Backstay"]

    private struct SourceFile {
        let path: String
        let folder: String
        let text: String
    }

    /// A file of a folder names only types of its own folder and of those in its row.
    @Test func foldersNameOnlyWhatTheirRowAllows() throws {
        let allowed = try Self.table()
        let files = try Self.files()
        #expect(Set(files.map(\.folder)) == Set(allowed.keys))
        let offences = Self.offences(files, allowed)
        #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
        // Something was looked at: these are known to be named across folders.
        let seen = Self.offences(files, allowed.mapValues { _ in [] })
        #expect(seen.contains { $0.contains("Committer") } && seen.count > 50)
    }

    /// Folders depend on each other in one direction.
    @Test func foldersFormNoCircle() throws {
        let allowed = try Self.table()
        var done: Set<String> = []
        while done.count < allowed.count {
            let ready = allowed.filter { !done.contains($0.key) && $0.value.subtracting([$0.key]).isSubset(of: done) }
            guard !ready.isEmpty else {
                Issue.record("a circle among \(Set(allowed.keys).subtracting(done).sorted())")
                return
            }
            done.formUnion(ready.keys)
        }
    }

    /// What the first test would say of a file that breaks the rule, of one that only speaks of it, and of a private type.
    @Test func aNameAcrossTheWallIsFound() {
        let allowed: [String: Set<String>] = ["Low": [], "High": ["Low"]]
        let high = SourceFile(path: "High/Roof.swift", folder: "High", text: "struct Roof {\n    let floor: Floor\n}\n")
        func low(_ text: String) -> [String] {
            Self.offences([high, SourceFile(path: "Low/Floor.swift", folder: "Low", text: text)], allowed)
        }
        #expect(low("struct Floor {}\n").isEmpty)
        #expect(low("/// Below the Roof.\nstruct Floor { let name = \"Roof\" }\n").isEmpty)
        #expect(low("struct Floor {}\nfunc climb(_ to: Roof) {}\n") == ["Low/Floor.swift names Roof of High"])
        #expect(low("struct Floor { let top: Kind.Roof }\n").isEmpty)
    }

    /// The rows of the table whose folders are in the product's modules.
    private static func table() throws -> [String: Set<String>] {
        let page = try #require(try Repository.pages().first { $0.name == "architecture.md" })
        let table = try #require(page.tables.first { $0.first == ["folder", "rule", "may name types of"] })
        var allowed: [String: Set<String>] = [:]
        for row in table.dropFirst() {
            for folder in DocumentationPage.words(in: row[0]) where try isFolder(folder) {
                allowed[folder] = Set(DocumentationPage.words(in: row[2]))
            }
        }
        return allowed
    }

    private static func isFolder(_ name: String) throws -> Bool {
        modules.contains { module in
            var isFolder: ObjCBool = false
            let path = "\(Repository.root)/Sources/\(module)/\(name)"
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    /// Every file that lies in a folder of a module; those beside the folders may name anything, and be named everywhere.
    private static func files() throws -> [SourceFile] {
        try modules.flatMap { try Repository.files(under: "Sources/\($0)", ending: ".swift") }.compactMap { path in
            let parts = path.split(separator: "/")
            guard parts.count > 3 else { return nil }
            return SourceFile(path: path, folder: String(parts[2]), text: try Repository.text(path))
        }
    }

    private static func offences(_ files: [SourceFile], _ allowed: [String: Set<String>]) -> [String] {
        let declaration =
            /(?m)^(?!private |fileprivate )(?:@\S+ |[a-z]+ )*(?:struct|enum|class|actor|protocol|typealias) (\w+)/
        var homes: [String: String] = [:]
        for file in files {
            for match in file.text.matches(of: declaration) { homes[String(match.output.1)] = file.folder }
        }
        return files.flatMap { file in
            names(in: file.text).compactMap { name -> String? in
                guard let home = homes[name], home != file.folder else { return nil }
                return allowed[file.folder]?.contains(home) == true ? nil : "\(file.path) names \(name) of \(home)"
            }
        }
    }

    /// What begins with a capital and stands alone, comments and texts left out, each once.
    private static func names(in text: String) -> [String] {
        let code = text.replacing(/\/\/[^\n]*/, with: "").replacing(/"""[\s\S]*?"""/, with: "")
            .replacing(/"(?:\\.|[^"\\\n])*"/, with: "")
        return Set(code.matches(of: /(?:^|[^.\w])([A-Z]\w*)/).map { String($0.output.1) }).sorted()
    }
}
