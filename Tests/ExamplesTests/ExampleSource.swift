// What the head of an example says that it prints.

import Foundation

enum ExampleSource {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/Examples")

    /// The names of all examples.
    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }.sorted()
    }

    static func text(_ example: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent("\(example)/main.swift"), encoding: .utf8)
    }

    /// The blocks after the lines that begin with "// Prints", in their order.
    static func promises(_ example: String) throws -> [[String]] {
        let indent = "//     "
        var promises: [[String]] = []
        var isInside = false
        for line in try text(example).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("// Prints") {
                promises.append([])
                isInside = true
            } else if isInside, line.hasPrefix(indent) {
                promises[promises.count - 1].append(String(line.dropFirst(indent.count)))
            } else {
                isInside = false
            }
        }
        return promises
    }

    /// Whether the lines are those promised; a promised line "…" stands for any number of lines.
    static func keeps(_ promise: [String], _ lines: [String]) -> Bool {
        guard let gap = promise.firstIndex(of: "…") else { return promise == lines }
        let tail = promise[(gap + 1)...]
        return lines.count >= promise.count - 1 && lines.starts(with: promise[..<gap])
            && lines.suffix(tail.count) == tail
    }
}
