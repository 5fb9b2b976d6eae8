// Reads around the pages of a table that cannot be read: from the front, from the back, and from places in between.
//
// SQLite finds the row after a key through the pages above it. So a damaged page hides its own rows, and an inner page
// also hides the rows below it. A search that starts after a key in another page avoids the damaged one. Which keys are
// in another page is not known: halves, quarters and so on are tried, a bounded number of times.

/// One walk over a table of which parts cannot be read.
struct DamagedTable<Key: Comparable> {
    /// How many places in between are tried.
    private static var probesMax: Int { 200 }

    let lowest: Key
    let highest: Key
    /// A key strictly between two keys, if there may be one.
    let middle: (Key, Key) -> Key?
    /// The next possible key.
    let next: (Key) -> Key

    /// Steps over the rows strictly between two keys, forwards or backwards, and passes on the key of each.
    typealias Rows = (_ after: Key, _ before: Key, _ isForward: Bool, _ each: (Key) -> Void) throws -> Void

    /// A range that could not be read, between two keys, and why.
    struct Gap {
        var after: Key
        var before: Key
        var why: String
    }

    func read(_ rows: Rows) -> [Gap] {
        var last = lowest
        guard let first = failure({ try rows(lowest, highest, true) { last = $0 } }) else { return [] }
        var gaps: [Gap] = []
        var open = [Gap(after: last, before: highest, why: first)]
        var probes = 0
        while var gap = open.first {
            open.removeFirst()
            // From the back, up to the next row that cannot be read.
            var before = gap.before
            guard let why = failure({ try rows(gap.after, gap.before, false) { before = $0 } }) else { continue }
            gap = Gap(after: gap.after, before: before, why: why)
            guard probes < Self.probesMax, let place = middle(gap.after, gap.before) else {
                gaps.append(gap)
                continue
            }
            probes += 1
            var last = place
            if let why = failure({ try rows(place, gap.before, true) { last = $0 } }) {
                open.append(Gap(after: last, before: gap.before, why: why))
            }
            open.append(Gap(after: gap.after, before: next(place), why: gap.why))
        }
        return merged(gaps)
    }

    /// - Returns: why the body ended early; nil if it did not.
    private func failure(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StoreError)?.message ?? "\(error)"
        }
    }

    private func merged(_ gaps: [Gap]) -> [Gap] {
        var result: [Gap] = []
        for gap in gaps.sorted(by: { $0.after < $1.after }) {
            if let last = result.last, gap.after <= last.before {
                result[result.count - 1].before = max(last.before, gap.before)
            } else {
                result.append(gap)
            }
        }
        return result
    }
}
