internal import CLab
internal import Drill
internal import WriteAheadJournal

/// A part of one write that reached the disk.
struct BlockPiece: Equatable, Sendable {
    /// Of the write on its tape.
    var index: Int
    /// The part, in bytes of the write.
    var part: Range<Int>
}
