// The order of a `.power` answer, read off the system calls: the record's bytes go to the log's file, that file is synced,
// and only then does the caller hear of it.
//
// One caller that asks for `.power` alone: when it is answered, nothing may have been written to `journal.db-wal` since
// that was last synced, and it must have been synced since the answer before, or since the store was open.

internal import WriteAheadJournal

struct OrderProof {
    /// Answers that were looked at.
    private(set) var answers = 0
    private(set) var problems: [String] = []

    /// - Parameter log: as trace.c writes it: thread, name, result, three arguments, file, first bytes.
    init(log: String) {
        var isDirty = false
        var syncs = 0
        for line in log.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: false)
            guard words.count == 8 else { continue }
            let (name, result, file, begin) = (words[1], words[2], words[6], words[7])
            if file.hasSuffix("/journal.db-wal") {
                switch name {
                case "pwrite64", "write", "pwritev", "ftruncate": isDirty = true
                case "fdatasync", "fsync":
                    if result == "0" {
                        isDirty = false
                        syncs += 1
                    }
                default: break
                }
            }
            guard name == "write", file.hasPrefix("pipe:") else { continue }
            // The store is open: what opening has synced is no change's sync.
            if begin.hasPrefix("f ") { syncs = 0 }
            guard begin.hasPrefix("a ") else { continue }
            answers += 1
            if isDirty { problems.append("\(begin.prefix { $0 != ";" }): answered with bytes of the log not synced") }
            if syncs == 0 { problems.append("\(begin.prefix { $0 != ";" }): answered without a sync of the log") }
            syncs = 0
        }
    }
}
