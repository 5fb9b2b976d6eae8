// The entry of the command `backstay`. Without the trait CommandLine there is no argument parser, and no command.

#if CommandLine
import Drill

// The drill's children are this very executable, told so by a first argument that nobody types.
if try await !ChildPart.playIfAsked() { await Tool.start() }
#else
note("backstay: built without the trait CommandLine: build it with `swift build`, which has it by default")
endProcess(2)
#endif
