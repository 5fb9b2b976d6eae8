// The arguments before the parser sees them.
//
// 1. They must be UTF-8: Swift would silently repair them, and a repaired key is another key.
// 2. A key or a value may begin with "-" (a negative number does), which the parser takes for an option. So for the
//    commands below only the options they have are options; everything else is put behind a "--".

#if CommandLine
enum Arguments {
    /// Commands with a KEY, and whether it is followed by a value that is an option's.
    private static let commandsWithKeys: Set<String> = ["set", "get", "remove"]
    private static let flags: Set<String> = ["--json", "--help", "-h", "--version"]
    private static let options: Set<String> = ["--durability"]

    /// Whether a failure is to be reported as JSON: known before the rest is understood.
    static var askForJSON: Bool { CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("--json") }

    /// What to give to the parser.
    static func prepared() throws(Failure) -> [String] {
        try checkEncoding()
        return reordered(Array(CommandLine.arguments.dropFirst()))
    }

    /// Why unsafe pointers: they are the process's own argument vector, terminated by C and never changed here.
    private static func checkEncoding() throws(Failure) {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let pointer = CommandLine.unsafeArgv[index], String(validatingCString: pointer) == nil else {
                continue
            }
            throw Failure(usage: "argument \(index) is not UTF-8: keys, values and paths must be")
        }
    }

    static func reordered(_ arguments: [String]) -> [String] {
        guard let command = arguments.first, commandsWithKeys.contains(command) else { return arguments }
        var front = [command]
        var positional: [String] = []
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            if argument == "--" {
                positional += rest
                break
            }
            if flags.contains(argument) {
                front.append(argument)
            } else if options.contains(argument) {
                front.append(argument)
                if let value = rest.popFirst() { front.append(value) }
            } else if options.contains(where: { argument.hasPrefix($0 + "=") }) {
                front.append(argument)
            } else {
                positional.append(argument)
            }
        }
        return front + ["--"] + positional
    }
}
#endif
