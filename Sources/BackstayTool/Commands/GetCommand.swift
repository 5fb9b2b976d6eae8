// `backstay get`: one value.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Prints a value as JSON, a plain string bare.",
        discussion: """
            Exit status 3 where there is no such key.
            With --json: {"key":…,"value":…,"type":"int"}; the types are int, uint, double, bool, string, bytes (base64), \
            date (seconds since 2001), uuid and json.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var key: KeyArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        let state = try store.openReadOnly()
        guard let entry = try state.entry(key.key) else { throw Failure.noSuchKey(key.key) }
        try withOutput { out in
            let kind = try entry.knownKind()
            if common.json {
                try out.print([
                    "key": .string(key.key), "value": .text(try entry.jsonText()), "type": .string(kind.name),
                ])
            } else {
                try out.add(kind == .string ? Array(entry.valueBytes) : try entry.jsonText())
                try out.add([UInt8(ascii: "\n")])
            }
        }
    }
}

extension Failure {
    static func noSuchKey(_ key: String) -> Failure {
        let literal = String(decoding: JSON.escaped(key), as: UTF8.self)
        return Failure(.missing, "noSuchKey", "there is no key \(literal): `backstay list` shows those there are")
    }
}

extension StateStore {
    /// The entry of a key, compared as bytes. Among all that begin with the key, it comes first itself.
    func entry(_ key: String) throws -> Entry? {
        var entries = try entries(prefix: key).makeIterator()
        guard let first = entries.next(), first.keyBytes.count == key.utf8.count else { return nil }
        return first
    }
}

extension StateStore.Entry {
    /// How the value is stored.
    func knownKind() throws(Failure) -> ValueKind {
        guard let kind = ValueKind(rawValue: kind) else {
            throw Failure(.damaged, "newerFormat", "key \(key) has a value of a kind this version does not know")
        }
        return kind
    }

    /// The value as JSON text.
    func jsonText() throws -> [UInt8] {
        do {
            return try JSONText.jsonText(kind: try knownKind(), bytes: valueBytes)
        } catch let error as ValueCodingError {
            throw Failure(
                .damaged, "damaged", "the value of key \(key) is not what its type says: \(error.message)")
        }
    }
}
#endif
