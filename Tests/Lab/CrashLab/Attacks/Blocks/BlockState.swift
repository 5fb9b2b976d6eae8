// One disk that a power cut may leave: which of the writes on a tape it holds.
//
//   1. What was written before the last flush that was answered is there.
//   2. Of what was written since, any part may be: each write whole, not at all, or some of its sectors.
//
// A drive that lies about flushes breaks rule 1: it is played as one that is some writes behind, in their order.

internal import Drill

struct BlockState: Equatable, Sendable {
    enum Shape: CaseIterable, Sendable {
        /// Everything that was sent.
        case whole
        /// Everything up to some write, which is torn.
        case prefix
        /// Some writes and not others.
        case subset
        /// The same, and some of those that are there are torn.
        case torn
    }

    /// Entries of the tape that were sent before the cut: also what was said until then.
    var position: Int
    /// Entries below this are on the disk.
    var flushed: Int
    /// What else is.
    var pieces: [BlockPiece]

    /// The state of a cut at a position of the tape.
    init(
        _ tape: BlockTape, at position: Int, _ shape: Shape, sector: Int, random: inout SeededRandom
    ) {
        self.position = position
        var flushed = position
        while flushed > 0 && !tape.isFlush(flushed - 1) { flushed -= 1 }
        self.flushed = flushed
        let pending = (flushed..<position).filter { tape.isWrite($0) }
        pieces = []
        switch shape {
        case .whole: pieces = pending.map { BlockPiece(index: $0, part: 0..<tape.length($0)) }
        case .prefix:
            guard !pending.isEmpty else { return }
            let end = Int.random(in: 0..<pending.count, using: &random)
            pieces = pending[..<end].map { BlockPiece(index: $0, part: 0..<tape.length($0)) }
            let sectors = tape.length(pending[end]) / sector
            let kept = Int.random(in: 0...sectors, using: &random)
            if kept > 0 { pieces.append(BlockPiece(index: pending[end], part: 0..<kept * sector)) }
        case .subset, .torn:
            // Few, half or most of them: a half is rarely what hurts.
            let share = [1, 8, 15].randomElement(using: &random) ?? 8
            for index in pending where Int.random(in: 0..<16, using: &random) < share {
                let length = tape.length(index)
                guard shape == .torn, length > sector, Bool.random(using: &random) else {
                    pieces.append(BlockPiece(index: index, part: 0..<length))
                    continue
                }
                for start in stride(from: 0, to: length, by: sector) where Bool.random(using: &random) {
                    pieces.append(BlockPiece(index: index, part: start..<min(start + sector, length)))
                }
            }
        }
    }

    /// The state of a drive that is `behind` entries late, whatever it said about flushes.
    init(lying position: Int, behind: Int) {
        self.position = position
        flushed = max(0, position - behind)
        pieces = []
    }
}
