// A copy of the package in which every mutant is planted. Which one is on, its processes are told by their environment.
//
// The copy is kept between runs and only files that changed are written, so that its build stays warm.

internal import Foundation

package struct MutantCopy {
    /// What is wrong with the table, or with the place.
    package struct Refused: Error, CustomStringConvertible {
        package let description: String
    }

    /// Names the mutant that is on and, after a colon, the file that is written to once its place is reached.
    static let variable = "BACKSTAY_MUTANT"

    /// The folder of the copy.
    package let path: String

    /// - Parameters:
    ///   - files: the files of the package, relative to `root`.
    package init(of root: String, files: [String], to path: String) throws {
        self.path = path
        var texts = try Self.planted(Mutant.all) { file in
            guard let text = try? String(contentsOfFile: "\(root)/Sources/\(file)", encoding: .utf8) else {
                throw Refused(description: "\(root) is no clone of this package: Sources/\(file) is not there")
            }
            return text
        }
        for (file, text) in Self.support(for: Mutant.all) { texts[file] = text }
        var wanted = Set(files)
        for file in files where texts[String(file.dropFirst("Sources/".count))] == nil {
            let source = "\(root)/\(file)"
            // Listed by git and removed since.
            guard let bytes = FileManager.default.contents(atPath: source) else { continue }
            let mode = try FileManager.default.attributesOfItem(atPath: source)[.posixPermissions]
            try write(bytes, to: file, mode: mode)
        }
        for (file, text) in texts {
            wanted.insert("Sources/\(file)")
            try write(Data(text.utf8), to: "Sources/\(file)", mode: nil)
        }
        try removeAll(but: wanted)
    }

    /// The files that hold mutants, with all of them planted, by their path under Sources.
    package static func planted(
        _ mutants: [Mutant], text: (_ file: String) throws -> String
    ) throws -> [String: String] {
        var places: [String: [(mutant: String, edit: Mutant.Edit)]] = [:]
        for mutant in mutants {
            for edit in mutant.edits { places[edit.file, default: []].append((mutant.name, edit)) }
        }
        var result: [String: String] = [:]
        for (file, edits) in places {
            result[file] = try plant(edits, in: file, Array(try text(file).utf8))
        }
        return result
    }

    private static func plant(
        _ edits: [(mutant: String, edit: Mutant.Edit)], in file: String, _ text: [UInt8]
    ) throws -> String {
        let found = try edits.map { mutant, edit in
            (try place(of: edit.sound, in: text, mutant, file), mutant, edit)
        }.sorted { $0.0.lowerBound < $1.0.lowerBound }
        var result: [UInt8] = []
        var end = 0
        var index = 0
        while index < found.count {
            let range = found[index].0
            guard range.lowerBound >= end else {
                throw Refused(description: "\(found[index].1) and \(found[index - 1].1) overlap in \(file)")
            }
            result += text[end..<range.lowerBound]
            var piece = Array(text[range])
            while index < found.count, found[index].0 == range {
                let (_, mutant, edit) = found[index]
                let inner = try place(of: edit.sound, in: piece, mutant, file)
                let isC = file.hasSuffix(".c")
                let condition = isC ? "mutant_is(\"\(mutant)\")" : "Mutant.is(.\(mutant))"
                guard edit.planted.contains(Mutant.on) else {
                    throw Refused(description: "\(mutant): no \(Mutant.on) in what is planted in \(file)")
                }
                piece.replaceSubrange(inner, with: edit.planted.replacing(Mutant.on, with: condition).utf8)
                index += 1
            }
            result += piece
            end = range.upperBound
        }
        let head = file.hasSuffix(".c") ? "#include \"mutant.h\"\n" : ""
        return head + String(decoding: result + text[end...], as: UTF8.self)
    }

    /// Where `sound` stands. The spaces at the beginning of a line do not count.
    private static func place(
        of sound: String, in text: [UInt8], _ mutant: String, _ file: String
    ) throws -> Range<Int> {
        let wanted = Array(sound.utf8.drop { $0 == space })
        let found = text.indices.compactMap { start in
            end(of: wanted, in: text, from: start).map { start..<$0 }
        }
        guard found.count == 1, let range = found.first else {
            throw Refused(description: "\(mutant): what is sound stands \(found.count) times in \(file): \(sound)")
        }
        return range
    }

    private static let space = UInt8(ascii: " ")
    private static let newline = UInt8(ascii: "\n")

    private static func end(of wanted: [UInt8], in text: [UInt8], from start: Int) -> Int? {
        var at = start
        var index = 0
        while index < wanted.count {
            guard at < text.count, text[at] == wanted[index] else { return nil }
            let isLineEnd = wanted[index] == newline
            at += 1
            index += 1
            if isLineEnd {
                while index < wanted.count, wanted[index] == space { index += 1 }
                while at < text.count, text[at] == space { at += 1 }
            }
        }
        return at
    }

    /// What the planted conditions call, one file a module.
    private static func support(for mutants: [Mutant]) -> [String: String] {
        var names: [String: Set<String>] = [:]
        var result: [String: String] = [:]
        for mutant in mutants {
            for edit in mutant.edits {
                let folders = edit.file.split(separator: "/").dropLast().map(String.init)
                if edit.file.hasSuffix(".c") {
                    result[folders.joined(separator: "/") + "/mutant.h"] = header
                } else {
                    names[folders[0], default: []].insert(mutant.name)
                }
            }
        }
        for (module, names) in names { result["\(module)/Mutant.swift"] = swift(names.sorted()) }
        return result
    }

    private static func swift(_ names: [String]) -> String {
        """
        internal import SystemC

        @usableFromInline enum Mutant: String, Sendable {
            case \(names.joined(separator: ", "))

            private static let chosen: (mutant: Mutant, file: String)? = {
                guard let words = getenv("\(variable)").map({ String(cString: $0).split(separator: ":", maxSplits: 1) }),
                    words.count == 2, let mutant = Mutant(rawValue: String(words[0]))
                else { return nil }
                return (mutant, String(words[1]))
            }()
            nonisolated(unsafe) private static var hasBeenReached = false

            @usableFromInline static func `is`(_ mutant: Mutant) -> Bool {
                guard let chosen, chosen.mutant == mutant else { return false }
                if !hasBeenReached {
                    let before = errno
                    let descriptor = open(chosen.file, O_WRONLY | O_APPEND | O_CLOEXEC)
                    if descriptor >= 0 {
                        hasBeenReached = write(descriptor, "+", 1) == 1
                        close(descriptor)
                    }
                    errno = before
                }
                return true
            }
        }

        """
    }

    /// Called in signal handlers, too.
    private static let header = """
        #ifndef MUTANT_H
        #define MUTANT_H
        #include <errno.h>
        #include <fcntl.h>
        #include <stdbool.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        static inline bool mutant_is(const char *name) {
            const char *chosen = getenv("\(variable)");
            size_t length = strlen(name);
            if (chosen == NULL || strncmp(chosen, name, length) != 0 || chosen[length] != ':') return false;
            int before = errno;
            int descriptor = open(chosen + length + 1, O_WRONLY | O_APPEND | O_CLOEXEC);
            if (descriptor >= 0) {
                (void)!write(descriptor, "+", 1);
                close(descriptor);
            }
            errno = before;
            return true;
        }
        #endif

        """

    private func write(_ bytes: Data, to file: String, mode: Any?) throws {
        let target = "\(path)/\(file)"
        if FileManager.default.contents(atPath: target) != bytes {
            let folder = target.split(separator: "/").dropLast().map { "/" + $0 }.joined()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            guard FileManager.default.createFile(atPath: target, contents: bytes) else {
                throw Refused(description: "\(target) cannot be written")
            }
        }
        if let mode { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: target) }
    }

    /// A file that was moved must not be compiled twice.
    private func removeAll(but wanted: Set<String>) throws {
        guard let files = FileManager.default.enumerator(atPath: path) else { return }
        while let file = files.nextObject() as? String {
            if file.hasPrefix(".build") || file == "Package.resolved" {
                files.skipDescendants()
                continue
            }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(path)/\(file)", isDirectory: &isFolder) else { continue }
            if !isFolder.boolValue, !wanted.contains(file) {
                try FileManager.default.removeItem(atPath: "\(path)/\(file)")
            }
        }
    }
}
