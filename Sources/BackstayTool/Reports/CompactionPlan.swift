#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

/// What compaction drops: a checkpoint comes first, so all records there are now.
struct CompactionPlan: CustomStringConvertible {
    let folder: String
    let records: Int
    let logBytes: Int
    let first: LSN
    let last: LSN
    let freeBytes: Int
    let fileBytes: Int

    init(_ reader: StoreReader) throws {
        folder = reader.folder
        logBytes = try reader.logSize().bytes
        first = reader.base.lsn.next
        last = try reader.records { _, _ in }.lsn
        records = Int(last.value - reader.base.lsn.value)
        freeBytes = try reader.pages().reduce(0) { $0 + $1.free * $1.pageBytes }
        fileBytes = Self.fileBytes(reader.folder)
    }

    static func fileBytes(_ folder: String) -> Int {
        Files.names(in: folder).reduce(0) { $0 + (Files.size(folder + "/" + $1) ?? 0) }
    }

    var description: String {
        guard records > 0 else { return "no record" }
        return "\(TextForm.counted(records, "record")), LSN \(first) to \(last), \(TextForm.bytes(logBytes))"
    }
}
#endif
