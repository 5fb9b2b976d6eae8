// What a child process can be told to be. The drill knows one part; whoever links it, as the lab, has a table of more.

/// A part that a child plays: chosen by the first word of its arguments, which no person types.
package struct ChildPart: Sendable {
    package let firstArgument: String
    package let play: @Sendable (_ arguments: [String]) async throws -> Bool

    /// - Parameter play: takes all arguments, and returns false where they are none of the part's after all.
    package init(_ firstArgument: String, play: @escaping @Sendable (_ arguments: [String]) async throws -> Bool) {
        self.firstArgument = firstArgument
        self.play = play
    }

    /// The drill's own: `ChildProgram`.
    static let drill = ChildPart(ChildRole.firstArgument) { arguments in
        guard let role = ChildRole(arguments: arguments) else { return false }
        try await ChildProgram.run(role)
        return true
    }

    /// True when this process was started as a child that plays the drill's part or one of `others`, and has done so: main
    /// must return then. Called first in main, whose return and errors are the child's, too.
    ///
    /// - Throws: what the child is to throw out of main, where that is the ending to be shown.
    package static func playIfAsked(or others: [ChildPart] = []) async throws -> Bool {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let part = ([drill] + others).first(where: { $0.firstArgument == arguments.first }) else { return false }
        return try await part.play(arguments)
    }
}
