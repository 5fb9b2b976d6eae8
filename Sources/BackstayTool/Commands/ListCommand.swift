// `backstay list`: the keys.

#if CommandLine
import ArgumentParser
import Backstay

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Prints the keys, one a line, in byte order.",
        discussion: """
            A key that begins with a quote or holds control characters is printed as a JSON string.
            With --json, a line each: {"key":…,"type":"int","bytes":8}; bytes is the size of the value as it is stored.
            """
    )

    @OptionGroup var store: StoreArgument
    @Option(parsing: .unconditional, help: "Only keys that begin with these bytes.")
    var prefix = ""
    @OptionGroup var common: CommonOptions

    func run() throws {
        let state = try store.openReadOnly()
        try withOutput { out in
            for entry in try state.entries(prefix: prefix) {
                if common.json {
                    try out.print([
                        "key": JSON.key(entry.keyBytes), "type": .string(entry.type),
                        "bytes": .count(entry.valueSize),
                    ])
                } else {
                    try out.add(TextForm.key(entry.keyBytes))
                    try out.add(CollectionOfOne(UInt8(ascii: "\n")))
                }
            }
        }
    }
}
#endif
