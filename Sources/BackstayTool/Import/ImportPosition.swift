// How far an import has come: which of its input's bytes are in the store.
//
// The position is in the same record as the data it speaks of, so after any crash it is exact. It names what was consumed
// by length and checksum: an input whose beginning is another by now is refused, since its lines would not be the next
// ones. Stored in the state "import" under the job's name, as JSON: {"bytes":…,"checksum":…,"lines":…}.

import Backstay
import WriteAheadJournal

struct ImportPosition: Codable, Equatable {
    /// In the store, beside the key–value state. On disk.
    static let stateName = "import"

    /// Bytes consumed.
    var bytes = 0
    /// Line breaks among them.
    var lines = 0
    /// XXH64, chained line by line: of the chain so far and the hash of the line with its line break.
    private var checksum: UInt64 = 0
    /// The end of the input where it has no line break yet, and the chain before it. Not stored: it is read again.
    private var rest: [UInt8] = []
    private var chainBeforeRest: UInt64 = 0

    private enum CodingKeys: String, CodingKey { case bytes, checksum, lines }

    /// Lines among them: what is behind the last line break is one, too.
    var linesBegun: Int { lines + (rest.isEmpty ? 0 : 1) }

    /// Moves behind a line, or, where the input has grown, behind what is left of one.
    mutating func consume(_ line: UnsafeRawBufferPointer) {
        bytes += line.count
        if rest.isEmpty { chainBeforeRest = checksum }
        let isWhole = line.last == 0x0A
        if rest.isEmpty && isWhole {
            chain(line)
        } else {
            rest.append(contentsOf: line)
            checksum = chainBeforeRest
            let all = rest
            all.withUnsafeBytes { chain($0) }
            if isWhole { rest = [] }
        }
        if isWhole { lines += 1 }
    }

    private mutating func chain(_ line: UnsafeRawBufferPointer) {
        var pair = (checksum.littleEndian, XXH64.hash(line).littleEndian)
        checksum = withUnsafeBytes(of: &pair) { XXH64.hash($0) }
    }

    /// The stored form.
    func encoded() throws -> (kind: ValueKind, bytes: [UInt8]) {
        var bytes: [UInt8] = []
        // Never nil: only an Optional encodes as nothing.
        let kind = try ValueCodec.encode(self, into: &bytes) ?? .json
        return (kind, bytes)
    }

    /// The position of a job, or nil where it has none.
    static func of(job: String, in store: StateStore) throws -> ImportPosition? {
        guard let stored = store.named(stateName, job) else { return nil }
        do {
            return try stored.bytes.withUnsafeBytes {
                try ValueCodec.decode(ImportPosition.self, kind: stored.kind, bytes: $0)
            }
        } catch let error as ValueCodingError {
            throw Failure(
                .damaged, "damaged", "the position of the import job \"\(job)\" cannot be read: \(error.message)")
        }
    }

    /// Reads what was consumed before once more, and checks that it is the same.
    static func advance(_ input: ImportInput, to target: ImportPosition, job: String) throws -> ImportPosition {
        func rejection(_ why: String) -> Failure {
            Failure(
                .failed, "inputChanged",
                "\(input.name) is not what the import job \"\(job)\" began with: \(why); import it without --resume to start over",
                [("job", .string(job)), ("consumed", .count(target.bytes))])
        }
        var position = ImportPosition()
        while position.bytes < target.bytes {
            let wasTaken: Void? = input.nextLine(bytesMax: target.bytes - position.bytes) { position.consume($0) }
            if wasTaken != nil { continue }
            guard !input.isAtEnd else {
                throw rejection("it has \(position.bytes) bytes, and \(target.bytes) were imported")
            }
            try input.fill()
        }
        guard position.checksum == target.checksum else {
            throw rejection("its first \(target.bytes) bytes have changed")
        }
        return position
    }
}
