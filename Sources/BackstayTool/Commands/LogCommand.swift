// `backstay log`: the journal's records.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Prints the journal's records, one a line.",
        discussion: """
            Records that a checkpoint took in are dropped in time; the log begins where `info` says.
            With --json, a line each: {"lsn":…,"time":"2026-01-31T12:00:00.000000Z","kind":"changes","operations":[…]} \
            with operations {"op":"set","key":…,"value":…,"type":…} and {"op":"remove","key":…}, those on another state \
            than the key–value one with "state":NAME; {…,"kind":"run","epoch":"…"} where a process opened the store; \
            {…,"kind":"bytes","bytes":…} for records of another user of the journal. "time" is null while a record is in \
            the tail only.
            """
    )

    @OptionGroup var store: StoreArgument
    @Option(help: "The first record to print.")
    var from: UInt64 = 1
    @OptionGroup var common: CommonOptions

    func run() throws {
        try store.withReader { reader in
            if from > 1 || reader.base.lsn > .zero, LSN(from) <= reader.base.lsn {
                note(
                    "backstay: the log begins with LSN \(reader.base.lsn.next): records before it are in the state alone"
                )
            }
            try withOutput { out in
                _ = try reader.records { record, time in
                    guard record.lsn.value >= from else { return }
                    if common.json {
                        try out.print(try Self.json(record, time))
                    } else {
                        try out.add { bytes in
                            bytes.append(contentsOf: "\(record.lsn)  \(time.map(TextForm.time) ?? Self.inTail)  ".utf8)
                            try Self.appendSummary(of: record, to: &bytes)
                            bytes.append(UInt8(ascii: "\n"))
                        }
                    }
                }
            }
        }
    }

    // MARK: For a person

    /// In place of the time of a record that the journal does not have yet; as wide as a time.
    private static let inTail: String = {
        let text = "in the tail"
        return text + String(repeating: " ", count: TextForm.time(0).utf8.count - text.utf8.count)
    }()

    /// Operations beyond these are counted.
    private static let operationsShownMax = 4

    private static func appendSummary(of record: Record, to bytes: inout [UInt8]) throws {
        switch record.kind {
        case .run: bytes.append(contentsOf: "run  begins, epoch \(String(record.epoch, radix: 16))".utf8)
        case .bytes: bytes.append(contentsOf: "bytes  \(TextForm.bytes(record.body.count))".utf8)
        case .changes:
            bytes.append(contentsOf: "changes  ".utf8)
            var count = 0
            try read(record) { operation in
                count += 1
                guard count <= operationsShownMax else { return }
                if count > 1 { bytes.append(contentsOf: ", ".utf8) }
                bytes.append(contentsOf: (operation.code == .set ? "set " : "remove ").utf8)
                if !operation.name.isEmpty {
                    bytes.append(contentsOf: "\(String(decoding: operation.name, as: UTF8.self)):".utf8)
                }
                bytes.append(contentsOf: JSON.escapedKey(operation.key))
                guard operation.code == .set else { return }
                let type = ValueKind(rawValue: operation.kind)?.name ?? "kind \(operation.kind)"
                bytes.append(contentsOf: " \(type) \(TextForm.bytes(operation.value.count))".utf8)
            }
            if count > operationsShownMax {
                bytes.append(contentsOf: " and \(count - operationsShownMax) more".utf8)
            }
        }
    }

    // MARK: For a program

    private static func json(_ record: Record, _ time: Int64?) throws -> JSON {
        var members: [(String, JSON)] = [
            ("lsn", .uint(record.lsn.value)), ("time", time.map { .string(TextForm.time($0)) } ?? .null),
        ]
        switch record.kind {
        case .run: members += [("kind", .string("run")), ("epoch", .string(String(record.epoch, radix: 16)))]
        case .bytes: members += [("kind", .string("bytes")), ("bytes", .count(record.body.count))]
        case .changes:
            var operations: [JSON] = []
            try read(record) { operations.append(try json($0, record.lsn)) }
            members += [("kind", .string("changes")), ("operations", .array(operations))]
        }
        return .object(members)
    }

    private static func json(_ operation: Operation, _ lsn: LSN) throws -> JSON {
        var members: [(String, JSON)] = [
            ("op", .string(operation.code == .set ? "set" : "remove")), ("key", .key(operation.key)),
        ]
        if operation.code == .set {
            guard let kind = ValueKind(rawValue: operation.kind) else {
                throw unreadable(lsn, "a value of kind \(operation.kind), which this version does not know")
            }
            do throws(ValueCodingError) {
                members.append(("value", .text(try JSONText.jsonText(kind: kind, bytes: operation.value))))
            } catch {
                throw unreadable(lsn, error.message)
            }
            members.append(("type", .string(kind.name)))
        }
        if !operation.name.isEmpty { members.append(("state", .key(operation.name))) }
        return .object(members)
    }

    private static func read(_ record: Record, _ each: (Operation) throws -> Void) throws {
        do {
            try OperationCodec.read(record.body, each)
        } catch let error as OperationCodec.Malformed {
            throw unreadable(record.lsn, "its operations cannot be read behind byte \(error.offset)")
        }
    }

    private static func unreadable(_ lsn: LSN, _ why: String) -> Failure {
        Failure(.damaged, "damaged", "record \(lsn): \(why)", [("lsn", .uint(lsn.value))])
    }
}
#endif
