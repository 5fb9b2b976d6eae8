#if CommandLine
import ArgumentParser
import Backstay
import ExitHooks
import WriteAheadJournal

/// KEY, checked before anything is opened.
struct KeyArgument: ParsableArguments {
    @Argument(help: "The key: 1 to 4,096 bytes of UTF-8. It may begin with \"-\".")
    var key: String

    var bytes: [UInt8] { Array(key.utf8) }

    func validate() throws {
        let count = key.utf8.count
        guard count >= 1 && count <= 4_096 else {
            throw ValidationError(
                count == 0 ? "a key may not be empty" : "a key may have 4096 bytes of UTF-8, this one has \(count)")
        }
    }
}
#endif
