// A durability bug that somebody could have written, as textual edits of the sound source, and the tests that must notice.
//
// The rules of the table:
//   1. `sound` is found exactly once in its file. Indentation does not count; several lines are allowed.
//   2. `planted` stands in its place. The mark ⟨on⟩ in it becomes a call that is true while this mutant is chosen.
//   3. The places of two mutants are the same or do not touch. Where they are the same, each `planted` holds `sound`.
//   4. Of the tests named at least one must fail. A test that is not named does not count, even if it fails, too: a bug is
//      noticed by the tests that are about it.
//
// The product knows nothing of this: MutantCopy.swift applies the table to a copy. How to add one: docs/contributing.md.

package struct Mutant: Sendable {
    package let name: String
    /// What the bug is, as a sentence: the matrix has it.
    package let what: String
    package let edits: [Edit]
    package let tests: [String]

    /// One place in one file.
    package struct Edit: Sendable {
        /// Under Sources.
        package let file: String
        package let sound: String
        package let planted: String

        init(in file: String, sound: String, planted: String) {
            self.file = file
            self.sound = sound
            self.planted = planted
        }
    }

    init(_ name: String, _ what: String, _ edits: [Edit], seenBy tests: String...) {
        self.name = name
        self.what = what
        self.edits = edits
        self.tests = tests
    }

    init(_ name: String, _ what: String, in file: String, sound: String, planted: String, seenBy tests: String...) {
        self.name = name
        self.what = what
        self.edits = [Edit(in: file, sound: sound, planted: planted)]
        self.tests = tests
    }

    package static let all =
        sqlite + answers + commits + chain + examination + opening + tail + folder + state + hooks + readers

    /// Stands in `planted` for "this mutant is chosen".
    package static let on = "⟨on⟩"

    /// What the test bundle takes as its filter: these tests alone, whatever suite they are in.
    var filter: String { Self.filter(tests) }

    static func filter(_ tests: [String]) -> String { "/(\(tests.joined(separator: "|")))\\(" }
}
