internal import CLab
internal import Drill
internal import WriteAheadJournal

/// Block writes, flushes and marks in their order.
final class BlockTape {
    let tape: OpaquePointer
    let count: Int

    init(_ tape: OpaquePointer) {
        self.tape = tape
        count = cblocktape_count(tape)
    }

    deinit { cblocktape_free(tape) }

    func isWrite(_ index: Int) -> Bool { Int(cblocktape_kind(tape, index)) == CBLOCKLOG_WRITE }
    func isFlush(_ index: Int) -> Bool { Int(cblocktape_kind(tape, index)) == CBLOCKLOG_FLUSH }
    /// Bytes of a write.
    func length(_ index: Int) -> Int { Int(cblocktape_length(tape, index)) }

    /// What a process said in between; nil for a write or a flush.
    func mark(_ index: Int) -> Message? {
        guard Int(cblocktape_kind(tape, index)) == CBLOCKLOG_MARK else { return nil }
        return Message(line: Substring(String(cString: cblocktape_name(tape, index))))
    }
}
