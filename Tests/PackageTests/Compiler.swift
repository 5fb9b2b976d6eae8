// The compiler, asked whether a snippet is accepted against the modules this test was built with.
//
// A line of a snippet that must be refused ends with `// refused: TEXT`. A snippet is as expected only if the lines with
// errors are exactly the lines so marked, and each error contains its TEXT.

import Foundation
import TestSupport
import Testing

struct Compiler {
    struct Complaint: Hashable, CustomStringConvertible {
        var line: Int
        var text: String

        var description: String { "line \(line): \(text)" }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Compiles `source` as far as the last check that can refuse it, and returns the errors.
    ///
    /// - Parameter fileName: `main.swift` for top-level code.
    static func errors(in source: String, fileName: String = "Snippet.swift") throws -> [Complaint] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("backstay-snippet-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(fileName)
        try source.write(to: file, atomically: false, encoding: .utf8)

        let built = URL(fileURLWithPath: TestBundle.folder)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let maps = [
            root.appendingPathComponent("Sources/C/CSQLite/module.modulemap"),
            built.appendingPathComponent("CExitHooks.build/module.modulemap"),
            built.appendingPathComponent("CMachine.build/module.modulemap"),
        ]
        // Data races are found after type checking, so the check goes on to the intermediate language.
        var arguments = ["swiftc", "-emit-sil", "-o", "/dev/null", "-module-name", "Snippet", "-swift-version", "6"]
        arguments += ["-no-color-diagnostics", "-diagnostic-style", "llvm"]
        for feature in [
            "NonisolatedNonsendingByDefault", "InternalImportsByDefault", "MemberImportVisibility", "ExistentialAny",
        ] {
            arguments += ["-enable-upcoming-feature", feature]
        }
        arguments += ["-module-cache-path", built.appendingPathComponent("ModuleCache").path]
        arguments += ["-I", built.appendingPathComponent("Modules").path]
        for map in maps { arguments += ["-Xcc", "-fmodule-map-file=\(map.path)"] }

        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = arguments + [file.path]
        compiler.standardOutput = FileHandle.nullDevice
        let stderr = Pipe()
        compiler.standardError = stderr
        try compiler.run()
        let output = String(decoding: try stderr.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        compiler.waitUntilExit()

        let errors = complaints(in: output, about: fileName)
        guard (compiler.terminationStatus == 0) == errors.isEmpty else {
            throw Failure(description: "swiftc ended with \(compiler.terminationStatus):\n\(output)")
        }
        return errors
    }

    /// Records an issue unless exactly the marked lines are refused, each for its reason.
    static func check(
        _ source: String, fileName: String = "Snippet.swift", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let errors = try errors(in: source, fileName: fileName)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let found = errors.filter { $0.line == index + 1 }
            guard let mark = line.range(of: "// refused: ") else {
                for error in found {
                    Issue.record("refused, but should compile: \(line)\n\(error.text)", sourceLocation: sourceLocation)
                }
                continue
            }
            let reason = line[mark.upperBound...]
            if found.isEmpty {
                Issue.record("compiles, but should be refused: \(line)", sourceLocation: sourceLocation)
            }
            for error in found where !error.text.contains(reason) {
                Issue.record("refused for another reason: \(line)\n\(error.text)", sourceLocation: sourceLocation)
            }
        }
        for error in errors where !(1...lines.count).contains(error.line) {
            Issue.record("\(error)", sourceLocation: sourceLocation)
        }
    }

    /// "path:line:column: error: text", and errors without a place as line 0.
    private static func complaints(in output: String, about fileName: String) -> [Complaint] {
        var complaints: [Complaint] = []
        for line in output.split(separator: "\n") {
            guard let mark = line.range(of: "error: ") else { continue }
            let place = line[..<mark.lowerBound].split(separator: ":")
            let isPlaced = place.count >= 3 && place[0].hasSuffix(fileName)
            let complaint = Complaint(line: isPlaced ? Int(place[1]) ?? 0 : 0, text: String(line[mark.upperBound...]))
            if !complaints.contains(complaint) { complaints.append(complaint) }
        }
        return complaints
    }
}
