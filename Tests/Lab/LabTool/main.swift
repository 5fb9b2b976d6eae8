// The entry of the lab's command. Without the trait CommandLine there is no argument parser, and no command.

#if CommandLine
import ArgumentParser
import CrashLab
import Drill

// Children of the lab are this very executable, told so by a first argument that nobody types.
if try await !ChildPart.playIfAsked(or: LabPrograms.all) { LabCommand.main() }
#else
print("lab: built without the trait CommandLine: build it with `swift build`, which has it by default")
#endif
