// Whoever looks for a type opens the file of its name; whoever lists a folder sees all of it at once.

import Foundation
import Testing

@Suite struct LayoutTests {
    private static let rooms = [
        "Sources/WriteAheadJournal", "Sources/Backstay", "Sources/ExitHooks", "Sources/Drill", "Sources/Bench",
        "Sources/BackstayTool", "Tests/Lab",
    ]
    private static let filesMax = 20

    /// `Name.swift` holds the type `Name` and, beside functions and extensions, nothing else; `Name+Part.swift` holds
    /// extensions alone.
    @Test func everyTypeHasAFileOfItsName() throws {
        var files = 0
        for file in try Self.rooms.flatMap({ try Repository.files(under: $0, ending: ".swift") }) {
            let name = String(try #require(file.split(separator: "/").last).dropLast(".swift".count))
            let text = try Repository.text(file)
            let types = text.contains("typealias \(name) =") ? [name] : Self.types(in: text)
            files += 1
            if name.contains("+") {
                #expect(types.isEmpty, "\(file) is a part, and declares \(types)")
            } else if !["main", "StandardStreams", "Exports"].contains(name) {
                #expect(types == [name], "\(file) declares \(types)")
            }
        }
        #expect(files > 200)
    }

    @Test func noFolderIsALongList() throws {
        for room in Self.rooms {
            let files = try Repository.files(under: room, ending: ".swift")
            let folders = Dictionary(grouping: files) { $0.split(separator: "/").dropLast().joined(separator: "/") }
            for (folder, files) in folders {
                #expect(files.count <= Self.filesMax, "\(folder) has \(files.count) files")
            }
        }
    }

    /// The names of a file's own types, those of its top level. What is private there is part of the type beside it.
    private static func types(in text: String) -> [String] {
        text.matches(
            of: /(?m)^(?!private |fileprivate |@_exported )(?:@\S+ |[a-z]+ )*(?:struct|enum|class|actor|protocol) (\w+)/
        ).map {
            String($0.output.1)
        }
    }
}
