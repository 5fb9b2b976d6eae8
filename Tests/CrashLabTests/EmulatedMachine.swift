#if CommandLine
@testable import CrashLab

/// The machine that `.ci/power-machine` makes, for the attacks that boot it.
enum EmulatedMachine {
    static let folder =
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/.build/power-machine"

    /// Whether it can be booted here; prints why not.
    static var isThere: Bool {
        let missing = [
            BlockFileSystem.missingForAll, BlockFileSystem.ext4.missing, PowerMachine.missing(in: folder),
        ].compactMap(\.self)
        for reason in missing { print("not tested: \(reason)") }
        return missing.isEmpty
    }
}
#endif
