// The comment of a public call says which errors it throws. Found by reading the source: a signature may go over several
// lines, and what a parameter's closure throws is not the call's.

import Foundation
import Testing

@Suite struct PublicCommentTests {
    /// A public function or initializer that throws.
    struct Call {
        var line: Int
        var name: String
        /// Its documentation comment, as one line.
        var comment: String
        var saysWhatItThrows: Bool { comment.contains("- Throws: ") }
    }

    @Test(arguments: ["Backstay", "WriteAheadJournal", "ExitHooks"])
    func everyThrowingCallSaysWhatItThrows(module: String) throws {
        var count = 0
        for file in try Repository.files(under: "Sources/" + module, ending: ".swift") {
            for call in Self.throwingCalls(in: try Repository.text(file)) {
                count += 1
                #expect(call.saysWhatItThrows, "\(file):\(call.line): \(call.name) has no `- Throws:`")
            }
        }
        #expect(count > 1)
    }

    static func throwingCalls(in text: String) -> [Call] {
        var calls: [Call] = []
        var comment = ""
        let lines = text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for (index, line) in lines.enumerated() {
            if line.hasPrefix("///") {
                comment += line.dropFirst(3)
                continue
            }
            if let name = line.firstMatch(of: /\bpublic\b[\w ]*\b(?:func +[^ (<]+|init\b)/)?.output,
                throwsItself(lines[index...])
            {
                calls.append(Call(line: index + 1, name: String(name), comment: comment))
            }
            // Attributes stand between a comment and its declaration, some with a comment of their own.
            if !line.hasPrefix("@") || line.contains(/\b(?:func|init)\b/) { comment = "" }
        }
        return calls
    }

    /// Whether the signature that begins here has `throws` outside its parentheses, before its body.
    private static func throwsItself(_ lines: ArraySlice<String>) -> Bool {
        var depth = 0
        var outside = ""
        for line in lines {
            for character in line {
                if character == "(" { depth += 1 }
                if depth == 0 && character == "{" { return outside.contains(/\b(?:re)?throws\b/) }
                if depth == 0 { outside.append(character) }
                if character == ")" { depth -= 1 }
            }
            outside.append(" ")
        }
        return false
    }

    // MARK: The check itself

    @Test(arguments: [
        "public func a() throws {}",
        "public static func a<T>(_ x: T) throws(StoreError) -> [T] { [x] }",
        "public init() throws {}",
        "public func a<T>(\n    _ x: T, _ y: Int = 1\n) async throws(StoreError)\n    -> T where T: Sendable {\n}",
        "public func a<R>(_ body: () throws -> R) rethrows -> R { try body() }",
        "@available(*, noasync, message: \"no\")\n@inlinable  // For speed.\npublic func a() throws {}",
        "@discardableResult public mutating func a() throws {}",
    ])
    func throwingCallsAreFound(declaration: String) {
        let bare = "/// Does it.\n"
        let told = "/// Does it.\n///\n/// - Throws: `busy`.\n"
        #expect(Self.throwingCalls(in: bare + declaration).map(\.saysWhatItThrows) == [false])
        #expect(Self.throwingCalls(in: told + declaration).map(\.saysWhatItThrows) == [true])
        let other = told + "public var x = 1\n\n"
        #expect(Self.throwingCalls(in: other + declaration).map(\.saysWhatItThrows) == [false])
    }

    @Test(arguments: [
        "public func a() {}",
        "func a() throws {}",
        "package func a() throws {}",
        "public func a(_ body: @escaping () throws -> Void) {}",
        "public func a() { func b() throws {} }",
        "public var a: Int { 1 }",
    ])
    func othersAreNot(declaration: String) { #expect(Self.throwingCalls(in: declaration).isEmpty) }
}
