internal import WriteAheadJournal

/// The middle of some numbers, and how far they spread.
package struct Spread: Sendable {
    package let median: Double
    package let low: Double
    package let high: Double

    package init(_ values: [Double]) {
        let sorted = values.sorted()
        median = sorted.isEmpty ? .nan : sorted[sorted.count / 2]
        low = sorted.first ?? .nan
        high = sorted.last ?? .nan
    }
}
