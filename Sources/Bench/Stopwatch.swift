// Time and statistics for `backstay bench`.
//
// The rule: nothing is compared across runs. Every subject does its round right after the other's, the rounds alternate,
// and what is reported is the median of the rounds' ratios with their spread.

internal import WriteAheadJournal

package enum Stopwatch {
    /// Seconds the body takes.
    package static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = Clock.monotonicNanoseconds()
        try body()
        return Double(Clock.monotonicNanoseconds() - start) / 1e9
    }

    package static func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = Clock.monotonicNanoseconds()
        try await body()
        return Double(Clock.monotonicNanoseconds() - start) / 1e9
    }
}
