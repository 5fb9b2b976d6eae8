// How far a run of an attack goes.
//
// An attack is a sequence of cases, numbered from 0, that the seed fixes: the same seed and number make the same case on every
// machine, as far as processes and their moments allow. A run takes cases in order until one of its ends is reached.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct LabPlan: Sendable {
    /// What all choices come from.
    package var seed: UInt64
    /// Seconds after which no case begins but the first; nil for none.
    package var budget: Double?
    /// The first case.
    package var from = 0
    /// At most so many cases; nil for all there are.
    package var cases: Int?
    /// Where stores are made, in a folder of the run's own. Memory where there is some: most attacks sync a lot, and what a
    /// disk would do is what the lab plays.
    package var folder: String
    /// The program to run as children: its main must call `ChildPart.playIfAsked` first.
    package var executable: String

    private let start = Clock.monotonicNanoseconds()

    /// Without an executable it is the running one.
    package init(
        seed: UInt64, budget: Double? = nil, from: Int = 0, cases: Int? = nil, folder: String? = nil,
        executable: String? = nil
    ) {
        self.seed = seed
        self.executable = executable ?? ChildProcess.ownExecutable
        self.budget = budget
        self.from = from
        self.cases = cases
        self.folder = folder ?? Self.usualFolder
    }

    /// Where stores are made unless it is said otherwise.
    static var usualFolder: String { access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp" }

    /// Seconds since the plan was made.
    package var seconds: Double { Double(Clock.monotonicNanoseconds() - start) / 1e9 }

    /// Whether the case of this number is to be played.
    package func includes(_ number: Int) -> Bool {
        if let cases, number >= from + cases { return false }
        if let budget, number > from, seconds >= budget { return false }
        return true
    }

    /// A folder of the run's own, made and empty.
    package func makePlace(_ attack: String) throws -> String {
        try ScratchFiles.makePlace("lab-\(attack)", in: folder)
    }

    /// Plays the cases of the plan in their order.
    ///
    /// - Parameters:
    ///   - all: so many cases the attack has; nil for no end of them.
    ///   - progress: called behind each case with the number of the next.
    /// - Returns: the case to go on with; nil where all were played.
    func play(
        of all: Int? = nil, progress: (Int) -> Void, _ play: (Int) throws -> Void
    ) rethrows -> Int? {
        var number = from
        while number < all ?? .max, includes(number) {
            try play(number)
            number += 1
            progress(number)
        }
        return number < all ?? .max ? number : nil
    }
}
