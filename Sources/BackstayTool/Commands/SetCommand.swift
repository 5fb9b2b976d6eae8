// `backstay set`: one value.

#if CommandLine
import ArgumentParser
import Backstay

struct SetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Sets a value; creates the store if it is not there.",
        discussion: """
            VALUE is JSON if it parses, else a string. KEY and VALUE may begin with "-"; what is also the name of an \
            option goes behind "--".
            With --json: {"key":…,"lsn":…,"durability":"power"}
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var key: KeyArgument
    @Argument(help: "The value: JSON, or else a string.")
    var value: String
    @OptionGroup var level: DurabilityOption
    @OptionGroup var common: CommonOptions

    func run() throws {
        let parsed = JSONText.cliValue(value)
        let receipt = try store.withStore(createsStore: true) { store in
            try store.transaction(durability: level.level) { transaction in
                try transaction.setStored(key.bytes, parsed.kind, parsed.bytes)
            }.receipt
        }
        if common.json { try withOutput { try $0.print(receipt.json(key: key.key)) } }
    }
}

extension StateStore.Receipt {
    /// The answer to a change.
    func json(key: String) -> JSON {
        ["key": .string(key), "lsn": .uint(lsn.value), "durability": .string(durability.rawValue)]
    }
}
#endif
