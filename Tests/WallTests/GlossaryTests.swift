// One word, one meaning: words that once had several are no identifiers of the product. What each became is in the glossary
// of docs/architecture.md.

import Foundation
import Testing

@Suite struct GlossaryTests {
    private static var banned: Regex<Substring> { /(?i)\b(?:settle|examine|mend)(?:s|d|ing|[A-Z]\w*)?\b/ }

    @Test func wordsOfSeveralMeaningsAreNoIdentifiers() throws {
        let files = try Repository.files(under: "Sources", ending: ".swift")
        #expect(files.count > 150)
        for file in files {
            let code = try Repository.text(file).replacing(/\/\/[^\n]*/, with: "").replacing(
                /"(?:\\.|[^"\\\n])*"/, with: "")
            for word in code.matches(of: Self.banned) { Issue.record("\(file): \(word.output)") }
        }
    }

    @Test(arguments: ["settle", "settled", "settleFiles", "examine", "examineState", "mend", "mends"])
    func bannedWordsAreFound(word: String) { #expect("let x = \(word)(1)".contains(Self.banned)) }

    @Test(arguments: ["amend", "recommend", "example", "settings"])
    func otherWordsAreNot(word: String) { #expect(!"let x = \(word)(1)".contains(Self.banned)) }
}
