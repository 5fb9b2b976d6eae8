// `backstay remove`: one key.

#if CommandLine
import ArgumentParser
import Backstay

struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Removes a key.",
        discussion: """
            Exit status 3, and nothing is changed, where there is no such key or store.
            With --json: {"key":…,"lsn":…,"durability":"power"}
            """
    )

    @OptionGroup var store: StoreArgument
    @OptionGroup var key: KeyArgument
    @OptionGroup var level: DurabilityOption
    @OptionGroup var common: CommonOptions

    func run() throws {
        let receipt = try store.withStore(createsStore: false) { store in
            try store.transaction(durability: level.level) { transaction in
                guard try transaction.contains(key.key) else { throw Failure.noSuchKey(key.key) }
                try transaction.removeStored(key.bytes)
            }.receipt
        }
        if common.json { try withOutput { try $0.print(receipt.json(key: key.key)) } }
    }
}
#endif
