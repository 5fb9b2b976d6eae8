// `backstay export`: the state as JSON lines, which import takes back bit for bit.

#if CommandLine
import ArgumentParser
import Backstay

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Prints the state as JSON lines, in byte order of the keys.",
        discussion: """
            A line each, with or without --json: {"key":…,"value":…}, and "type" where JSON cannot carry it: bytes \
            (base64), date (seconds since 2001), uuid, json. `import` honours it.
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var common: CommonOptions

    func run() throws {
        let state = try store.openReadOnly()
        try withOutput { out in
            for entry in try state.entries() {
                let kind = try entry.knownKind()
                do {
                    try out.add { bytes in
                        try JSONText.appendExportLine(
                            key: entry.keyBytes, kind: kind, bytes: entry.valueBytes, to: &bytes)
                        bytes.append(UInt8(ascii: "\n"))
                    }
                } catch let error as ValueCodingError {
                    throw Failure(.damaged, "damaged", "key \(entry.key) cannot be exported: \(error.message)")
                }
            }
        }
    }
}
#endif
