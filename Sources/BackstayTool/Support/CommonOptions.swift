#if CommandLine
import ArgumentParser

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false
}
#endif
