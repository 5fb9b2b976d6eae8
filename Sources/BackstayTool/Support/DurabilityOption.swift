#if CommandLine
import ArgumentParser
import Backstay
import ExitHooks
import WriteAheadJournal

/// `--durability`, of every changing command.
struct DurabilityOption: ParsableArguments {
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case process
        case power
    }

    @Option(help: "What the change survives before it is acknowledged: the end of the process, or power loss.")
    var durability = Level.power

    var level: Durability { durability == .power ? .power : .process }
}
#endif
