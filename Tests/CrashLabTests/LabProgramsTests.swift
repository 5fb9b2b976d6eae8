// The table of what a child of the lab can be.

@testable import CrashLab
@testable import Drill
import Testing

@Suite struct LabProgramsTests {
    /// The first word of a child's arguments chooses its part: two parts with one word would hide one of them.
    @Test func everyPartHasAWordOfItsOwn() {
        let words = ([ChildPart.drill] + LabPrograms.all).map(\.firstArgument)
        #expect(words.count > 5)
        #expect(Set(words).count == words.count, "\(words)")
    }

    /// A part that does not know its arguments leaves the process to its command.
    @Test func wordsThatArePartsOfNothingAreLeftAlone() async throws {
        for part in [ChildPart.drill] + LabPrograms.all {
            let isPlayed = try await part.play([part.firstArgument, "nonsense"])
            #expect(!isPlayed, "\(part.firstArgument)")
        }
    }
}
