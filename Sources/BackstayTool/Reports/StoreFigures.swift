#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct StoreFigures {
    let content: ContentFigures
    var files: [(name: String, bytes: Int)] = []
    let pages: [(name: String, pages: Int, free: Int, pageBytes: Int)]
    let log: (bytes: Int, rows: Int)
    var records = 0
    /// Those that the journal does not have yet.
    var tailRecords = 0
    let first: LSN
    let last: LSN
    let meta: StateMeta

    init(_ reader: StoreReader, _ content: ContentFigures) throws {
        self.content = content
        for name in Files.names(in: reader.folder) {
            if let bytes = Files.size(reader.folder + "/" + name) { files.append((name, bytes)) }
        }
        pages = try reader.pages().map { page in
            (String(page.file.dropFirst(reader.folder.count + 1)), page.pages, page.free, page.pageBytes)
        }
        log = try reader.logSize()
        var records = 0
        var tailRecords = 0
        last = try reader.records { _, time in
            records += 1
            if time == nil { tailRecords += 1 }
        }.lsn
        self.records = records
        self.tailRecords = tailRecords
        first = reader.base.lsn.next
        meta = reader.stateMeta
    }

    private var fileBytes: Int { files.reduce(0) { $0 + $1.bytes } }
    private var sortedTypes: [(key: String, value: (keys: Int, valueBytes: Int))] {
        content.types.sorted { $0.key < $1.key }
    }

    private var digest: String {
        let text = String(meta.digest, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    var json: JSON {
        [
            "files": .array(files.map { ["name": .string($0.name), "bytes": .count($0.bytes)] }),
            "fileBytes": .count(fileBytes),
            "databases": .array(
                pages.map {
                    [
                        "name": .string($0.name), "pages": .count($0.pages), "freePages": .count($0.free),
                        "pageBytes": .count($0.pageBytes),
                    ]
                }),
            "log": [
                "rows": .count(log.rows), "bytes": .count(log.bytes), "records": .count(records),
                "firstLSN": .uint(first.value), "lastLSN": .uint(last.value),
            ],
            "tail": ["records": .count(tailRecords)],
            "state": [
                "keys": .count(content.keys), "keyBytes": .count(content.keyBytes),
                "valueBytes": .count(content.valueBytes),
                "types": .object(
                    sortedTypes.map {
                        ($0.key, ["keys": .count($0.value.keys), "valueBytes": .count($0.value.valueBytes)])
                    }),
            ],
            "table": [
                "rows": .count(meta.rows), "digest": .string(digest),
                "checkpointLSN": .uint(meta.checkpoint.lsn.value),
            ],
        ]
    }

    var rows: [[String]] {
        var rows = files.map { ["file \($0.name)", TextForm.bytes($0.bytes)] }
        rows.append(["files in all", TextForm.bytes(fileBytes)])
        rows += pages.map {
            ["pages \($0.name)", "\($0.pages) of \(TextForm.bytes($0.pageBytes)), \($0.free) free"]
        }
        rows.append([
            "log",
            "\(TextForm.counted(records, "record")) in \(TextForm.counted(log.rows, "row")), \(TextForm.bytes(log.bytes)), LSN \(first) to \(last)",
        ])
        rows.append(["tail", "\(TextForm.counted(tailRecords, "record")) that the journal does not have yet"])
        rows.append([
            "state",
            "\(TextForm.counted(content.keys, "key")), keys \(TextForm.bytes(content.keyBytes)), values \(TextForm.bytes(content.valueBytes))",
        ])
        rows += sortedTypes.map {
            ["  \($0.key)", "\(TextForm.counted($0.value.keys, "key")), \(TextForm.bytes($0.value.valueBytes))"]
        }
        rows.append([
            "table state",
            "\(TextForm.counted(meta.rows, "row")) as of LSN \(meta.checkpoint.lsn), digest \(digest)",
        ])
        return rows
    }
}
#endif
